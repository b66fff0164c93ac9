//! Which policies hold, and what they want: from the policies and Services of a cluster alone.

mod destinations;
mod outbound;
mod refusal;
#[cfg(test)]
mod tests;

pub use destinations::DeclinedDestination;
pub use outbound::UncappedDestination;
pub use refusal::Refusal;

use super::conflicts::Claim;
use super::render::{Release, render};
use super::seen::SeenPolicy;
use crate::model::{Cluster, ServiceName};
use k8s_openapi::api::core::v1::Service;
use kube::api::DynamicObject;
use outbound::Clients;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// What the cluster has.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// All policies.
    pub policies: Vec<SeenPolicy>,
    /// All Services, with their selectors.
    pub services: BTreeMap<ServiceName, Service>,
    /// The endpoints, and what Istio's own resources say of the way to them.
    pub cluster: Arc<Cluster>,
}

/// What is made of it: the policies, oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Those that nobody has deleted.
    pub policies: Vec<Planned>,
}

/// A policy, and whether it holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// The policy.
    pub seen: SeenPolicy,
    /// Whether it holds.
    pub verdict: Verdict,
}

/// Whether a policy holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It does.
    Accepted {
        /// For this Service.
        service: ServiceName,
        /// By these objects, with their owner.
        objects: Vec<DynamicObject>,
        /// The destinations whose endpoints stay with istiod all the same.
        declined: Vec<DeclinedDestination>,
        /// The destinations whose connections are left alone all the same.
        uncapped: Vec<UncappedDestination>,
    },
    /// It does not.
    Refused(Refusal),
}

impl Verdict {
    /// All reasons that there are.
    pub const REASONS: [&'static str; 4] = ["Accepted", "TargetNotFound", "Conflicted", "Invalid"];

    /// For programs, in the conditions of the status.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Accepted { .. } => "Accepted",
            Self::Refused(refusal) => refusal.reason(),
        }
    }
}

/// An accepted policy: its name, and its pods.
type Holder<'a> = (&'a str, Claim);

impl Plan {
    /// What the policies of a cluster come to, with this release.
    pub fn new(sources: &Sources, release: &Release) -> Self {
        let mut policies: Vec<_> = sources.policies.iter().filter(|policy| !policy.is_going()).collect();
        policies.sort_by(|one, other| one.age().cmp(&other.age()));
        let mut holders = Vec::new();
        let mut plan = Self::default();
        for seen in policies {
            let verdict = sources.judge(seen, &mut holders, release).unwrap_or_else(Verdict::Refused);
            plan.policies.push(Planned { seen: seen.clone(), verdict });
        }
        plan
    }
}

impl Sources {
    fn judge<'a>(
        &self,
        seen: &'a SeenPolicy,
        holders: &mut Vec<Holder<'a>>,
        release: &Release,
    ) -> Result<Verdict, Refusal> {
        let claim = self.claim(seen)?;
        let overlap = holders.iter().find_map(|(name, earlier)| Some((*name, claim.overlap(earlier)?)));
        if let Some((other, overlap)) = overlap {
            return Err(Refusal::Conflicted { other: other.to_owned(), overlap });
        }
        let verdict = self.accept(seen, &claim, release)?;
        holders.push((seen.name(), claim));
        Ok(verdict)
    }

    fn claim(&self, seen: &SeenPolicy) -> Result<Claim, Refusal> {
        seen.spec.as_ref().map_err(|problem| Refusal::Invalid(problem.clone()))?;
        let target = seen.target().ok_or_else(|| Refusal::Invalid("spec.targetRefs: name one Service".to_owned()))?;
        let service = self.services.get(&target).ok_or_else(|| Refusal::TargetNotFound(target.clone()))?;
        Ok(Claim::new(target.clone(), service, self.addresses(&target)))
    }

    fn addresses(&self, service: &ServiceName) -> BTreeSet<IpAddr> {
        let known = self.cluster.services.get(service);
        known.iter().flat_map(|service| &service.endpoints).map(|endpoint| endpoint.address).collect()
    }

    fn accept(&self, seen: &SeenPolicy, claim: &Claim, release: &Release) -> Result<Verdict, Refusal> {
        let service = claim.service.clone();
        let found = seen.policy().zip(self.services.get(&service));
        let (mut policy, target) = found.ok_or_else(|| Refusal::TargetNotFound(service.clone()))?;
        let declined = policy.spec.endpoints.as_mut().map(|section| self.decline(section)).unwrap_or_default();
        let clients = Clients { namespace: &service.namespace, labels: &claim.selector };
        let outbound = policy.spec.outbound.as_mut();
        let (ruled, uncapped) = outbound.map(|section| self.cap(section, clients)).unwrap_or_default();
        let objects = render(&policy, target, &ruled, release).map_err(|error| Refusal::Invalid(error.to_string()))?;
        let objects = objects.iter().map(|object| owned(object, seen)).collect::<serde_json::Result<_>>();
        let objects = objects.map_err(|error| Refusal::Invalid(error.to_string()))?;
        Ok(Verdict::Accepted { service, objects, declined, uncapped })
    }
}

/// The object, which goes with its policy.
fn owned(object: &impl Serialize, seen: &SeenPolicy) -> serde_json::Result<DynamicObject> {
    let mut object: DynamicObject = serde_json::from_value(serde_json::to_value(object)?)?;
    object.metadata.owner_references = Some(vec![seen.owner_reference()]);
    Ok(object)
}
