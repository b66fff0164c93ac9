//! Durations as people write them: `90s`, `30m`, `1h30m`.

use std::fmt;
use std::time::Duration;

use serde::Serializer;
use serde::de::{Deserializer, Error, Visitor};

/// The shortest duration that the filter can keep: it looks at its connections every 50 ms at most.
pub const SHORTEST: Duration = Duration::from_millis(100);
/// The longest duration that is taken seriously.
pub const LONGEST: Duration = Duration::from_hours(365 * 24);

/// The time between two reports where none is configured.
pub const DEFAULT_INTERVAL: Duration = Duration::from_secs(1);
/// What a duration is written in, with the length in nanoseconds. Go's parser reads them as well.
const UNITS: [(&str, u128); 5] =
    [("h", 3_600_000_000_000), ("m", 60_000_000_000), ("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];

/// Deserializes an optional duration from [`SHORTEST`] to [`LONGEST`].
pub fn optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    deserializer.deserialize_any(DurationVisitor { left_out: "no limit" })
}

/// Deserializes a duration from [`SHORTEST`] to [`LONGEST`]; without one it is [`DEFAULT_INTERVAL`].
pub fn with_default<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = deserializer.deserialize_any(DurationVisitor { left_out: "1s" })?;
    Ok(duration.unwrap_or(DEFAULT_INTERVAL))
}

/// A duration as [`optional`] reads it.
pub fn write_optional<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    match duration {
        Some(duration) => write(duration, serializer),
        None => serializer.serialize_none(),
    }
}

/// A duration in the largest unit that it is a whole number of: `90m`, not `1h30m`.
pub fn write<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    let nanoseconds = duration.as_nanos();
    let (unit, length) = UNITS.iter().find(|(_, length)| nanoseconds.is_multiple_of(*length)).unwrap_or(&("ns", 1));
    serializer.collect_str(&format_args!("{}{unit}", nanoseconds / length))
}

struct DurationVisitor {
    /// What it means to leave the field out.
    left_out: &'static str,
}

impl Visitor<'_> for DurationVisitor {
    type Value = Option<Duration>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(r#"a number and its unit in quotes, such as "90s", "30m" or "1h30m""#)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        let duration = humantime::parse_duration(text).map_err(|_| {
            E::custom(format_args!(
                r#""{text}" is not a duration: write a number and its unit, such as "90s", "30m" or "1h30m""#
            ))
        })?;
        if (SHORTEST..=LONGEST).contains(&duration) {
            return Ok(Some(duration));
        }
        let left_out = self.left_out;
        Err(E::custom(format_args!(
            r#""{text}" is out of range: use "100ms" to "365d", or leave the field out for {left_out}"#
        )))
    }
}
