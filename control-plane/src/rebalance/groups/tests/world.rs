//! A group, its proxies and a clock.

use crate::model::{Cluster, Endpoint, Health, Service, ServiceName, Weight, Workload};
use crate::rebalance::{GroupStatus, Groups, Policies, Policy, Refused};
use crate::trust::{Caller, SpiffeId};
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

pub const GROUP: &str = "default/gateway";

pub fn address(pod: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, pod).into()
}

pub fn caller(pod: u8) -> Caller {
    Caller { address: address(pod), identities: Vec::new() }
}

pub fn identity(account: &str) -> SpiffeId {
    format!("spiffe://cluster.local/ns/default/sa/{account}").parse().unwrap()
}

/// An Envoy that obeys at once; what it drains comes back nowhere.
#[derive(Clone, Debug)]
pub struct Proxy {
    pub pod: u8,
    pub report: ReportRequest,
}

impl Proxy {
    pub fn new(pod: u8, instance: u64, live: u64) -> Self {
        let report = ReportRequest {
            group: GROUP.to_owned(),
            instance,
            sequence: 1,
            live,
            accepted: live,
            max_rate: 0.2,
            ..ReportRequest::default()
        };
        Self { pod, report }
    }

    /// Does what it may.
    pub fn obey(&mut self, directive: &Directive) {
        let drains = directive.drains.saturating_sub(self.report.drained).min(self.report.live);
        self.report.drained += drains;
        self.report.live -= drains;
        self.report.draining += drains;
        self.report.revision = directive.revision;
    }

    /// New connections arrive.
    pub fn accept(&mut self, connections: u64) {
        self.report.live += connections;
        self.report.accepted += connections;
    }
}

pub struct World {
    pub groups: Groups,
    pub now: Time,
    pub proxies: Vec<Proxy>,
    pub endpoints: Vec<Endpoint>,
}

impl World {
    pub fn new(proxies: Vec<Proxy>) -> Self {
        let now = Time::from_nanoseconds(1_000_000_000);
        let endpoints = proxies.iter().map(|proxy| endpoint(proxy.pod)).collect();
        let mut world = Self { groups: Groups::new(now), now, proxies, endpoints };
        world.publish();
        world
    }

    /// A group of old Envoys with so many connections each, which has been learned and calmed down.
    pub fn calm(live: &[u64]) -> Self {
        let old = |(index, live): (usize, &u64)| {
            let mut proxy = Proxy::new(index as u8 + 1, index as u64 + 1, *live);
            proxy.report.sequence = 1_000;
            proxy
        };
        let mut world = Self::new(live.iter().enumerate().map(old).collect());
        world.seconds(3);
        world
    }

    pub fn publish(&mut self) {
        let service =
            Service { endpoints: self.endpoints.clone(), ..Service::new(ServiceName::new("default", "gateway")) };
        let services = [service].into_iter().collect();
        self.groups.cluster(self.now, Arc::new(Cluster { services, ..Cluster::default() }));
    }

    pub fn policy(&mut self, policy: Policy) {
        self.groups.policies(self.now, Arc::new(Policies { default: policy, ..Policies::default() }));
    }

    /// A pod joins, with one Envoy.
    pub fn join(&mut self, proxy: Proxy) {
        self.endpoints.push(endpoint(proxy.pod));
        self.proxies.push(proxy);
        self.publish();
    }

    pub fn weigh(&mut self, pod: u8, weight: i64) {
        let endpoint = self.endpoints.iter_mut().find(|endpoint| endpoint.address == address(pod)).unwrap();
        endpoint.weight = Weight::try_from(weight).unwrap();
        self.publish();
    }

    pub fn ready(&mut self, pod: u8, ready: bool) {
        let endpoint = self.endpoints.iter_mut().find(|endpoint| endpoint.address == address(pod)).unwrap();
        endpoint.health = if ready { Health::Ready } else { Health::NotReady };
        self.publish();
    }

    pub fn report(&mut self, index: usize) -> Result<Directive, Refused> {
        let proxy = &mut self.proxies[index];
        let answer = self.groups.report(self.now, &caller(proxy.pod), &proxy.report);
        proxy.report.sequence = proxy.report.sequence.wrapping_add(1);
        if let Ok(directive) = &answer {
            proxy.obey(directive);
        }
        answer
    }

    /// The controller takes a step, a second passes.
    pub fn step(&mut self) {
        self.groups.step(self.now);
        self.now = self.now.plus(Duration::from_secs(1));
    }

    /// Everybody reports before each step.
    pub fn seconds(&mut self, seconds: u32) {
        for _ in 0..seconds {
            for index in 0..self.proxies.len() {
                let _ = self.report(index);
            }
            self.step();
        }
    }

    pub fn drained(&self) -> u64 {
        self.proxies.iter().map(|proxy| proxy.report.drained).sum()
    }

    pub fn status(&self) -> GroupStatus {
        self.groups.statuses(self.now).remove(0)
    }
}

pub fn endpoint(pod: u8) -> Endpoint {
    let workload =
        Workload { namespace: "default".to_owned(), service_account: "gateway".to_owned(), ..Workload::default() };
    Endpoint { workload: Some(Arc::new(workload)), ..Endpoint::new(address(pod), Arc::default()) }
}
