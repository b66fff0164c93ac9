//! All groups: the face of the balance. Time, reports and endpoints come in; directives, weights and states go out.

use super::group::Group;
use super::policy::Policies;
pub use super::refused::Refused;
use super::report::Report;
use super::status::GroupStatus;
use crate::model::{Cluster, ServiceName, SteerWeights};
use crate::trust::{Caller, SpiffeId};
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Steps are due this often at least, since a report can make one due.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How many addresses a refusal names.
const NAMED: usize = 4;

/// All groups that report.
#[derive(Debug)]
pub struct Groups {
    policies: Arc<Policies>,
    cluster: Option<Arc<Cluster>>,
    by_name: BTreeMap<ServiceName, Group>,
    weights: Arc<SteerWeights>,
}

impl Groups {
    /// Nothing is known yet.
    pub fn new(_now: Time) -> Self {
        Self { policies: Arc::default(), cluster: None, by_name: BTreeMap::new(), weights: Arc::default() }
    }

    /// These policies hold from now on.
    pub fn policies(&mut self, now: Time, policies: Arc<Policies>) {
        self.by_name.iter_mut().for_each(|(name, group)| group.policy(now, policies.of(name)));
        self.policies = policies;
    }

    /// These are the endpoints now.
    pub fn cluster(&mut self, now: Time, cluster: Arc<Cluster>) {
        for (name, group) in &mut self.by_name {
            let service = cluster.services.get(name);
            let before = self.cluster.as_ref().and_then(|cluster| cluster.services.get(name));
            if !same(before, service) {
                group.service(now, service);
            }
        }
        self.cluster = Some(cluster);
    }

    /// This process leads from now on. What it has heard before is worth nothing: everything is learned anew, for one
    /// interval at least, before anything is closed.
    pub fn lead(&mut self, _now: Time) {
        self.by_name.clear();
        self.weights = Arc::default();
    }

    /// Takes a report and says what may be drained.
    pub fn report(&mut self, now: Time, caller: &Caller, request: &ReportRequest) -> Result<Directive, Refused> {
        let report = Report::try_from(request)?;
        let group = self.group(now, &report.group)?;
        let address = member(group, caller, &report)?;
        Ok(group.report(now, address, report))
    }

    fn group(&mut self, now: Time, name: &ServiceName) -> Result<&mut Group, Refused> {
        let Some(cluster) = &self.cluster else {
            return Err(Refused::Unavailable("the endpoints are not known yet".to_owned()));
        };
        let Some(service) = cluster.services.get(name) else {
            return Err(Refused::PermissionDenied(format!("there is no Service {name}")));
        };
        let group = || Group::new(now, name.clone(), self.policies.of(name), service);
        Ok(self.by_name.entry(name.clone()).or_insert_with(group))
    }

    /// Does what is due, and says when to call again.
    pub fn step(&mut self, now: Time) -> Time {
        self.by_name.retain(|_, group| group.step(now));
        self.collect_weights();
        let due = self.by_name.values().map(Group::due).min().unwrap_or(Time::NEVER);
        due.min(now.plus(LONGEST_SLEEP))
    }

    fn collect_weights(&mut self) {
        let steered = || self.by_name.iter().filter(|(_, group)| !group.weights().is_empty());
        let same = self.weights.len() == steered().count()
            && steered().all(|(name, group)| self.weights.get(name) == Some(group.weights()));
        if !same {
            self.weights = Arc::new(steered().map(|(name, group)| (name.clone(), group.weights().clone())).collect());
        }
    }

    /// The weights for balancers that take their endpoints from `steer/`. The same `Arc` while nothing changes.
    pub fn weights(&self) -> Arc<SteerWeights> {
        self.weights.clone()
    }

    /// What operators see, by name.
    pub fn statuses(&self, now: Time) -> Vec<GroupStatus> {
        self.by_name.values().map(|group| group.status(now)).collect()
    }
}

fn same(before: Option<&Arc<crate::model::Service>>, now: Option<&Arc<crate::model::Service>>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => Arc::ptr_eq(before, now),
        (None, None) => true,
        _ => false,
    }
}

/// Whom the report speaks for: the first address that it names and that is a ready endpoint, if the caller may speak for it.
fn member(group: &Group, caller: &Caller, report: &Report) -> Result<IpAddr, Refused> {
    let own = [caller.address.to_canonical()];
    let claimed = if report.addresses.is_empty() { &own } else { report.addresses.as_slice() };
    let Some(address) = claimed.iter().find(|address| group.endpoints().contains(address)) else {
        let named: Vec<String> = claimed.iter().take(NAMED).map(ToString::to_string).collect();
        let (named, name) = (named.join(", "), &report.group);
        return Err(Refused::PermissionDenied(format!("{named}: not the address of a ready endpoint of {name}")));
    };
    if has_account(group, caller, address).unwrap_or(*address == own[0]) {
        return Ok(*address);
    }
    let (from, name) = (caller.address, &report.group);
    let remedy = "call with the pod's own certificate, or without one from its own address";
    Err(Refused::PermissionDenied(format!(
        "{from} has not proven to have the service account of {address} in {name}: {remedy}"
    )))
}

/// Whether the caller has proven to be of the pod's account; `None` when that cannot be known: only then does an address count,
/// which whoever is in the same network may take.
fn has_account(group: &Group, caller: &Caller, address: &IpAddr) -> Option<bool> {
    let workload = group.endpoints().get(address).and_then(|endpoint| endpoint.workload.as_ref());
    let workload = workload.filter(|workload| !workload.service_account.is_empty())?;
    let is_account = |identity: &SpiffeId| {
        identity.namespace == workload.namespace && identity.service_account == workload.service_account
    };
    (!caller.identities.is_empty()).then(|| caller.identities.iter().any(is_account))
}

#[cfg(test)]
mod tests;
