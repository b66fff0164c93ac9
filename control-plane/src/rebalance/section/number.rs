//! Numbers and durations that are checked when they are read.

use evenkeel_filter_core::duration;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize, Serializer};
use std::borrow::Cow;
use std::time::Duration;

/// How far above its share a member may be, as a part of it; above 0 and up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("minimum" = 0.0, "exclusiveMinimum" = true, "maximum" = 1.0))]
pub struct Tolerance(f64);

impl Tolerance {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for Tolerance {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        let is_in_range = number > 0.0 && number <= 1.0;
        is_in_range.then_some(Self(number)).ok_or_else(|| out_of_range(number, "above 0 and up to 1"))
    }
}

impl From<Tolerance> for f64 {
    fn from(tolerance: Tolerance) -> Self {
        tolerance.0
    }
}

/// The part of its share that a member has at least; 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(try_from = "f64", into = "f64")]
#[schemars(extend("minimum" = 0.0, "maximum" = 1.0))]
pub struct MinShare(f64);

impl MinShare {
    /// The number.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl TryFrom<f64> for MinShare {
    type Error = String;

    fn try_from(number: f64) -> Result<Self, String> {
        (0.0..=1.0).contains(&number).then_some(Self(number)).ok_or_else(|| out_of_range(number, "0 to 1"))
    }
}

impl From<MinShare> for f64 {
    fn from(share: MinShare) -> Self {
        share.0
    }
}

fn out_of_range(number: f64, range: &str) -> String {
    format!("{number} is out of range; use {range}")
}

/// A duration from zero to `HOURS`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period<const HOURS: u64>(Duration);

impl<const HOURS: u64> Period<HOURS> {
    /// The duration.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl<'de, const HOURS: u64> Deserialize<'de> for Period<HOURS> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match humantime::parse_duration(&text) {
            Ok(duration) if duration <= Duration::from_hours(HOURS) => Ok(Self(duration)),
            _ => {
                Err(D::Error::custom(format_args!("{text:?} is no duration up to {HOURS}h; use one such as 10s or 5m")))
            }
        }
    }
}

impl<const HOURS: u64> Serialize for Period<HOURS> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        duration::write(&self.0, serializer)
    }
}

impl<const HOURS: u64> JsonSchema for Period<HOURS> {
    fn schema_name() -> Cow<'static, str> {
        format!("PeriodUpTo{HOURS}Hours").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": evenkeel_filter_core::settings::schema::DURATION})
    }
}
