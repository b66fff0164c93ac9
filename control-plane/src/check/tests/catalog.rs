//! The documentation and the code say the same.

use super::*;
use std::collections::BTreeSet;

const PAGE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../istio/CHECKS.md"));

#[test]
fn codes_are_unique_and_in_order() {
    let codes: Vec<&str> = rules().iter().map(|rule| rule.code).collect();
    let sorted: BTreeSet<&str> = codes.iter().copied().collect();
    assert_eq!(codes, sorted.into_iter().collect::<Vec<_>>());
    assert!(codes.iter().all(|code| code.len() == 6 && code.starts_with("EK")));
}

/// A changed rule fails here: put what the failure prints into istio/CHECKS.md.
#[test]
fn the_page_has_a_row_for_each_rule_and_no_other() {
    let expected: Vec<String> = rules().into_iter().map(row).collect();
    let rows: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("| EK")).collect();
    assert_eq!(rows, expected, "\n{}\n", expected.join("\n"));
}

fn row(rule: &Rule) -> String {
    let Rule { code, severity, title, why, remedy } = rule;
    let cell = |text: &str| text.replace('|', "\\|");
    format!("| {code} | {severity} | {} | {} | {} |", cell(title), cell(why), cell(remedy))
}
