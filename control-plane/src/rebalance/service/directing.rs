//! The groups, as far as this replica may direct them.

use super::Refusal;
use crate::model::{Cluster, SteerWeights};
use crate::rebalance::groups::Groups;
use crate::rebalance::leader::Leadership;
use crate::rebalance::status::GroupStatus;
use crate::trust::Caller;
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use std::sync::Arc;

/// The groups and the term in which they are directed.
#[derive(Debug)]
pub struct Directing {
    groups: Groups,
    /// The term that was seen last.
    term: Option<u64>,
    leads: bool,
    /// What was handed over last; `None` before the source has been read completely.
    cluster: Option<Arc<Cluster>>,
    /// The weights of a replica that does not lead.
    unsteered: Arc<SteerWeights>,
}

impl Directing {
    pub fn new(groups: Groups) -> Self {
        Self { groups, term: None, leads: false, cluster: None, unsteered: Arc::default() }
    }

    /// Takes note of whether this replica leads now. With each term everything is learned anew.
    pub fn follow(&mut self, now: Time, leadership: Leadership) {
        let term = leadership.term(now);
        self.leads = term.is_some();
        if self.leads && term != self.term {
            self.term = term;
            self.groups.lead(now);
        }
    }

    pub fn report(&mut self, now: Time, caller: &Caller, report: &ReportRequest) -> Result<Directive, Refusal> {
        if !self.leads {
            return Err(Refusal::NotLeading);
        }
        if self.cluster.is_none() {
            return Err(Refusal::NotSynced);
        }
        self.groups.report(now, caller, report).map_err(Refusal::Refused)
    }

    /// The groups take over the newest endpoints.
    pub fn cluster(&mut self, now: Time, cluster: Arc<Cluster>) {
        if self.cluster.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &cluster)) {
            self.cluster = Some(cluster.clone());
            self.groups.cluster(now, cluster);
        }
    }

    /// Does what is due, and says when something will be again.
    pub fn step(&mut self, now: Time) -> Time {
        if self.leads { self.groups.step(now) } else { Time::NEVER }
    }

    pub fn weights(&self) -> Arc<SteerWeights> {
        if self.leads { self.groups.weights() } else { self.unsteered.clone() }
    }

    pub fn statuses(&mut self, now: Time) -> Vec<GroupStatus> {
        if self.leads { self.groups.statuses(now) } else { Vec::new() }
    }

    pub fn groups(&mut self) -> &mut Groups {
        &mut self.groups
    }
}
