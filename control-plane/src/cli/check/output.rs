//! Findings for people and for scripts.

use super::Output;
use crate::check::{Finding, Severity};
use std::fmt::Write;

/// Prints them.
pub fn findings(found: &[Finding], output: Output) -> anyhow::Result<()> {
    match output {
        Output::Json => println!("{}", serde_json::to_string_pretty(found)?),
        Output::Text => print!("{}", text(found)?),
    }
    Ok(())
}

fn text(found: &[Finding]) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    for Finding { rule, place, message } in found {
        let severity = rule.severity.to_string().to_uppercase();
        writeln!(text, "{severity} {}  {place}", rule.code)?;
        writeln!(text, "  {}: {message}", rule.title)?;
        writeln!(text, "  why:    {}\n  change: {}\n", rule.why, rule.remedy)?;
    }
    let count = |severity| found.iter().filter(|finding| finding.rule.severity == severity).count();
    let [errors, warnings, notes] = [Severity::Error, Severity::Warning, Severity::Info].map(count);
    writeln!(text, "errors: {errors}, warnings: {warnings}, notes: {notes}")?;
    Ok(text)
}
