//! The section `rebalance`: whom to report to, and how fast connections may be moved.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::number::MaxRate;
use crate::duration;

/// Reports to the control plane, which says how many connections may be drained to even out the group.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rebalance {
    /// The group that this proxy belongs to.
    pub group: Group,
    /// The Envoy cluster that leads to the control plane.
    pub cluster: ClusterName,
    /// The time between two reports while something moves, 100 ms at least.
    #[serde(default = "one_second", deserialize_with = "duration::with_default", serialize_with = "duration::write")]
    pub interval: Duration,
    /// The share of the connections, the most that there have been lately, that may be drained per second, whatever the
    /// control plane says.
    #[serde(default)]
    pub max_rate: MaxRate,
    /// What the group is measured by.
    #[serde(default)]
    pub signal: Signal,
}

impl Rebalance {
    /// With the defaults for the rest.
    pub fn new(group: Group, cluster: ClusterName) -> Self {
        Self {
            group,
            cluster,
            interval: duration::DEFAULT_INTERVAL,
            max_rate: MaxRate::default(),
            signal: Signal::default(),
        }
    }
}

/// What the distribution is measured by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub enum Signal {
    /// The number of live connections.
    #[default]
    Connections,
    /// The requests per second on live connections. Needs `evenkeel.request`.
    Requests,
}

fn one_second() -> Duration {
    duration::DEFAULT_INTERVAL
}

/// The Kubernetes Service whose ready pods are the group's members, as `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group(String);

impl TryFrom<String> for Group {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.split_once('/').is_some_and(|(namespace, name)| is_object_name(namespace) && is_object_name(name)) {
            return Ok(Self(text));
        }
        Err(format!(
            r#""{text}" is not a group: write the Kubernetes Service as "NAMESPACE/NAME", such as "istio-system/istio-ingressgateway""#
        ))
    }
}

impl Group {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Group {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// What Kubernetes takes as a name of a namespace or Service: a DNS label, or several with dots.
fn is_object_name(text: &str) -> bool {
    let is_end =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    let is_inner = |letter: char| is_end(Some(letter)) || letter == '-' || letter == '.';
    text.len() <= 253 && is_end(text.chars().next()) && is_end(text.chars().last()) && text.chars().all(is_inner)
}

/// The name of an Envoy cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClusterName(String);

impl TryFrom<&str> for ClusterName {
    type Error = &'static str;

    fn try_from(text: &str) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Err(r#""" is not a cluster: name the Envoy cluster of the control plane"#);
        }
        Ok(Self(text.to_owned()))
    }
}

impl ClusterName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for ClusterName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?.as_str()).map_err(D::Error::custom)
    }
}
