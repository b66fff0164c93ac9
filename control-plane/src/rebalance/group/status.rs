//! What operators see of a group.

use super::{CALM, Group};
use crate::rebalance::instance::Instance;
use crate::rebalance::member::Member;
use crate::rebalance::status::{GroupStatus, MemberStatus};
use evenkeel_filter_core::Time;
use std::net::IpAddr;

impl Group {
    /// The group and its ready endpoints at this moment.
    pub fn status(&self, now: Time) -> GroupStatus {
        let (verdict, since) = self.controller.verdict();
        let members: Vec<MemberStatus> = self.endpoints.iter().map(|(address, _)| self.member(now, *address)).collect();
        GroupStatus {
            group: self.name.to_string(),
            state: verdict.state,
            reason: verdict.reason.clone(),
            mode: self.policy.mode,
            live: members.iter().map(|member| member.live).sum(),
            draining: members.iter().map(|member| member.draining).sum(),
            members,
            imbalance: self.imbalance,
            excess: self.assessment.values().map(|assessed| assessed.excess).sum(),
            closes: self.closes,
            since: now.since(since).as_secs_f64(),
            interval: if self.is_calm() { self.interval.max(CALM) } else { self.interval }.as_secs_f64(),
            returning: self.in_flight,
        }
    }

    fn member(&self, now: Time, address: IpAddr) -> MemberStatus {
        let member = self.members.get(&address);
        let newest = member.and_then(Member::newest);
        let assessed = self.assessment.get(&address);
        let sum = |number: fn(&Instance) -> u64| member.map_or(0, |member| member.sum(now, number));
        let weight = self.endpoints.get(&address).map_or(1.0, |endpoint| endpoint.weight);
        MemberStatus {
            address,
            pod: newest.map(|instance| instance.report().node.clone()).unwrap_or_default(),
            live: sum(|instance| instance.report().counters.live),
            draining: sum(|instance| instance.report().counters.draining),
            share: assessed.map(|assessed| assessed.share),
            expected: assessed.map(|assessed| assessed.expected),
            excess: assessed.map(|assessed| assessed.excess),
            landing: assessed.map(|assessed| assessed.landing),
            weight: weight * member.map_or(1.0, |member| member.warmth(now, self.policy.warmup)),
            reports: member.map_or(0, Member::reports),
            last_report_seconds: newest.map(|instance| now.since(instance.heard()).as_secs_f64()),
        }
    }
}
