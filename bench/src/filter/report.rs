//! What the measurement says: rows, and whether the aims are met.

use std::fmt;

use serde::Serialize;

use super::load::Protocol;
use super::memory::Memory;
use super::samples::Samples;
use super::statistics::{Difference, difference, median};
use super::variant::Variant;

/// Everything that was measured; this is what `--json` writes.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Envoy's version.
    pub envoy: &'static str,
    /// How often each row was measured.
    pub rounds: u32,
    /// CPU per request.
    pub rows: Vec<Row>,
    /// Memory.
    pub memory: Memory,
}

/// One variant in one protocol.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The variant.
    pub variant: Variant,
    /// What client and upstream speak.
    pub http: Protocol,
    /// CPU microseconds of the whole Envoy per request, median of the rounds.
    pub us_per_request: f64,
    /// Difference to [`Variant::Plain`] in percent, median of the differences of each round.
    pub delta_percent: f64,
    /// Half of the width of the 95 % confidence interval of that difference.
    pub spread_percent: f64,
}

/// What a row says about an aim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Even the worst that the noise allows is within the aim.
    Met,
    /// Even the best that the noise allows is beyond the aim.
    NotMet,
    /// The noise does not allow to tell.
    WithinNoise,
}

impl Report {
    /// The rows of one protocol.
    pub fn rows_of(&self, http: Protocol) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.http == http)
    }

    /// What two equal Envoys may differ by, in percent: the second "no filter", and what is uncertain about it.
    pub fn noise(&self, http: Protocol) -> f64 {
        let again = self.rows_of(http).find(|row| row.variant == Variant::PlainAgain);
        again.map_or(f64::NAN, |row| row.delta_percent.abs() + row.spread_percent)
    }
}

/// All rows, in the order of the variants, HTTP/2 last.
pub fn rows(samples: &Samples) -> Vec<Row> {
    let pairs = Protocol::ALL.into_iter().flat_map(|http| Variant::ALL.map(|variant| (variant, http)));
    pairs.map(|(variant, http)| row(samples, variant, http)).collect()
}

fn row(samples: &Samples, variant: Variant, http: Protocol) -> Row {
    let values = samples.of(variant, http);
    let Difference { percent, spread } = difference(&values, &samples.of(Variant::Plain, http));
    Row { variant, http, us_per_request: median(&values), delta_percent: percent, spread_percent: spread }
}

impl Row {
    /// By how much the row may differ at most, in percent; none where nothing is aimed at.
    pub fn aim(&self) -> Option<f64> {
        match (self.variant, self.http) {
            (Variant::Connection, Protocol::Http2) => Some(5.0),
            (Variant::Connection, Protocol::Http1) => Some(10.0),
            (Variant::Request, _) => Some(15.0),
            _ => None,
        }
    }

    /// What the row says about its aim, when two equal Envoys differ by `noise` percent.
    pub fn verdict(&self, noise: f64) -> Option<Verdict> {
        let uncertain = self.spread_percent.max(noise);
        let aim = self.aim()?;
        Some(match self.delta_percent {
            delta if delta + uncertain <= aim => Verdict::Met,
            delta if delta - uncertain > aim => Verdict::NotMet,
            _ => Verdict::WithinNoise,
        })
    }

    /// Whether the difference could as well be chance.
    pub fn is_noise(&self, noise: f64) -> bool {
        self.delta_percent.abs() <= self.spread_percent.max(noise)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Met => "met",
            Self::NotMet => "not met",
            Self::WithinNoise => "within noise",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::samples::Sample;

    fn row(variant: Variant, http: Protocol, delta_percent: f64, spread_percent: f64) -> Row {
        Row { variant, http, us_per_request: 30.0, delta_percent, spread_percent }
    }

    #[test]
    fn a_row_is_paired_with_no_filter_of_the_same_round() {
        let mut samples = Samples::default();
        for (base, value) in [(20.0, 22.0), (40.0, 44.0), (30.0, 33.0)] {
            let sample = |variant, microseconds| Sample { variant, protocol: Protocol::Http2, microseconds };
            samples.extend(vec![sample(Variant::Connection, value), sample(Variant::Plain, base)]);
        }
        let rows = rows(&samples);
        let found = rows.iter().find(|row| (row.variant, row.http) == (Variant::Connection, Protocol::Http2)).unwrap();
        assert!((found.us_per_request - 33.0).abs() < 1e-9);
        assert!((found.delta_percent - 10.0).abs() < 1e-9);
        assert!(found.spread_percent < 1e-9);
    }

    #[test]
    fn an_aim_is_met_only_beyond_the_noise() {
        let connection = |delta| row(Variant::Connection, Protocol::Http2, delta, 0.5);
        assert_eq!(connection(3.9).verdict(1.0), Some(Verdict::Met));
        assert_eq!(connection(4.1).verdict(1.0), Some(Verdict::WithinNoise));
        assert_eq!(connection(5.9).verdict(1.0), Some(Verdict::WithinNoise));
        assert_eq!(connection(6.1).verdict(1.0), Some(Verdict::NotMet));
        assert_eq!(connection(4.9).verdict(0.0), Some(Verdict::WithinNoise), "its own spread counts as well");
        assert_eq!(row(Variant::Naive, Protocol::Http2, 50.0, 1.0).verdict(1.0), None);
    }

    #[test]
    fn a_difference_below_the_noise_is_called_noise() {
        assert!(row(Variant::Native, Protocol::Http1, -1.0, 0.2).is_noise(1.5));
        assert!(row(Variant::Native, Protocol::Http1, 1.0, 1.2).is_noise(0.1));
        assert!(!row(Variant::Naive, Protocol::Http1, 30.0, 2.0).is_noise(1.5));
    }

    #[test]
    fn the_noise_is_the_second_copy_of_no_filter() {
        let memory = Memory::default();
        let rows = vec![
            row(Variant::PlainAgain, Protocol::Http1, -2.0, 0.5),
            row(Variant::PlainAgain, Protocol::Http2, 0.1, 0.7),
        ];
        let report = Report { envoy: "1.40.0", rounds: 10, rows, memory };
        assert!((report.noise(Protocol::Http1) - 2.5).abs() < 1e-9);
        assert!((report.noise(Protocol::Http2) - 0.8).abs() < 1e-9);
    }

    #[test]
    fn the_json_has_the_names_of_variants_and_protocols() {
        let json = serde_json::to_value(row(Variant::PlainAgain, Protocol::Http1, 1.0, 0.5)).unwrap();
        assert_eq!((&json["variant"], &json["http"]), (&"none_again".into(), &"h1".into()));
        for variant in Variant::ALL {
            assert_eq!(serde_json::to_value(variant).unwrap(), variant.name());
        }
    }
}
