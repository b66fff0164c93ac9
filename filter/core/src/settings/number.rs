//! Numbers with a range: one that does not fit is refused with its value and the range.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};

/// A number of requests from 1 to 4,294,967,295, as Envoy's own `max_requests_per_connection`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transparent))]
pub struct RequestCount(
    // Kubernetes knows no unsigned numbers.
    #[cfg_attr(feature = "schema", schemars(with = "i64", range(min = 1, max = 4_294_967_295_u32)))] u32,
);

impl RequestCount {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl<'de> Deserialize<'de> for RequestCount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RANGE: &str = "a whole number from 1 to 4294967295";
        let value = deserializer.deserialize_f64(NumberVisitor(RANGE))?;
        if value.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&value) {
            return Ok(Self(value as u32));
        }
        Err(D::Error::custom(format_args!("{value} is out of range: use {RANGE}, or leave the field out for no limit")))
    }
}

/// A share in [0, 1) that chance may take off a limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transparent))]
pub struct Jitter(
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0.0, "maximum" = 1.0, "exclusiveMaximum" = true)))] f64,
);

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
        let value = deserializer.deserialize_f64(NumberVisitor(RANGE))?;
        Self::try_from(value).map_err(|value| D::Error::custom(format_args!("{value} is out of range: use {RANGE}")))
    }
}

/// A share in (0, 1] of the live connections that may be drained per second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(transparent))]
pub struct MaxRate(
    #[cfg_attr(feature = "schema", schemars(extend("minimum" = 0.0, "exclusiveMinimum" = true, "maximum" = 1.0)))] f64,
);

impl MaxRate {
    /// The share.
    pub fn get(self) -> f64 {
        self.0
    }
}

impl Default for MaxRate {
    fn default() -> Self {
        Self(0.2)
    }
}

impl TryFrom<f64> for MaxRate {
    type Error = f64;

    fn try_from(value: f64) -> Result<Self, f64> {
        if value > 0.0 && value <= 1.0 { Ok(Self(value)) } else { Err(value) }
    }
}

impl<'de> Deserialize<'de> for MaxRate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RANGE: &str = "a number above 0 and up to 1";
        let value = deserializer.deserialize_f64(NumberVisitor(RANGE))?;
        let refuse = |value| D::Error::custom(format_args!("{value} is out of range: use {RANGE}, 0.2 is the default"));
        Self::try_from(value).map_err(refuse)
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
