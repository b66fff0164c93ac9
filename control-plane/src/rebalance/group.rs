//! One group: from reports to a situation, and from a decision to directives.

mod endpoints;
mod learning;
mod status;

pub use endpoints::Endpoints;

use super::controller::{self, Assessment, Controller, Decision, Order, Orders, Situation};
use super::instance::Drained;
use super::member::Member;
use super::policy::Policy;
use super::report::Report;
use super::returning::Returning;
use super::status::State;
use crate::model::{Service, ServiceName, Weight};
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::{Directive, Signal};
use learning::Learning;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// The time between two reports, and two steps, while nothing moves.
const CALM: Duration = Duration::from_secs(10);
const SHORTEST: Duration = Duration::from_millis(100);
/// While connections move there are so many steps in the time between two reports of a member: members do not report all
/// at once, and what one says need not wait for the others.
const STEPS: u32 = 2;

/// The proxies among which connections should be even.
#[derive(Debug)]
pub struct Group {
    name: ServiceName,
    policy: Policy,
    endpoints: Endpoints,
    members: BTreeMap<IpAddr, Member>,
    controller: Controller,
    learning: Learning,
    returning: Returning,
    signal: Signal,
    /// What was reported as drained since the last step.
    drained: Drained,
    closes: u64,
    due: Time,
    interval: Duration,
    assessment: BTreeMap<IpAddr, Assessed>,
    imbalance: f64,
    in_flight: f64,
    weights: BTreeMap<IpAddr, Weight>,
}

/// One member as it was measured last.
#[derive(Clone, Copy, Debug)]
struct Assessed {
    share: f64,
    expected: f64,
    excess: f64,
    landing: f64,
}

impl Group {
    /// The group of a service, of which nothing has been heard.
    pub fn new(now: Time, name: ServiceName, policy: Policy, service: &Service) -> Self {
        Self {
            name,
            policy,
            endpoints: Endpoints::of(service),
            members: BTreeMap::new(),
            controller: Controller::new(now),
            learning: Learning::since(now),
            returning: Returning::default(),
            signal: Signal::Connections,
            drained: Drained::default(),
            closes: 0,
            due: now,
            interval: SHORTEST,
            assessment: BTreeMap::new(),
            imbalance: 1.0,
            in_flight: 0.0,
            weights: BTreeMap::new(),
        }
    }

    /// The ready endpoints.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// The weights for balancers; empty when they are equal.
    pub fn weights(&self) -> &BTreeMap<IpAddr, Weight> {
        &self.weights
    }

    /// When the next step is due.
    pub fn due(&self) -> Time {
        self.due
    }

    /// Another policy holds from now on.
    pub fn policy(&mut self, now: Time, policy: Policy) {
        if policy != self.policy {
            self.policy = policy;
            self.due = now;
        }
    }

    /// The service has other endpoints, or none any more.
    pub fn service(&mut self, now: Time, service: Option<&Arc<Service>>) {
        let endpoints = service.map(|service| Endpoints::of(service)).unwrap_or_default();
        if endpoints == self.endpoints {
            return;
        }
        if endpoints.changes_a_weight_of(&self.endpoints) {
            self.controller.arm(now);
        } else if !endpoints.same_addresses(&self.endpoints) {
            self.controller.endpoints_changed(now);
        }
        self.endpoints = endpoints;
        self.due = now;
    }

    /// Takes a report of the Envoy at the address, and answers it.
    pub fn report(&mut self, now: Time, address: IpAddr, report: Report) -> Directive {
        let (id, configured, signal, calm) = (report.instance, report.interval, self.signal, self.is_calm());
        let member = self.members.entry(address).or_default();
        if member.instance_mut(id).is_none() {
            Self::joins(now, &self.learning, &mut self.controller, member, report);
            self.due = now;
        } else if let Some(change) = member.hear(now, report, signal) {
            self.returning.drained(now, change.drained.load as f64);
            self.returning.arrived(change.arrived);
            self.drained = self.drained.and(change.drained);
            self.closes = self.closes.saturating_add(change.drained.connections);
        }
        // A step that is due may find that it is calm no more.
        let interval = if calm && now < self.due { configured.max(CALM) } else { configured };
        member.instance_mut(id).map(|instance| instance.directive(interval, signal)).unwrap_or_default()
    }

    /// An Envoy that was not known. It is new to the group unless everybody is new to us, and it is not young.
    fn joins(now: Time, learning: &Learning, controller: &mut Controller, member: &mut Member, report: Report) {
        let is_new = learning.is_new(&report);
        member.add(now, report);
        if is_new {
            member.join(now);
            controller.arm(now);
        }
    }

    fn is_calm(&self) -> bool {
        !matches!(self.controller.verdict().0.state, State::Settling | State::Rebalancing)
    }

    /// Does what is due. Whether the group is still needed.
    pub fn step(&mut self, now: Time) -> bool {
        if now < self.due {
            return true;
        }
        self.members.retain(|_, member| member.expire(now));
        self.measure_by_signal(now);
        self.interval = self.configured_interval(now);
        let situation = self.situation(now);
        let (decision, assessment) = self.controller.step(now, &self.policy, &situation);
        self.remember(&situation, &assessment);
        self.carry_out(now, &situation, decision);
        self.due = now.plus(self.pause());
        if let Some(settles) = self.controller.settles(&self.policy).filter(|settles| *settles > now) {
            self.due = self.due.min(settles);
        }
        !self.members.is_empty()
    }

    /// Until the next step.
    fn pause(&self) -> Duration {
        match self.controller.verdict().0.state {
            State::Rebalancing => self.interval / STEPS,
            State::Settling => self.interval,
            _ => CALM,
        }
    }

    /// Requests are the signal when the policy says so and all proxies report them.
    fn measure_by_signal(&mut self, now: Time) {
        let reports_requests = |member: &Member| member.heard(now).all(|i| i.report().signal == Signal::Requests);
        let requests = self.policy.signal == Signal::Requests && self.members.values().all(reports_requests);
        let signal = if requests { Signal::Requests } else { Signal::Connections };
        if signal != self.signal {
            self.signal = signal;
            self.returning = Returning::default();
            self.drained = Drained::default();
            self.members.values_mut().for_each(Member::take_back);
        }
    }

    fn configured_interval(&self, now: Time) -> Duration {
        let intervals = self.members.values().flat_map(|member| member.heard(now)).map(|i| i.report().interval);
        intervals.max().unwrap_or(SHORTEST)
    }

    fn situation(&mut self, now: Time) -> Situation {
        let signal = self.signal;
        let quantum = self.quantum(now);
        let outstanding = self.sum(|member| member.sum(now, |i| i.outstanding(signal)));
        let returning = self.returning.expected(now, outstanding) / quantum;
        let (interval, step) = (self.interval, self.interval / STEPS);
        let by_requests = signal == Signal::Requests;
        let mut situation =
            Situation { quantum, by_requests, returning, interval, step, attending: true, ..Situation::default() };
        let drained = std::mem::take(&mut self.drained);
        situation.closes = drained.connections as f64;
        (situation.drained, situation.closes_on_average) =
            (drained.load as f64 / quantum, drained.on_average / quantum);
        for (address, endpoint) in self.endpoints.iter() {
            let member = self.members.get_mut(address).filter(|member| member.heard(now).next().is_some());
            let Some(member) = member else {
                situation.silent.push(*address);
                continue;
            };
            let warmth = member.warmth(now, self.policy.warmup);
            situation.warming |= warmth < 1.0;
            situation.attending &= member.heard(now).all(|i| i.attends(interval));
            situation.members.push(controller::Member {
                address: *address,
                live: member.sum(now, |i| i.load(signal) - i.outstanding(signal)) as f64 / quantum,
                weight: endpoint.weight * warmth,
                accepted: member.take_accepted() as f64,
                most: member.sum(now, |i| i.most(signal, step)),
                mean: mean(
                    member.sum(now, |i| i.load(signal)) as f64,
                    member.sum(now, |i| i.report().counters.live) as f64,
                ),
            });
        }
        situation.connections = self.connections(now, returning - outstanding / quantum);
        situation.learning = self.learning.reason(now, self.interval, situation.members.len(), situation.silent.len());
        situation
    }

    /// The load of an average connection.
    fn quantum(&self, now: Time) -> f64 {
        mean(self.sum(|member| member.sum(now, |i| i.load(self.signal))), self.live(now))
    }

    /// The connections that there are, those on their way included where they are counted.
    fn connections(&self, now: Time, drained: f64) -> f64 {
        let live = self.live(now);
        if self.signal == Signal::Requests { live } else { live + drained }
    }

    fn live(&self, now: Time) -> f64 {
        self.sum(|member| member.sum(now, |i| i.report().counters.live))
    }

    /// Over the members that are ready endpoints.
    fn sum(&self, number: impl Fn(&Member) -> u64) -> f64 {
        let members = self.members.iter().filter(|(address, _)| self.endpoints.contains(address));
        members.map(|(_, member)| number(member) as f64).sum()
    }

    fn remember(&mut self, situation: &Situation, assessment: &Assessment) {
        self.imbalance = assessment.imbalance;
        self.in_flight = situation.returning;
        let measured = |(index, member): (usize, &controller::Member)| {
            let measure = |list: &[f64]| list.get(index).copied().unwrap_or_default();
            let assessed = Assessed {
                share: measure(&assessment.shares),
                expected: measure(&assessment.expected),
                excess: measure(&assessment.excess),
                landing: measure(&assessment.landing),
            };
            (member.address, assessed)
        };
        self.assessment = situation.members.iter().enumerate().map(measured).collect();
    }

    fn carry_out(&mut self, now: Time, situation: &Situation, decision: Decision) {
        match decision.orders {
            Orders::TakeBack => self.members.values_mut().for_each(Member::take_back),
            Orders::Allow(orders) => self.allow(now, situation, &orders),
        }
        let weights = decision.weights.unwrap_or_default();
        let addresses = situation.members.iter().map(|member| member.address);
        self.weights = addresses.zip(weights).collect();
        if !self.weights.is_empty() {
            self.weights.extend(situation.silent.iter().map(|address| (*address, Weight::ONE)));
        }
    }

    fn allow(&mut self, now: Time, situation: &Situation, orders: &[Order]) {
        for (member, order) in situation.members.iter().zip(orders).filter(|(_, order)| order.connections > 0) {
            if let Some(member) = self.members.get_mut(&member.address) {
                member.allow(now, *order, self.signal);
            }
        }
    }
}

/// The load of an average connection; 1 at least, and when there is none.
fn mean(load: f64, connections: f64) -> f64 {
    if connections > 0.0 { (load / connections).max(1.0) } else { 1.0 }
}
