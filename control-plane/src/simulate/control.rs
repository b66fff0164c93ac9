//! The control plane of a simulation: the controller as it is, and the endpoints that it knows.

use super::scenario::Scenario;
use crate::model::{Cluster, Endpoint, Service, ServiceName, SteerWeights, Weight};
use crate::rebalance::{GroupStatus, Groups, Policies};
use crate::trust::Caller;
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

const NAMESPACE: &str = "simulation";
const NAME: &str = "gateway";

/// A control plane, which may be gone for a while.
#[derive(Debug)]
pub struct Control {
    groups: Option<Groups>,
    policies: Arc<Policies>,
    cluster: Arc<Cluster>,
}

/// The group of all pods.
pub fn group() -> String {
    format!("{NAMESPACE}/{NAME}")
}

/// The address of a pod.
pub fn address(pod: usize) -> IpAddr {
    Ipv4Addr::from_bits(u32::from(Ipv4Addr::new(10, 0, 0, 1)) + pod as u32).into()
}

impl Control {
    /// One that knows no endpoints.
    pub fn new(now: Time, scenario: &Scenario) -> Self {
        let mut control = Self { groups: None, policies: Arc::default(), cluster: Arc::default() };
        control.start(now);
        control.pause(now, scenario, false);
        control
    }

    /// It begins anew.
    pub fn start(&mut self, now: Time) {
        let mut groups = Groups::new(now);
        groups.policies(now, self.policies.clone());
        groups.cluster(now, self.cluster.clone());
        groups.lead(now);
        self.groups = Some(groups);
    }

    /// It is gone.
    pub fn stop(&mut self) {
        self.groups = None;
    }

    /// Whether it answers at all.
    pub fn is_there(&self) -> bool {
        self.groups.is_some()
    }

    /// The policy is paused, or not.
    pub fn pause(&mut self, now: Time, scenario: &Scenario, paused: bool) {
        let default = scenario.rebalance.policy(paused);
        self.policies = Arc::new(Policies { default, ..Policies::default() });
        if let Some(groups) = &mut self.groups {
            groups.policies(now, self.policies.clone());
        }
    }

    /// These pods are ready, each with its weight.
    pub fn ready(&mut self, now: Time, pods: &[(usize, u8)]) {
        let endpoint = |(pod, weight): &(usize, u8)| {
            let weight = Weight::try_from(i64::from(*weight)).unwrap_or(Weight::ONE);
            Endpoint { weight, ..Endpoint::new(address(*pod), Arc::default()) }
        };
        let endpoints = pods.iter().map(endpoint).collect();
        let service = Service { endpoints, ..Service::new(ServiceName::new(NAMESPACE, NAME)) };
        self.cluster = Arc::new(Cluster { services: [service].into_iter().collect(), ..Cluster::default() });
        if let Some(groups) = &mut self.groups {
            groups.cluster(now, self.cluster.clone());
        }
    }

    /// Takes a report of a pod; `None` when it is refused or nobody is there.
    pub fn report(&mut self, now: Time, pod: usize, report: &ReportRequest) -> Option<Directive> {
        let caller = Caller { address: address(pod), identities: Vec::new() };
        self.groups.as_mut()?.report(now, &caller, report).ok()
    }

    /// Takes a step, and says when the next one is due.
    pub fn step(&mut self, now: Time) -> Option<Time> {
        self.groups.as_mut().map(|groups| groups.step(now))
    }

    /// The weights for balancers.
    pub fn weights(&self) -> Arc<SteerWeights> {
        self.groups.as_ref().map(Groups::weights).unwrap_or_default()
    }

    /// What operators see, if there is anything.
    pub fn status(&self, now: Time) -> Option<GroupStatus> {
        self.groups.as_ref()?.statuses(now).pop()
    }
}

/// The weights of pods as a balancer gets them.
pub fn weights_of(pods: &[usize], weights: &SteerWeights) -> Vec<f64> {
    let weights = weights.values().next();
    let weight = |pod: &usize| weights.and_then(|weights| weights.get(&address(*pod))).map_or(1, |weight| weight.get());
    pods.iter().map(|pod| f64::from(weight(pod))).collect()
}
