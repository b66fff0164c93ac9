//! Whatever happens: once nothing happens any more, the cluster is as its policies want it.

use super::world::{World, seconds};
use crate::policy::plan::{Plan, Verdict};
use crate::policy::reconcile::{ObjectKey, Reconciler};
use crate::policy::status::PROGRAMMED;
use crate::policy::testing::{policy, release};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeMap;

/// What can happen to a cluster.
#[derive(Clone, Debug)]
enum Event {
    /// Somebody writes something else into an object.
    Edit(u8),
    /// Somebody deletes all objects.
    Delete,
    /// The API server refuses what is asked of it, or does not any more.
    Refuse(bool),
    /// The watch tells what there is.
    Tell,
    /// What is to be done is done.
    Settle,
    /// Only the first thing that is to be done is done.
    DoOne,
    /// Time passes, in seconds.
    Wait(u8),
    /// The policy of this number is there, or is not any more.
    Policy(u8, bool),
    /// The cap of all policies is another, in minutes.
    Cap(u8),
    /// Another replica leads.
    Lead,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        any::<u8>().prop_map(Event::Edit),
        Just(Event::Delete),
        any::<bool>().prop_map(Event::Refuse),
        Just(Event::Tell),
        Just(Event::Settle),
        Just(Event::DoOne),
        (0..20_u8).prop_map(Event::Wait),
        (0..3_u8, any::<bool>()).prop_map(|(number, there)| Event::Policy(number, there)),
        (1..60_u8).prop_map(Event::Cap),
        Just(Event::Lead),
    ]
}

impl World {
    fn happens(&mut self, event: &Event) {
        match event {
            Event::Edit(data) => self.edit(&data.to_string()),
            Event::Delete => self.live.clear(),
            Event::Refuse(refuses) => self.refuses = *refuses,
            Event::Tell => self.watch_tells(),
            Event::Settle => drop(self.settle()),
            Event::DoOne => {
                if let Some(action) = self.actions().into_iter().next() {
                    self.carry_out(action);
                }
            }
            Event::Wait(time) => drop(self.after(seconds(u64::from(*time)))),
            Event::Policy(number, there) => self.policy(*number, *there),
            Event::Cap(minutes) => self.cap(*minutes),
            Event::Lead => self.reconciler = Reconciler::new(self.now),
        }
    }

    fn policy(&mut self, number: u8, there: bool) {
        let name = format!("policy-{number}");
        self.sources.policies.retain(|policy| policy.name() != name);
        if there {
            self.sources.policies.push(policy(&name, "cart", i64::from(number)));
        }
    }

    fn cap(&mut self, minutes: u8) {
        for policy in &mut self.sources.policies {
            let inbound = serde_json::from_value(serde_json::json!({"maxAge": format!("{minutes}m")}));
            policy.spec.as_mut().unwrap().inbound = inbound.unwrap();
        }
    }

    /// What the policies want now.
    fn wanted(&self) -> BTreeMap<ObjectKey, Value> {
        let plan = Plan::new(&self.sources, &release());
        let objects = plan.policies.into_iter().flat_map(|planned| match planned.verdict {
            Verdict::Accepted { objects, .. } => objects,
            Verdict::Refused(_) => Vec::new(),
        });
        objects.map(|object| (ObjectKey::of(&object), object.data)).collect()
    }
}

proptest! {
    #[test]
    fn once_nothing_happens_any_more_the_cluster_is_as_wanted(events in prop::collection::vec(event(), 0..40)) {
        let mut world = World::new(&[policy("policy-0", "cart", 0)]);
        for event in &events {
            world.happens(event);
        }
        world.refuses = false;
        for _ in 0..3 {
            world.watch_tells();
            // Longer than anything waits.
            world.after(seconds(120)).settle();
        }
        let live: BTreeMap<_, _> = world.live.iter().map(|(key, object)| (key.clone(), object.data.clone())).collect();
        prop_assert_eq!(live, world.wanted());
        for policy in &world.sources.policies {
            let holds = world.wanted().keys().any(|key| key.name == format!("evenkeel-{}", policy.name()));
            prop_assert_eq!(world.status(policy.name()).is(PROGRAMMED), holds);
        }
    }
}
