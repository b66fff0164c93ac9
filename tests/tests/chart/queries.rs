//! What a `PromQL` query asks for: metrics, values of labels, and the labels by which it groups.

use anyhow::{Context, Result, ensure};

/// Every metric of ours begins so.
const PREFIX: &str = "evenkeel_";

/// A metric and the labels that it must have.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector {
    pub metric: String,
    /// Label and one of the values that are asked for.
    pub matchers: Vec<(String, String)>,
}

/// All metrics that a query asks for. One of another program is an error: the test could not know it.
pub fn selectors(query: &str) -> Result<Vec<Selector>> {
    let mut selectors = Vec::new();
    let mut rest = query;
    while let Some(start) = rest.find(PREFIX) {
        let from = &rest[start..];
        let end = from.find(|letter: char| !is_name(letter)).unwrap_or(from.len());
        let (metric, behind) = from.split_at(end);
        let (inside, behind) = braces(behind)?;
        selectors.push(Selector { metric: metric.to_owned(), matchers: matchers(inside)? });
        rest = behind;
    }
    ensure!(!selectors.is_empty(), "{query} asks for nothing of ours");
    Ok(selectors)
}

/// The labels behind each `by`.
pub fn groupings(query: &str) -> Vec<String> {
    let lists = query.split("by (").skip(1).filter_map(|rest| rest.split_once(')'));
    lists.flat_map(|(list, _)| list.split(", ")).map(str::to_owned).collect()
}

fn is_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_' || letter == ':'
}

/// What is in the braces that a text begins with, and what is behind them.
fn braces(text: &str) -> Result<(&str, &str)> {
    let Some(inside) = text.strip_prefix('{') else { return Ok(("", text)) };
    inside.split_once('}').with_context(|| format!("{text}: a brace that nobody closes"))
}

/// A regular expression stands for each of its alternatives; Grafana's variable and `.*` for anything.
fn matchers(inside: &str) -> Result<Vec<(String, String)>> {
    let mut matchers = Vec::new();
    for matcher in inside.split(", ").filter(|matcher| !matcher.is_empty()) {
        let (label, value) = matcher.split_once('=').with_context(|| format!("{matcher} compares nothing"))?;
        let value = value.trim_start_matches('~').trim_matches('"');
        let values = value.split('|').filter(|value| !value.starts_with('$'));
        matchers.extend(values.map(|value| (label.to_owned(), value.to_owned())));
    }
    Ok(matchers)
}

#[test]
fn a_query_is_read_as_prometheus_reads_it() -> Result<()> {
    let query = "sum by (group, le) (rate(evenkeel_a_total{group=~\"$group\", result=~\"x|y\"}[5m])) > 2 * evenkeel_b";
    let pair = |label: &str, value: &str| (label.to_owned(), value.to_owned());
    let first =
        Selector { metric: "evenkeel_a_total".to_owned(), matchers: vec![pair("result", "x"), pair("result", "y")] };
    let second = Selector { metric: "evenkeel_b".to_owned(), matchers: Vec::new() };
    assert_eq!(selectors(query)?, [first, second]);
    assert_eq!(groupings(query), ["group", "le"]);
    ensure!(selectors("absent(up)").is_err());
    Ok(())
}
