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

/// A duration from `SHORTEST` to `LONGEST`, in seconds; the longest is whole hours.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Period<const SHORTEST: u64, const LONGEST: u64>(Duration);

impl<const SHORTEST: u64, const LONGEST: u64> Period<SHORTEST, LONGEST> {
    /// The duration.
    pub fn get(self) -> Duration {
        self.0
    }
}

impl<'de, const SHORTEST: u64, const LONGEST: u64> Deserialize<'de> for Period<SHORTEST, LONGEST> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let range = Duration::from_secs(SHORTEST)..=Duration::from_secs(LONGEST);
        match humantime::parse_duration(&text) {
            Ok(duration) if range.contains(&duration) => Ok(Self(duration)),
            _ => {
                let hours = LONGEST / 3_600;
                let wrong =
                    format_args!("{text:?} is no duration from {SHORTEST}s to {hours}h; use one such as 10s or 5m");
                Err(D::Error::custom(wrong))
            }
        }
    }
}

impl<const SHORTEST: u64, const LONGEST: u64> Serialize for Period<SHORTEST, LONGEST> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        duration::write(&self.0, serializer)
    }
}

impl<const SHORTEST: u64, const LONGEST: u64> JsonSchema for Period<SHORTEST, LONGEST> {
    fn schema_name() -> Cow<'static, str> {
        format!("PeriodOf{SHORTEST}To{LONGEST}Seconds").into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": evenkeel_filter_core::settings::schema::DURATION})
    }
}
