//! One pod of a group: the Envoys that report for its address.

use super::controller::Order;
use super::instance::{Change, Instance};
use super::law;
use super::report::Report;
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::Signal;
use std::time::Duration;

/// How long an Envoy that has stopped reporting is remembered: until then it is not a new one when it comes back.
const REMEMBERED: Duration = Duration::from_mins(10);
/// More Envoys than this on one address are not remembered: two run at once during a hot restart.
const MOST_INSTANCES: usize = 8;
/// What a member that has just joined has of its weight at least while it warms up.
const LEAST_WARMTH: f64 = 0.1;

/// A pod.
#[derive(Debug, Default)]
pub struct Member {
    /// By their ids. Nearly always one.
    instances: Vec<Instance>,
    joined: Option<Time>,
    accepted: u64,
}

impl Member {
    /// Takes a report of an Envoy that is known already; `None` if it is not.
    pub fn hear(&mut self, now: Time, report: Report, signal: Signal) -> Option<Change> {
        let id = report.instance;
        let instance = self.instance_mut(id)?;
        let change = instance.hear(now, report, signal).unwrap_or_default();
        let heard_before = instance.heard_before();
        let others = self.instances.iter_mut().filter(|instance| instance.id() != id);
        others.for_each(|instance| instance.supersede(heard_before));
        self.accepted = self.accepted.saturating_add(change.accepted);
        Some(change)
    }

    /// Takes the first report of an Envoy.
    pub fn add(&mut self, now: Time, report: Report) {
        if self.instances.len() >= MOST_INSTANCES {
            let heard = |index: &usize| self.instances.get(*index).map(Instance::heard);
            (0..self.instances.len()).min_by_key(heard).map(|oldest| self.instances.remove(oldest));
        }
        let index = self.instances.partition_point(|instance| instance.id() < report.instance);
        self.instances.insert(index, Instance::new(now, report));
    }

    /// It has joined the group, with nothing to say of its past.
    pub fn join(&mut self, now: Time) {
        self.joined = Some(now);
    }

    /// The Envoy of this id.
    pub fn instance_mut(&mut self, id: u64) -> Option<&mut Instance> {
        self.instances.iter_mut().find(|instance| instance.id() == id)
    }

    /// The Envoys whose last reports hold.
    pub fn heard(&self, now: Time) -> impl Iterator<Item = &Instance> {
        self.instances.iter().filter(move |instance| instance.is_heard(now))
    }

    /// The Envoy that was heard last, however long ago.
    pub fn newest(&self) -> Option<&Instance> {
        self.instances.iter().max_by_key(|instance| instance.heard())
    }

    /// The number of reports taken.
    pub fn reports(&self) -> u64 {
        self.instances.iter().map(Instance::reports).sum()
    }

    /// The sum of a number over the Envoys whose last reports hold.
    pub fn sum(&self, now: Time, number: impl Fn(&Instance) -> u64) -> u64 {
        self.heard(now).map(number).fold(0, u64::saturating_add)
    }

    /// The connections accepted since this was asked last.
    pub fn take_accepted(&mut self) -> u64 {
        std::mem::take(&mut self.accepted)
    }

    /// The part of its weight that it has by now, when it takes `warmup` to get all of it.
    pub fn warmth(&self, now: Time, warmup: Duration) -> f64 {
        match self.joined {
            Some(joined) if now < joined.plus(warmup) => {
                (now.since(joined).as_secs_f64() / warmup.as_secs_f64()).max(LEAST_WARMTH)
            }
            _ => 1.0,
        }
    }

    /// It may drain so much more; each of its Envoys in proportion to what it can.
    pub fn allow(&mut self, now: Time, order: Order, signal: Signal) {
        let mut heard: Vec<&mut Instance> = self.instances.iter_mut().filter(|i| i.is_heard(now)).collect();
        let parts: Vec<f64> = heard.iter().map(|i| (i.load(signal) - i.outstanding(signal)) as f64).collect();
        let loads = law::apportion(order.load, &parts).into_iter();
        let orders = loads.zip(law::apportion(order.connections, &parts));
        for (instance, (load, connections)) in heard.iter_mut().zip(orders) {
            instance.allow(now, Order { load, connections }, signal);
        }
    }

    /// It may do nothing that it has not done yet.
    pub fn take_back(&mut self) {
        self.instances.iter_mut().for_each(Instance::take_back);
    }

    /// Takes back what was not done in time and forgets who is long gone. Whether anybody is left.
    pub fn expire(&mut self, now: Time) -> bool {
        self.instances.retain(|instance| now < instance.heard().plus(REMEMBERED));
        self.instances.iter_mut().for_each(|instance| instance.expire(now));
        !self.instances.is_empty()
    }
}
