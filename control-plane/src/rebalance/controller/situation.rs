//! What a step is told of a group, and what it answers.

use crate::model::Weight;
use crate::rebalance::law;
use std::net::IpAddr;
use std::time::Duration;

/// Less than this does not count as on its way: loads measured by requests are never exactly zero.
const HALF_A_CONNECTION: f64 = 0.5;
/// So many addresses are named in a reason.
const NAMED: usize = 3;

/// A group at one moment. All loads are in connections or their equivalent.
#[derive(Clone, Debug, Default)]
pub struct Situation {
    /// The ready endpoints that report.
    pub members: Vec<Member>,
    /// The ready endpoints that do not.
    pub silent: Vec<IpAddr>,
    /// Why it is too early to act, if it is.
    pub learning: Option<String>,
    /// Whether all members report at the short interval.
    pub attending: bool,
    /// What has been drained or may be, and is not yet back.
    pub returning: f64,
    /// What the members have reported as drained on our behalf since the last step.
    pub drained: f64,
    /// The same as a number of connections, however much load each had.
    pub closes: f64,
    /// The load that so many connections of the same members have on average.
    pub closes_on_average: f64,
    /// The connections that there are, however much load each has.
    pub connections: f64,
    /// Whether load is measured by requests: connections differ in it then.
    pub by_requests: bool,
    /// How many units a directive counts per connection: 1, or thousandths of a request per second.
    pub quantum: f64,
    /// The time between two reports of a member while connections move.
    pub interval: Duration,
    /// The time between two steps then.
    pub step: Duration,
    /// Whether the weight of a member still rises.
    pub warming: bool,
}

/// A ready endpoint that reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its address.
    pub address: IpAddr,
    /// Its load without what it may drain and has not yet.
    pub live: f64,
    /// Its weight.
    pub weight: f64,
    /// The connections that it has accepted since the last step.
    pub accepted: f64,
    /// How many connections it can drain until the next step.
    pub most: u64,
    /// The load of its connections on average, in quanta.
    pub mean: f64,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// By the members.
    pub orders: Orders,
    /// By balancers that follow them: a weight per member. Equal ones when absent.
    pub weights: Option<Vec<Weight>>,
}

/// What members may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Orders {
    /// Nothing further, not even what they were allowed and have not yet done.
    TakeBack,
    /// Each may drain so much more.
    Allow(Vec<Order>),
}

/// What one member may drain beyond what it may already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// How much load, in quanta.
    pub load: u64,
    /// How many connections at most. As many as have the load on average: when those that are heavier do not fit, light
    /// ones must not go in their place, again and again.
    pub connections: u64,
}

impl Situation {
    /// Who is missing, when fewer than two thirds of the ready endpoints report.
    pub fn incomplete(&self) -> Option<String> {
        let ready = self.ready();
        if ready == 0 {
            return Some("there is no ready endpoint".to_owned());
        }
        let named: Vec<String> = self.silent.iter().take(NAMED).map(ToString::to_string).collect();
        let more = if self.silent.len() > NAMED { " and others" } else { "" };
        let reason = || {
            let (members, silent) = (self.members.len(), named.join(", "));
            format!("{members} of {ready} ready endpoints report; silent: {silent}{more}")
        };
        (self.members.len() * 3 < ready * 2).then(reason)
    }

    /// The part of all new connections that a blind balancer sends to each member. Those that are silent get theirs too.
    pub fn blind(&self) -> Vec<f64> {
        vec![1.0 / self.ready().max(1) as f64; self.members.len()]
    }

    /// The members' loads.
    pub fn live(&self) -> Vec<f64> {
        self.members.iter().map(|member| member.live).collect()
    }

    /// The members' weights.
    pub fn weights(&self) -> Vec<f64> {
        self.members.iter().map(|member| member.weight).collect()
    }

    /// Whether everything that was drained is back or forgotten.
    pub fn nothing_returns(&self) -> bool {
        self.returning < HALF_A_CONNECTION
    }

    /// The load `want` in quanta. When nothing is on its way it is rounded up, so that the last connection moves as well;
    /// otherwise to the nearest, or each step would bring half a connection too many. While connections differ in load,
    /// `budget` says nothing of it.
    pub fn whole_quanta(&self, want: f64, budget: f64) -> u64 {
        let most = if self.by_requests { f64::INFINITY } else { budget.floor() };
        let quanta = want * self.quantum;
        let whole = if self.nothing_returns() { quanta.ceil() } else { quanta.round() };
        whole.min(most).max(0.0) as u64
    }

    /// The orders that bring these loads with at most `budget` connections in all, as far as the members can follow.
    pub fn orders(&self, loads: Vec<u64>, budget: f64) -> Vec<Order> {
        let needed = self.members.iter().zip(&loads).map(|(member, load)| *load as f64 / member.mean.max(1.0));
        let needed: Vec<f64> = needed.collect();
        let count = needed.iter().sum::<f64>().ceil().min(budget.floor()).max(0.0) as u64;
        let connections = law::apportion(count, &needed).into_iter().zip(&self.members);
        let connections = connections.map(|(connections, member)| connections.min(member.most));
        loads.into_iter().zip(connections).map(|(load, connections)| self.order(load, connections)).collect()
    }

    /// The loads of all orders together, and the connections.
    pub fn sum(&self, orders: &[Order]) -> (f64, f64) {
        let (load, connections) = orders
            .iter()
            .fold((0, 0), |(load, connections), order| (load + order.load, connections + order.connections));
        (load as f64 / self.quantum, connections as f64)
    }

    fn order(&self, load: u64, connections: u64) -> Order {
        let load = if self.by_requests && connections > 0 { load } else { connections };
        Order { load, connections }
    }

    fn ready(&self) -> usize {
        self.members.len() + self.silent.len()
    }
}
