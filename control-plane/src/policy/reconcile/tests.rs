mod convergence;
mod world;

use super::*;
use crate::model::ServiceName;
use crate::policy::status::{ACCEPTED, PROGRAMMED};
use crate::policy::testing::policy;
use world::{World, seconds};

const FILTER: &str = "EnvoyFilter shop/evenkeel-caps";

/// A world in which the policy `caps` is carried out.
fn programmed() -> World {
    let mut world = World::new(&[policy("caps", "cart", 1)]);
    let done = world.settle();
    assert_eq!(done, [format!("apply {FILTER}"), "caps is NoReports [\"Programmed\"]".to_owned()]);
    world.watch_tells();
    world
}

#[test]
fn a_policy_is_applied_once_and_told_once() {
    let mut world = programmed();
    assert!(world.status("caps").is(ACCEPTED) && world.status("caps").is(PROGRAMMED));
    for _ in 0..100 {
        assert_eq!(world.after(seconds(1)).settle(), [""; 0]);
    }
}

#[test]
fn a_watch_that_lags_makes_no_second_request() {
    let mut world = World::new(&[policy("caps", "cart", 1)]);
    world.settle();
    assert_eq!(world.after(seconds(2)).settle(), [""; 0]);
    world.watch_tells();
    assert_eq!(world.after(seconds(10)).settle(), [""; 0]);
}

#[test]
fn what_somebody_edits_is_put_right_at_once_but_not_for_ever() {
    let mut world = programmed();
    world.after(seconds(10));
    let mut repaired = Vec::new();
    // Somebody who edits it again each second.
    for second in 0..200 {
        world.edit(&format!("edit {second}"));
        world.watch_tells();
        if world.after(seconds(1)).settle() == [format!("apply {FILTER}")] {
            repaired.push(second);
        }
    }
    assert_eq!(repaired[..5], [0, 2, 6, 14, 30]);
    assert_eq!(world.repairs as usize, repaired.len());
    world.edit("much later");
    world.watch_tells();
    assert_eq!(world.after(seconds(120)).settle(), [format!("apply {FILTER}")]);
    world.edit("once more");
    world.watch_tells();
    assert_eq!(world.after(seconds(2)).settle(), [format!("apply {FILTER}")], "that is forgiven");
}

#[test]
fn what_somebody_deletes_comes_back_even_if_the_watch_has_never_told_of_it() {
    let mut world = programmed();
    world.live.clear();
    world.watch_tells();
    assert_eq!(world.after(seconds(10)).settle(), [format!("apply {FILTER}")]);
    assert_eq!(world.repairs, 1);
    world.live.clear();
    assert_eq!(world.after(seconds(10)).settle(), [format!("apply {FILTER}")]);
}

#[test]
fn an_edit_of_the_policy_is_applied_and_is_no_repair() {
    let mut world = programmed();
    let spec = world.sources.policies[0].spec.as_mut().unwrap();
    spec.inbound = serde_json::from_str("{\"maxAge\": \"5m\"}").unwrap();
    world.sources.policies[0].metadata.generation = Some(2);
    let done = world.after(seconds(10)).settle();
    assert_eq!(done, [format!("apply {FILTER}"), "caps is NoReports []".to_owned()]);
    assert_eq!((world.repairs, world.status("caps").observed_generation), (0, Some(2)));
}

#[test]
fn what_was_made_for_a_policy_goes_with_it() {
    let mut world = programmed();
    world.sources.policies.clear();
    assert_eq!(world.after(seconds(10)).settle(), [format!("delete {FILTER}")]);
    assert_eq!(world.after(seconds(2)).settle(), [""; 0], "the watch lags");
    world.watch_tells();
    assert_eq!(world.after(seconds(10)).settle(), [""; 0]);
}

#[test]
fn a_policy_that_comes_back_under_its_name_takes_its_object_over() {
    let mut world = programmed();
    let mut again = policy("caps", "cart", 2);
    again.metadata.uid = Some("another-uid".to_owned());
    world.sources.policies = vec![again];
    let done = world.after(seconds(10)).settle();
    assert_eq!(done, [format!("apply {FILTER}"), "caps is NoReports [\"Programmed\"]".to_owned()]);
}

#[test]
fn a_mistake_drains_nobody_and_a_conflict_gives_way() {
    let mut world = programmed();
    let cart = world.sources.services.remove(&ServiceName::new("shop", "cart")).unwrap();
    assert_eq!(world.after(seconds(10)).settle(), ["caps is TargetNotFound [\"TargetNotFound\"]"]);
    assert!(world.status("caps").condition(PROGRAMMED).unwrap().message.contains("stays"));
    world.sources.services.insert(ServiceName::new("shop", "cart"), cart);
    assert_eq!(world.after(seconds(10)).settle(), ["caps is NoReports [\"Programmed\"]"]);
    world.sources.policies.push(policy("older", "cart", 0));
    let done = world.after(seconds(10)).settle();
    let expected = [
        "apply EnvoyFilter shop/evenkeel-older",
        "caps is Conflicted [\"Conflicted\"]",
        "delete EnvoyFilter shop/evenkeel-caps",
        "older is NoReports [\"Programmed\"]",
    ];
    assert_eq!(done, expected);
}

#[test]
fn a_refusal_is_said_and_tried_again_ever_later() {
    let mut world = World::new(&[policy("caps", "cart", 1)]);
    let mut attempts = Vec::new();
    for second in 0..120 {
        world.now = Time::from_nanoseconds(0).plus(seconds(second));
        while let Some(action) = world.actions().into_iter().next() {
            let Action::Apply { key, .. } = &action else {
                world.carry_out(action);
                continue;
            };
            attempts.push(second);
            world.reconciler.applied(key, Err("the API server answers 403: no".to_owned()), world.now);
        }
    }
    assert_eq!(attempts, [0, 2, 6, 14, 30, 62]);
    let status = world.status("caps");
    assert_eq!(status.condition(PROGRAMMED).unwrap().reason, "ApplyFailed");
    assert!(status.condition(PROGRAMMED).unwrap().message.contains(&format!("{FILTER}: the API server answers 403")));
}

#[test]
fn numbers_are_written_seldom_and_states_at_once() {
    let mut world = programmed();
    let group = |state: &str, imbalance: f64| -> GroupStatus {
        serde_json::from_value(serde_json::json!({
            "group": "shop/cart", "state": state, "reason": "", "mode": "enforce", "members": [], "live": 1,
            "draining": 0, "imbalance": imbalance, "excess": 0.0, "closes": 0, "since": 0.0, "interval": 1.0,
            "returning": 0.0,
        }))
        .unwrap()
    };
    let mut written = 0;
    for second in 0..60_u8 {
        world.groups = vec![group("Rebalancing", 1.0 + f64::from(second))];
        written += world.after(seconds(1)).settle().len();
    }
    assert!((6..=8).contains(&written), "{written}");
    world.groups = vec![group("Stuck", 61.0)];
    assert_eq!(world.settle(), ["caps is Stuck [\"Stuck\"]"]);
}

#[test]
fn what_was_not_carried_out_is_due_again() {
    let mut world = World::new(&[policy("caps", "cart", 1)]);
    assert_eq!(world.actions(), world.actions());
    let apply = world.actions().remove(0);
    world.carry_out(apply);
    let written = |actions: &[Action]| matches!(actions, [Action::Write { .. }]);
    assert!(written(&world.actions()) && written(&world.actions()));
}

#[test]
fn a_new_leader_tells_nothing_twice() {
    let mut world = programmed();
    world.reconciler = Reconciler::new(world.now);
    assert_eq!(world.settle(), [format!("apply {FILTER}")]);
    assert_eq!(world.repairs, 0);
}
