//! The plugin configuration: JSON in, checked settings or one clear error out.
//!
//! ```json
//! { "inbound":  { "maxAge": "30m", "maxRequests": 10000, "jitter": 0.2, "streamGrace": "5m" },
//!   "outbound": { "maxAge": "10m", "maxRequests": 100000, "jitter": 0.2 } }
//! ```
//!
//! Every section and every field is optional; what is left out does nothing. Unknown fields are errors, so that a
//! misspelt cap is not a missing cap.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use crate::duration;

/// How often the filter looks at its connections at least: also the longest that its metrics lag behind.
const LONGEST_TICK: Duration = Duration::from_secs(1);
/// How often at most.
const SHORTEST_TICK: Duration = Duration::from_millis(50);
/// A limit is kept to a twentieth of itself.
const TICKS_PER_LIMIT: u32 = 20;

/// Everything that one plugin is told.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Settings {
    /// Caps on connections that the proxy accepts.
    #[serde(deserialize_with = "object")]
    pub inbound: Option<Inbound>,
    /// Caps on connections that the proxy opens.
    #[serde(deserialize_with = "object")]
    pub outbound: Option<Outbound>,
}

/// Caps on accepted (downstream) connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Inbound {
    /// Age at which a connection is drained; no cap when absent.
    #[serde(deserialize_with = "duration::optional")]
    pub max_age: Option<Duration>,
    /// Number of the request whose response drains the connection; no cap when absent. Needs `evenkeel.request`.
    pub max_requests: Option<RequestCount>,
    /// How much of both caps chance may take off, per connection.
    pub jitter: Jitter,
    /// How long a drained connection may be held open by streams that do not end; for ever when absent. Needs
    /// `evenkeel.request`.
    #[serde(deserialize_with = "duration::optional")]
    pub stream_grace: Option<Duration>,
}

/// Caps on opened (upstream) connections, by replacing the key of their connection pool.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Outbound {
    /// Age at which a worker's pool key is replaced; no cap when absent.
    #[serde(deserialize_with = "duration::optional")]
    pub max_age: Option<Duration>,
    /// Requests that go out under one key of one worker; no cap when absent. Needs `evenkeel.request`.
    pub max_requests: Option<RequestCount>,
    /// How much of both caps chance may take off, per key.
    pub jitter: Jitter,
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
        Ok(settings.unwrap_or_default())
    }

    /// How often the connections have to be looked at to keep every limit to a twentieth of itself, 50 ms to 1 s.
    pub fn tick_period(&self) -> Duration {
        let inbound = self.inbound.unwrap_or_default();
        let outbound = self.outbound.unwrap_or_default();
        [inbound.max_age, inbound.stream_grace, outbound.max_age]
            .into_iter()
            .flatten()
            .map(|limit| (limit / TICKS_PER_LIMIT).max(SHORTEST_TICK))
            .fold(LONGEST_TICK, Duration::min)
    }
}

/// A number of requests from 1 to 4,294,967,295, as Envoy's own `max_requests_per_connection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestCount(u32);

impl RequestCount {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for RequestCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RANGE: &str = "a whole number from 1 to 4294967295";
        let value = deserializer.deserialize_any(NumberVisitor(RANGE))?;
        if value.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&value) {
            return Ok(Self(value as u32));
        }
        Err(D::Error::custom(format_args!("{value} is out of range: use {RANGE}, or leave the field out for no limit")))
    }
}

/// A share in [0, 1) that chance may take off a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Jitter(f64);

impl Jitter {
    /// The share.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Jitter {
    type Error = f64;

    fn try_from(value: f64) -> Result<Self, f64> {
        if (0.0..1.0).contains(&value) { Ok(Self(value)) } else { Err(value) }
    }
}

impl<'de> Deserialize<'de> for Jitter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RANGE: &str = "a number from 0 up to, but not including, 1";
        let value = deserializer.deserialize_any(NumberVisitor(RANGE))?;
        Self::try_from(value).map_err(|value| D::Error::custom(format_args!("{value} is out of range: use {RANGE}")))
    }
}

/// Takes any JSON number, so that one that does not fit is reported with its value and the range.
struct NumberVisitor(&'static str);

impl Visitor<'_> for NumberVisitor {
    type Value = f64;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<f64, E> {
        Ok(value as f64)
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<f64, E> {
        Ok(value)
    }
}

/// Takes objects only: a derived implementation would take an array of the fields' values as well.
fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object, such as {} or {\"maxAge\": \"30m\"}")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(Some)
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
