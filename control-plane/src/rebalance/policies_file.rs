//! Policies from a watched YAML file.
//!
//! ```yaml
//! paused: false                 # true stops all groups at once
//! policies:
//! - namespace: istio-system
//!   service: istio-ingressgateway
//!   rebalance:                  # all optional
//!     mode: enforce             # or observe: compute and show everything, close nothing
//!     paused: false
//!     tolerance: 0.10           # above 0, up to 1: how far above its share a member may be
//!     minShare: 0.5             # 0 to 1: the part of its share that a member has at least
//!     maxRate: 0.2              # above 0, up to 1: the part of the connections that is closed per second at most
//!     settle: 10s               # up to 1h: how long membership stands still before connections move
//!     warmup: 0s                # up to 24h: over which the weight of a new pod rises
//!     signal: connections       # or requests
//! ```
//!
//! A group that is not in it has the defaults.

mod document;

use super::{Mode, Policies, Policy};
use crate::model::ServiceName;
use crate::watched_file::{Problem, document, kubernetes_name};
use document::{Document, Entry, Rebalance};
use evenkeel_proto::rebalance::Signal;
use serde_saphyr::Spanned;
use std::collections::BTreeMap;
use std::time::Duration;

/// What the group is brought to, as a part of the tolerance: a little below it, so that chance does not lift it above.
const AIM: f64 = 0.9;
const LONGEST_SETTLE: Duration = Duration::from_hours(1);
const LONGEST_WARMUP: Duration = Duration::from_hours(24);

/// The policies that the text describes, or the first thing that is wrong with it.
pub fn parse(text: &str) -> Result<Policies, Problem> {
    let document: Document = document(text)?;
    let mut by_group = BTreeMap::new();
    for (index, entry) in document.policies.iter().enumerate() {
        let field = format!("policies[{index}]");
        let group = group(entry, &field)?;
        if by_group.insert(group.clone(), policy(&entry.rebalance, &format!("{field}.rebalance"))?).is_some() {
            let message = format!("{group} has two policies; merge them");
            return Err(Problem::at(entry.service.referenced, format!("{field}.service"), message));
        }
    }
    Ok(Policies { paused: document.paused, by_group, ..Policies::default() })
}

fn group(entry: &Entry, field: &str) -> Result<ServiceName, Problem> {
    let namespace = kubernetes_name(&entry.namespace, &format!("{field}.namespace"))?;
    Ok(ServiceName::new(namespace, kubernetes_name(&entry.service, &format!("{field}.service"))?))
}

fn policy(file: &Rebalance, field: &str) -> Result<Policy, Problem> {
    let default = Policy::default();
    let tolerance = number(file.tolerance.as_ref(), "above 0 and up to 1", above_0, &format!("{field}.tolerance"))?;
    let min_share = number(file.min_share.as_ref(), "0 to 1", from_0, &format!("{field}.minShare"))?;
    let max_rate = number(file.max_rate.as_ref(), "above 0 and up to 1", above_0, &format!("{field}.maxRate"))?;
    let settle = duration(file.settle.as_ref(), LONGEST_SETTLE, &format!("{field}.settle"))?;
    let warmup = duration(file.warmup.as_ref(), LONGEST_WARMUP, &format!("{field}.warmup"))?;
    Ok(Policy {
        mode: file.mode.map_or(default.mode, Mode::from),
        paused: file.paused,
        aim: tolerance.map_or(default.aim, |tolerance| AIM * tolerance),
        tolerance: tolerance.unwrap_or(default.tolerance),
        min_share: min_share.unwrap_or(default.min_share),
        max_rate: max_rate.unwrap_or(default.max_rate),
        settle: settle.unwrap_or(default.settle),
        warmup: warmup.unwrap_or(default.warmup),
        signal: file.signal.map_or(default.signal, Signal::from),
    })
}

fn above_0(number: f64) -> bool {
    number > 0.0 && number <= 1.0
}

fn from_0(number: f64) -> bool {
    (0.0..=1.0).contains(&number)
}

fn number(
    file: Option<&Spanned<f64>>,
    range: &str,
    is_in_range: fn(f64) -> bool,
    field: &str,
) -> Result<Option<f64>, Problem> {
    let Some(file) = file else { return Ok(None) };
    if is_in_range(file.value) {
        return Ok(Some(file.value));
    }
    Err(Problem::at(file.referenced, field, format!("{} is out of range; use {range}", file.value)))
}

fn duration(file: Option<&Spanned<String>>, longest: Duration, field: &str) -> Result<Option<Duration>, Problem> {
    let Some(file) = file else { return Ok(None) };
    match humantime::parse_duration(&file.value) {
        Ok(duration) if duration <= longest => Ok(Some(duration)),
        _ => {
            let longest = humantime::format_duration(longest);
            let message = format!("{:?} is no duration up to {longest}; use one such as 10s or 5m", file.value);
            Err(Problem::at(file.referenced, field, message))
        }
    }
}

#[cfg(test)]
mod tests;
