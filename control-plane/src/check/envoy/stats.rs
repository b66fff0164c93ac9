//! Counters and gauges.

use crate::check::message::{list, number, text};
use serde_json::Value;
use std::collections::BTreeMap;

/// Counters and gauges by name. Most are left out by the proxies of Istio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats(BTreeMap<String, u64>);

impl Stats {
    /// From `/stats` or `/stats?format=json`. Whatever has no number is left out; nothing when it is neither of the two.
    pub fn parse(answer: &str) -> Option<Self> {
        let stats = if answer.trim_start().starts_with('{') { json(answer)? } else { lines(answer) };
        (!stats.is_empty()).then_some(Self(stats))
    }

    /// The value of one.
    pub fn get(&self, name: &str) -> Option<u64> {
        self.0.get(name).copied()
    }

    /// All whose name starts and ends like this, with what is between.
    pub fn between<'a>(&'a self, start: &'a str, end: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
        let from = self.0.range(start.to_owned()..).take_while(move |(name, _)| name.starts_with(start));
        from.filter_map(move |(name, value)| Some((name.strip_prefix(start)?.strip_suffix(end)?, *value)))
    }
}

fn lines(answer: &str) -> BTreeMap<String, u64> {
    let number = |line: &str| {
        let (name, value) = line.rsplit_once(": ")?;
        Some((name.to_owned(), value.trim().parse().ok()?))
    };
    answer.lines().filter_map(number).collect()
}

fn json(answer: &str) -> Option<BTreeMap<String, u64>> {
    let answer: Value = serde_json::from_str(answer).ok()?;
    let stats = list(&answer, "stats").iter();
    Some(stats.filter_map(|stat| Some((text(stat, "name").to_owned(), number(stat, "value")?))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_are_read() {
        let text =
            "cluster.outbound|80||a.b.upstream_cx_active: 3\nversion_text: \"\"\nx.duration: No recorded values\n";
        let json =
            r#"{"stats": [{"name": "cluster.outbound|80||a.b.upstream_cx_active", "value": 3}, {"histograms": {}}]}"#;
        let stats = Stats::parse(text).unwrap();
        assert_eq!(Stats::parse(json), Some(stats.clone()));
        assert_eq!(stats.get("cluster.outbound|80||a.b.upstream_cx_active"), Some(3));
        assert_eq!(stats.between("cluster.", ".upstream_cx_active").collect::<Vec<_>>(), [("outbound|80||a.b", 3)]);
        assert_eq!(Stats::parse("<html>"), None);
    }
}
