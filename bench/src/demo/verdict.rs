//! Whether the demo has shown what it promises, and in which words.

use super::outcome::Outcome;
use super::timeline::EVEN;

/// The filter has helped when what exceeds an even spread is at most this share of what it is without the filter.
const HELPED: f64 = 0.5;

/// Everything that went wrong; empty when the demo has shown what it promises.
pub fn complaints(with: &Outcome, without: &Outcome) -> Vec<String> {
    let failures = [("with", with), ("without", without)].into_iter().filter_map(|(name, run)| failed(name, run));
    failures.chain(no_help(with, without)).collect()
}

/// One run's failed requests. Without the filter none may fail either: else the bed is broken, not Evenkeel.
fn failed(name: &str, run: &Outcome) -> Option<String> {
    let reasons: Vec<_> = run.reasons.iter().map(|(reason, count)| format!("{count} x {reason}")).collect();
    (run.failed > 0 || run.requests == 0)
        .then(|| format!("{} of {} requests failed {name} Evenkeel: {}", run.failed, run.requests, reasons.join("; ")))
}

fn no_help(with: &Outcome, without: &Outcome) -> Option<String> {
    let (Some(ratio), Some(other)) = (with.after.max_over_mean, without.after.max_over_mean) else {
        return Some("a run ended without any connection: nothing can be compared".to_owned());
    };
    let most = EVEN.max(1.0 + (other - 1.0) * HELPED);
    let useless = ratio >= other || ratio > most;
    useless.then(|| {
        format!(
            "the filter did not help: it told {} connections to go.\n\
             The fullest gateway has {ratio:.2} times the mean with it and {other:.2} times without; \
             at most {most:.2} would do",
            with.drains
        )
    })
}

/// What the reader just saw, in lines of at most 100 columns.
pub fn conclusion(with: &Outcome, without: &Outcome) -> String {
    let even = with.time_to_even.map_or_else(
        || "closer to even than without".to_owned(),
        |time| format!("even {:.1} s after the scale-out", time.as_secs_f64()),
    );
    format!(
        "Two gateways became four. Without Evenkeel {}.\n\
         With it, connections were told to go as they aged and came back spread over all four:\n\
         {even}, {} graceful closes, and none of {} requests failed.",
        stayed(without),
        with.closes,
        with.requests
    )
}

fn stayed(without: &Outcome) -> String {
    let newcomers: f64 = without.after.connections.iter().skip(without.before.connections.len()).sum();
    match newcomers {
        0.0 => "all connections stayed, and the new gateways stood idle".to_owned(),
        some => format!("the new gateways got {some:.0} connections"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::demo::timeline::Load;

    fn outcome(max_over_mean: f64) -> Outcome {
        let load = Load { max_over_mean: Some(max_over_mean), ..Load::default() };
        Outcome { after: load, requests: 1000, ..Outcome::default() }
    }

    fn complaint(with: &Outcome, without: &Outcome) -> String {
        complaints(with, without).join("\n")
    }

    #[test]
    fn even_connections_without_failures_are_what_is_promised() {
        assert_eq!(complaint(&outcome(1.1), &outcome(2.0)), "");
    }

    #[test]
    fn clearly_better_is_enough_when_chance_is_against_us() {
        assert_eq!(complaint(&outcome(1.3), &outcome(2.0)), "");
    }

    #[test]
    fn little_better_is_no_help() {
        let text = complaint(&outcome(1.6), &outcome(2.0));
        assert!(text.contains("1.60 times") && text.contains("2.00 times") && text.contains("at most 1.50"), "{text}");
    }

    #[test]
    fn worse_than_without_is_no_help_even_when_even() {
        assert!(complaint(&outcome(1.2), &outcome(1.1)).contains("did not help"));
    }

    #[test]
    fn a_failed_request_in_either_run_is_a_complaint_with_its_reason() {
        let reasons = vec![("status 503".to_owned(), 2)];
        let broken = |ratio| Outcome { failed: 2, reasons: reasons.clone(), ..outcome(ratio) };
        assert!(complaint(&broken(1.1), &outcome(2.0)).contains("2 of 1000 requests failed with Evenkeel"));
        let without = complaint(&outcome(1.1), &broken(2.0));
        assert!(without.contains("failed without Evenkeel: 2 x status 503"), "{without}");
    }

    #[test]
    fn no_requests_or_no_connections_prove_nothing() {
        let idle = Outcome { requests: 0, ..outcome(1.0) };
        assert!(complaint(&idle, &outcome(2.0)).contains("0 of 0 requests"));
        let empty = Outcome { requests: 10, ..Outcome::default() };
        assert!(complaint(&outcome(1.0), &empty).contains("nothing can be compared"));
    }

    #[test]
    fn the_conclusion_tells_both_stories() {
        let with = Outcome { time_to_even: Some(Duration::from_millis(6540)), ..outcome(1.1) };
        let mut without = outcome(2.0);
        without.before.connections = vec![90.0, 110.0];
        without.after.connections = vec![90.0, 110.0, 0.0, 0.0];
        let text = conclusion(&with, &without);
        assert!(text.contains("stood idle") && text.contains("even 6.5 s") && text.contains("none of 1000"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
