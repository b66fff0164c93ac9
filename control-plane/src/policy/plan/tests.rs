use super::*;
use crate::policy::testing::{policy, release, service, sources};
use kube::ResourceExt;
use serde_json::json;

fn verdicts(sources: &Sources) -> Vec<(String, Verdict)> {
    let plan = Plan::new(sources, &release());
    plan.policies.into_iter().map(|planned| (planned.seen.name().to_owned(), planned.verdict)).collect()
}

fn reasons(sources: &Sources) -> Vec<(String, &'static str)> {
    verdicts(sources).into_iter().map(|(name, verdict)| (name, verdict.reason())).collect()
}

fn expected(expected: &[(&str, &'static str)]) -> Vec<(String, &'static str)> {
    expected.iter().map(|(name, reason)| ((*name).to_owned(), *reason)).collect()
}

#[test]
fn what_an_accepted_policy_wants_goes_with_it() {
    let sources = sources(&[policy("caps", "cart", 1)], &[service("cart", &[("app", "cart")])]);
    let verdicts = verdicts(&sources);
    let Verdict::Accepted { objects, .. } = &verdicts[0].1 else { panic!("{verdicts:?}") };
    assert_eq!(objects[0].name_any(), "evenkeel-caps");
    assert_eq!(objects[0].types.as_ref().unwrap().kind, "EnvoyFilter");
    let owner = serde_json::to_value(objects[0].owner_references()).unwrap();
    let expected = json!([{"apiVersion": "evenkeel.dev/v1alpha1", "kind": "ConnectionPolicy", "name": "caps",
                           "uid": "uid-of-caps", "controller": true}]);
    assert_eq!(owner, expected);
}

#[test]
fn the_oldest_policy_of_a_service_holds() {
    let cart = [service("cart", &[("app", "cart")])];
    let later = sources(&[policy("a-younger", "cart", 2), policy("older", "cart", 1)], &cart);
    assert_eq!(reasons(&later), expected(&[("older", "Accepted"), ("a-younger", "Conflicted")]));
    let together = sources(&[policy("b", "cart", 1), policy("a", "cart", 1), policy("c", "cart", 1)], &cart);
    assert_eq!(reasons(&together), expected(&[("a", "Accepted"), ("b", "Conflicted"), ("c", "Conflicted")]));
}

#[test]
fn one_that_does_not_hold_stands_in_nobodys_way() {
    let services = [service("cart", &[("app", "cart")]), service("none", &[])];
    let gone =
        sources(&[policy("first", "missing", 1), policy("second", "none", 2), policy("third", "cart", 3)], &services);
    let all = [("first", "TargetNotFound"), ("second", "Invalid"), ("third", "Accepted")];
    assert_eq!(reasons(&gone), expected(&all));
    assert!(all.iter().all(|(_, reason)| Verdict::REASONS.contains(reason)));
}

#[test]
fn one_that_is_being_deleted_is_as_gone() {
    let mut old = policy("old", "cart", 1);
    old.metadata.deletion_timestamp = old.metadata.creation_timestamp.clone();
    let sources = sources(&[old, policy("new", "cart", 2)], &[service("cart", &[("app", "cart")])]);
    assert_eq!(reasons(&sources), expected(&[("new", "Accepted")]));
}

#[test]
fn refusals_say_what_to_do() {
    let services = [service("cart", &[("app", "cart")])];
    let sources = sources(&[policy("old", "cart", 1), policy("new", "cart", 2), policy("lost", "card", 3)], &services);
    let said: Vec<_> = verdicts(&sources)
        .into_iter()
        .filter_map(|(_, verdict)| match verdict {
            Verdict::Refused(refusal) => Some(refusal.to_string()),
            Verdict::Accepted { .. } => None,
        })
        .collect();
    assert_eq!(
        said,
        [
            "ConnectionPolicy old is older and holds: it is for Service shop/cart as well; delete one of the two",
            "spec.targetRefs[0].name: there is no Service shop/card: create it, or correct the name",
        ]
    );
}
