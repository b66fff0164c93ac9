//! The plugin configuration: JSON in, checked settings or one clear error out.
//!
//! ```json
//! { "inbound":   { "maxAge": "30m", "maxRequests": 10000, "jitter": 0.2, "streamGrace": "5m" },
//!   "rebalance": { "group": "istio-system/istio-ingressgateway", "cluster": "evenkeel-rebalance" },
//!   "outbound":  { "maxAge": "10m", "maxRequests": 100000, "jitter": 0.2,
//!                  "destinations": [{ "host": "reviews.shop.svc.cluster.local", "maxAge": "5m", "jitter": 0.2 }] } }
//! ```
//!
//! Every section is optional, and so is every field but `rebalance.group`, `rebalance.cluster` and the `host` of a destination;
//! what is left out does nothing. Unknown fields are errors, so that a misspelt cap is not a missing cap.

mod number;
mod object;
mod outbound;
mod rebalance;
#[cfg(feature = "schema")]
pub mod schema;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::number::{Jitter, MaxRate, RequestCount};
use self::object::object;
pub use self::outbound::{Destination, Host, Outbound, Rotation, one_of_each_host};
pub use self::rebalance::{ClusterName, Group, Rebalance, Signal};
use crate::duration;

/// How often the filter looks at its connections at least: also the longest that its metrics lag behind.
const LONGEST_TICK: Duration = Duration::from_secs(1);
/// How often at most.
const SHORTEST_TICK: Duration = Duration::from_millis(50);
/// A limit is kept to a twentieth of itself.
const TICKS_PER_LIMIT: u32 = 20;

/// Everything that one plugin is told. Written as it is read, without what is absent.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Caps on connections that the proxy accepts.
    #[serde(deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub inbound: Option<Inbound>,
    /// Reports to the control plane, and drains that it allows.
    #[serde(deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub rebalance: Option<Rebalance>,
    /// Caps on connections that the proxy opens.
    #[serde(deserialize_with = "object", skip_serializing_if = "Option::is_none")]
    pub outbound: Option<Outbound>,
}

/// Caps on accepted (downstream) connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Inbound {
    /// Age at which a connection is drained; no cap when absent.
    #[serde(deserialize_with = "duration::optional")]
    #[serde(serialize_with = "duration::write_optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::optional_duration"))]
    pub max_age: Option<Duration>,
    /// Number of the request whose response drains the connection; no cap when absent. Needs `evenkeel.request`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_requests: Option<RequestCount>,
    /// How much of both caps chance may take off, per connection.
    pub jitter: Jitter,
    /// How long a drained connection may be held open by streams that do not end; for ever when absent. Needs
    /// `evenkeel.request`.
    #[serde(deserialize_with = "duration::optional")]
    #[serde(serialize_with = "duration::write_optional", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(schema_with = "schema::optional_duration"))]
    pub stream_grace: Option<Duration>,
}

impl Inbound {
    /// Whether `evenkeel.request` is needed for it.
    pub fn sees_requests(&self) -> bool {
        self.max_requests.is_some() || self.stream_grace.is_some()
    }
}

impl Settings {
    /// Parses the plugin configuration. No bytes at all are an empty object.
    ///
    /// # Errors
    /// Names the field, its value and the remedy.
    pub fn parse(json: &[u8]) -> Result<Self, SettingsError> {
        if json.trim_ascii().is_empty() {
            return Ok(Self::default());
        }
        let mut deserializer = serde_json::Deserializer::from_slice(json);
        let Whole(settings) = serde_path_to_error::deserialize(&mut deserializer).map_err(SettingsError::from_path)?;
        deserializer.end().map_err(|error| SettingsError::whole(&error))?;
        let settings: Self = settings.unwrap_or_default();
        let problem = settings.outbound.as_ref().and_then(Outbound::contradiction);
        problem.map_or(Ok(settings), |problem| Err(SettingsError { message: format!("outbound: {problem}") }))
    }

    /// How often the connections have to be looked at to keep every limit, and the `report_interval` that is in force, to
    /// a twentieth of itself, 50 ms to 1 s.
    pub fn tick_period(&self, report_interval: Option<Duration>) -> Duration {
        let inbound = self.inbound.unwrap_or_default();
        let outbound = self.outbound.as_ref().and_then(|outbound| outbound.max_age);
        [inbound.max_age, inbound.stream_grace, outbound, report_interval]
            .into_iter()
            .flatten()
            .map(|limit| (limit / TICKS_PER_LIMIT).max(SHORTEST_TICK))
            .fold(LONGEST_TICK, Duration::min)
    }
}

/// The configuration as a whole: an object as well.
#[derive(Deserialize)]
struct Whole(#[serde(deserialize_with = "object")] Option<Settings>);

/// Why a configuration was refused: the field, its value and the remedy, in one line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SettingsError {
    message: String,
}

impl SettingsError {
    fn whole(error: &serde_json::Error) -> Self {
        Self { message: format!("the plugin configuration is not a settings object: {error}") }
    }

    fn from_path(error: serde_path_to_error::Error<serde_json::Error>) -> Self {
        let path = error.path().to_string();
        let inner = error.into_inner();
        if path == "." || inner.is_syntax() || inner.is_eof() {
            return Self::whole(&inner);
        }
        Self { message: format!("{path}: {inner}") }
    }
}

#[cfg(test)]
mod tests;
