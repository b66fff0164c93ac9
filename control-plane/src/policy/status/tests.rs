use super::*;
use crate::eds::OutboundName;
use crate::model::ServiceName;
use crate::policy::plan::{DeclinedDestination, Refusal, Verdict};
use crate::rebalance::{GroupStatus, Mode, State};
use k8s_openapi::jiff::Timestamp;

fn at(second: i64) -> Time {
    Time(Timestamp::from_second(second).unwrap())
}

fn group(state: State, imbalance: f64) -> GroupStatus {
    GroupStatus {
        group: "shop/cart".to_owned(),
        state,
        reason: "in words".to_owned(),
        mode: Mode::Enforce,
        members: Vec::new(),
        live: 10,
        draining: 0,
        imbalance,
        excess: 0.0,
        closes: 7,
        since: 1.0,
        interval: 1.0,
        returning: 0.0,
    }
}

fn accepted() -> Verdict {
    Verdict::Accepted { service: ServiceName::new("shop", "cart"), objects: vec![], declined: vec![], uncapped: vec![] }
}

fn facts<'a>(verdict: &'a Verdict, programmed: Result<(), String>, group: Option<&'a GroupStatus>) -> Facts<'a> {
    Facts { generation: Some(2), verdict, programmed, rebalances: true, group, is_new: false }
}

/// Type, status and reason of each condition.
fn conditions(status: &ConnectionPolicyStatus) -> Vec<String> {
    status.conditions.iter().map(|condition| state(condition).join(" ")).collect()
}

#[test]
fn a_policy_whose_group_is_balanced_has_three_conditions_and_numbers() {
    let (verdict, group) = (accepted(), group(State::Balanced, 1.0449));
    let status = facts(&verdict, Ok(()), Some(&group)).status(None, &at(1));
    assert_eq!(conditions(&status), ["Accepted True Accepted", "Programmed True Programmed", "Balanced True Balanced"]);
    assert_eq!((status.state.as_deref(), status.imbalance, status.closes), (Some("Balanced"), Some(1.04), Some(7)));
    assert!(status.conditions.iter().all(|condition| condition.observed_generation == Some(2)));
    assert_eq!(status.condition(BALANCED).unwrap().message, "in words");
}

#[test]
fn every_state_of_the_group_is_a_reason() {
    let verdict = accepted();
    for state in State::ALL {
        let group = group(state, 1.5);
        let status = facts(&verdict, Ok(()), Some(&group)).status(None, &at(1));
        assert_eq!(status.condition(BALANCED).unwrap().reason, state.to_string());
        assert_eq!(status.is(BALANCED), state == State::Balanced);
        assert_eq!(status.state, Some(state.to_string()));
    }
}

#[test]
fn what_stands_in_the_way_comes_first() {
    let verdict = accepted();
    let failed = Err("EnvoyFilter shop/evenkeel-caps: the API server answers 403: no".to_owned());
    let status = facts(&verdict, failed, None).status(None, &at(1));
    let expected = ["Accepted True Accepted", "Programmed False ApplyFailed", "Balanced Unknown NoReports"];
    assert_eq!(conditions(&status), expected);
    assert_eq!(status.state.as_deref(), Some("ApplyFailed"));
    assert!(status.condition(PROGRAMMED).unwrap().message.contains("403: no"));

    let missing = Verdict::Refused(Refusal::TargetNotFound(ServiceName::new("shop", "cart")));
    let status = facts(&missing, Ok(()), None).status(None, &at(1));
    assert_eq!(conditions(&status), ["Accepted False TargetNotFound", "Programmed False TargetNotFound"]);
    assert_eq!(status.state.as_deref(), Some("TargetNotFound"));
}

#[test]
fn a_destination_that_stays_with_istiod_is_named_with_its_reason() {
    let cluster = OutboundName::parse("outbound|80||cart.shop.svc.cluster.local").unwrap();
    let declined = vec![DeclinedDestination { cluster, reason: "for some reason".to_owned() }];
    let verdict =
        Verdict::Accepted { service: ServiceName::new("shop", "cart"), objects: vec![], declined, uncapped: vec![] };
    let status = facts(&verdict, Ok(()), None).status(None, &at(1));
    assert_eq!(status.state.as_deref(), Some("DestinationDeclined"));
    let message = &status.condition(PROGRAMMED).unwrap().message;
    assert!(message.ends_with("outbound|80||cart.shop.svc.cluster.local: for some reason"), "{message}");
}

#[test]
fn without_a_section_rebalance_nothing_is_said_of_balance() {
    let (verdict, group) = (accepted(), group(State::Balanced, 1.0));
    let facts = Facts { rebalances: false, ..facts(&verdict, Ok(()), Some(&group)) };
    let status = facts.status(None, &at(1));
    assert_eq!(conditions(&status), ["Accepted True Accepted", "Programmed True Programmed"]);
    assert_eq!((status.state.as_deref(), status.imbalance, status.closes), (Some("Programmed"), None, None));
}

#[test]
fn a_condition_keeps_its_time_until_its_status_changes() {
    let verdict = accepted();
    let (settling, moving, even) =
        (group(State::Settling, 1.5), group(State::Rebalancing, 1.5), group(State::Balanced, 1.0));
    let since = |status: &ConnectionPolicyStatus| status.condition(BALANCED).unwrap().last_transition_time.clone();
    let first = facts(&verdict, Ok(()), Some(&settling)).status(None, &at(1));
    let second = facts(&verdict, Ok(()), Some(&moving)).status(Some(&first), &at(2));
    assert_eq!(since(&second), at(1), "another reason is no other status");
    let third = facts(&verdict, Ok(()), Some(&even)).status(Some(&second), &at(3));
    assert_eq!(since(&third), at(3));
    assert_eq!(third.condition(ACCEPTED).unwrap().last_transition_time, at(1));
}

#[test]
fn numbers_and_words_are_no_other_state() {
    let verdict = accepted();
    let (one, other) =
        (group(State::Settling, 1.5), GroupStatus { reason: "otherwise".to_owned(), ..group(State::Settling, 1.7) });
    let before = facts(&verdict, Ok(()), Some(&one)).status(None, &at(1));
    let after = facts(&verdict, Ok(()), Some(&other)).status(Some(&before), &at(1));
    assert!(before != after && !before.differs_in_state(&after));
    let stuck = group(State::Stuck, 1.5);
    assert!(before.differs_in_state(&facts(&verdict, Ok(()), Some(&stuck)).status(Some(&before), &at(1))));
}

#[test]
fn a_new_leader_does_not_take_back_what_it_has_not_heard_of_yet() {
    let (verdict, group) = (accepted(), group(State::Balanced, 1.0));
    let before = facts(&verdict, Ok(()), Some(&group)).status(None, &at(1));
    let new = Facts { is_new: true, ..facts(&verdict, Ok(()), None) };
    assert_eq!(new.status(Some(&before), &at(2)), before);
    let later = facts(&verdict, Ok(()), None).status(Some(&before), &at(40));
    assert_eq!(later.condition(BALANCED).unwrap().reason, "NoReports");
}

#[test]
fn a_long_message_is_cut_between_characters() {
    assert_eq!(within("aé", 2), "a");
    assert_eq!(within("aé", 3), "aé");
}
