//! The section `outbound`: caps on connections that the proxy opens.

use std::fmt;
use std::time::Duration;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::{Jitter, RequestCount};
use crate::duration;

/// Caps on opened (upstream) connections, by replacing the key of their connection pool.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Outbound {
    /// Age at which a worker's pool key is replaced; no cap when absent.
    #[serde(deserialize_with = "duration::optional")]
    #[serde(serialize_with = "duration::write_optional", skip_serializing_if = "Option::is_none")]
    pub max_age: Option<Duration>,
    /// Requests that go out under one key of one worker; no cap when absent. Needs `evenkeel.request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<RequestCount>,
    /// How much of both caps chance may take off, per key.
    pub jitter: Jitter,
    /// Caps for single destinations instead, each with a key of its own. They need `evenkeel.outbound`.
    #[serde(deserialize_with = "one_of_each_host", skip_serializing_if = "Vec::is_empty")]
    pub destinations: Vec<Destination>,
}

/// Caps on connections to one destination.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("x-kubernetes-validations" = [{
    "rule": "has(self.maxAge) || has(self.maxRequests)",
    "message": "it caps nothing: add `maxAge` or `maxRequests`",
}])))]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Destination {
    /// The host as the mesh knows it: `NAME.NAMESPACE.svc.DOMAIN` of a Service, or the host of a `ServiceEntry`.
    pub host: Host,
    /// Age at which new requests go out on new connections; no cap when absent.
    #[serde(default, deserialize_with = "duration::optional")]
    #[serde(serialize_with = "duration::write_optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "super::schema::optional_duration"))]
    pub max_age: Option<Duration>,
    /// Requests of one worker after which new requests go out on new connections; no cap when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<RequestCount>,
    /// How much of both caps chance may take off, each time.
    #[serde(default)]
    pub jitter: Jitter,
}

/// When a pool key is replaced.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rotation {
    /// When it is so old.
    pub max_age: Option<Duration>,
    /// When so many requests have gone out under it.
    pub max_requests: Option<RequestCount>,
    /// How much of both chance may take off.
    pub jitter: Jitter,
}

impl Outbound {
    /// When the key of all connections is replaced; `None` if nothing caps them all.
    pub fn rotation(&self) -> Option<Rotation> {
        let Self { max_age, max_requests, jitter, .. } = *self;
        (max_age.is_some() || max_requests.is_some()).then_some(Rotation { max_age, max_requests, jitter })
    }

    /// Why the two kinds of caps cannot be told apart: a key has one place in the filter state.
    pub(super) fn contradiction(&self) -> Option<&'static str> {
        let both = self.rotation().is_some() && !self.destinations.is_empty();
        both.then_some("`destinations` have caps of their own: take `maxAge` and `maxRequests` out, or `destinations`")
    }
}

impl Destination {
    /// Whether it is capped at all.
    pub fn caps(&self) -> bool {
        self.max_age.is_some() || self.max_requests.is_some()
    }

    /// When its key is replaced.
    pub fn rotation(&self) -> Rotation {
        Rotation { max_age: self.max_age, max_requests: self.max_requests, jitter: self.jitter }
    }
}

/// The host of a destination: 1 to 253 characters, no wildcard.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transparent))]
pub struct Host(
    #[cfg_attr(feature = "schema", schemars(regex(pattern = r"^[^*|\s]+$"), length(min = 1, max = 253)))] String,
);

impl Host {
    /// Its text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Host {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let fits = !text.is_empty() && text.len() <= 253;
        if fits && !text.chars().any(|character| "*|".contains(character) || character.is_whitespace()) {
            return Ok(Self(text));
        }
        Err(format!("{text:?} is no host: use one such as \"reviews.shop.svc.cluster.local\", without wildcards"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::try_from(String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// Reads destinations. Of two entries for one host nobody could tell which holds, so that is an error.
///
/// # Errors
/// When a host is there twice, besides those of the format.
pub fn one_of_each_host<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Destination>, D::Error> {
    let destinations: Vec<Destination> = Option::deserialize(deserializer)?.unwrap_or_default();
    for (index, destination) in destinations.iter().enumerate() {
        if destinations[..index].iter().any(|earlier| earlier.host == destination.host) {
            let host = &destination.host;
            return Err(D::Error::custom(format_args!("{host} is there twice: name each host once")));
        }
    }
    Ok(destinations)
}
