//! What the policies of a cluster say to the balance.

use super::plan::{Plan, Planned, Verdict};
use crate::model::ServiceName;
use crate::rebalance::{Mode, Policies, Policy};
use std::collections::BTreeMap;

/// The sections `rebalance`. That of a policy which has become wrong is the last one that was right.
#[derive(Clone, Debug, Default)]
pub struct Sections {
    paused: bool,
    by_uid: BTreeMap<String, (ServiceName, Policy)>,
}

impl Sections {
    /// None yet; none of those that will be there moves anything if they are `paused`.
    pub fn new(paused: bool) -> Self {
        Self { paused, ..Self::default() }
    }

    /// Takes over what the plan says.
    pub fn follow(&mut self, plan: &Plan) {
        let mut before = std::mem::take(&mut self.by_uid);
        for planned in &plan.policies {
            let uid = planned.seen.uid();
            if let Some(section) = section(planned, before.remove(uid)) {
                self.by_uid.insert(uid.to_owned(), section);
            }
        }
    }

    /// For the groups. One that no policy names is watched only: nobody has said that its connections may be closed.
    pub fn policies(&self) -> Policies {
        Policies { paused: self.paused, by_group: self.by_uid.values().cloned().collect(), default: unsaid() }
    }
}

fn unsaid() -> Policy {
    Policy { mode: Mode::Observe, ..Policy::default() }
}

fn section(planned: &Planned, before: Option<(ServiceName, Policy)>) -> Option<(ServiceName, Policy)> {
    match &planned.verdict {
        Verdict::Accepted { service, .. } => {
            let section = planned.seen.spec.as_ref().ok()?.rebalance.as_ref()?;
            Some((service.clone(), Policy::from(section)))
        }
        Verdict::Refused(refusal) => before.filter(|_| refusal.keeps_what_was_applied()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::seen::SeenPolicy;
    use crate::policy::testing::{policy, release, service, sources};

    fn enforcing(mut policy: SeenPolicy) -> SeenPolicy {
        policy.spec.as_mut().unwrap().rebalance.as_mut().unwrap().mode = Some(Mode::Enforce);
        policy
    }

    fn follow(sections: &mut Sections, policies: &[SeenPolicy]) -> Policies {
        let cart = [service("cart", &[("app", "cart")])];
        sections.follow(&Plan::new(&sources(policies, &cart), &release()));
        sections.policies()
    }

    #[test]
    fn what_an_accepted_policy_says_holds_for_its_group_and_others_are_only_watched() {
        let cart = ServiceName::new("shop", "cart");
        let policies = follow(&mut Sections::default(), &[enforcing(policy("caps", "cart", 1))]);
        assert_eq!(policies.of(&cart).mode, Mode::Enforce);
        assert_eq!(policies.of(&ServiceName::new("shop", "other")).mode, Mode::Observe);
        assert_eq!(Sections::default().policies().of(&cart).mode, Mode::Observe);
    }

    #[test]
    fn a_mistake_leaves_what_was_right_and_a_deletion_does_not() {
        let (cart, mut sections) = (ServiceName::new("shop", "cart"), Sections::default());
        let good = enforcing(policy("caps", "cart", 1));
        follow(&mut sections, std::slice::from_ref(&good));
        for wrong in [policy("caps", "card", 1), SeenPolicy { spec: Err("nonsense".to_owned()), ..good.clone() }] {
            assert_eq!(follow(&mut sections, &[wrong]).of(&cart).mode, Mode::Enforce);
        }
        assert_eq!(follow(&mut sections, &[]).of(&cart).mode, Mode::Observe);
    }

    #[test]
    fn a_policy_that_does_not_hold_says_nothing() {
        let (old, new) = (policy("old", "cart", 1), enforcing(policy("new", "cart", 2)));
        let policies = follow(&mut Sections::default(), &[old, new]);
        assert_eq!(policies.of(&ServiceName::new("shop", "cart")).mode, Mode::Observe);
    }
}
