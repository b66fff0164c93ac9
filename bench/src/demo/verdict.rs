//! Whether the demo has shown what it promises, and in which words.

use super::outcome::{Outcome, Runs};
use crate::gateways::timeline::EVEN;

/// Evenkeel has helped when what exceeds an even spread is at most this share of what it is without.
const HELPED: f64 = 0.5;

/// Everything that went wrong; empty when the demo has shown what it promises.
pub fn complaints(runs: &Runs) -> Vec<String> {
    let [(_, nothing), _, (_, evenkeel)] = runs;
    let failures = runs.iter().filter_map(|(variant, run)| failed(variant.name(), run));
    failures.chain(no_help(evenkeel, nothing)).collect()
}

/// One run's failed requests. In the other runs none may fail either: else the bed is broken, not Evenkeel.
fn failed(name: &str, run: &Outcome) -> Option<String> {
    let reasons: Vec<_> = run.reasons.iter().map(|(reason, count)| format!("{count} x {reason}")).collect();
    let reasons = reasons.join("; ");
    (run.failed > 0 || run.requests == 0)
        .then(|| format!("{} of {} requests failed in the run \"{name}\": {reasons}", run.failed, run.requests))
}

fn no_help(evenkeel: &Outcome, nothing: &Outcome) -> Option<String> {
    let (Some(ratio), Some(other)) = (evenkeel.after.max_over_mean, nothing.after.max_over_mean) else {
        return Some("a run ended without any connection: nothing can be compared".to_owned());
    };
    let most = EVEN.max(1.0 + (other - 1.0) * HELPED);
    let useless = ratio >= other || ratio > most;
    useless.then(|| {
        format!(
            "Evenkeel did not help: it told {} connections to go.\n\
             The fullest gateway has {ratio:.2} times the mean with it and {other:.2} times without; \
             at most {most:.2} would do",
            evenkeel.drains
        )
    })
}

/// What the reader just saw, in lines of at most 100 columns.
pub fn conclusion(runs: &Runs) -> String {
    let [(_, nothing), (_, timers), (_, evenkeel)] = runs;
    format!(
        "Two gateways became four. With nothing {}.\n\
         Timer caps: {}, with {} closes, and they go on for as long as there are connections.\n\
         Evenkeel: {}, with {} closes, then none; none of {} requests failed.",
        stayed(nothing),
        even(timers),
        timers.closes_after,
        even(evenkeel),
        evenkeel.closes_after,
        evenkeel.requests
    )
}

fn even(run: &Outcome) -> String {
    match run.time_to(EVEN) {
        Some(time) => format!("even {:.1} s after the scale-out", time.as_secs_f64()),
        None => "not even to the end".to_owned(),
    }
}

fn stayed(nothing: &Outcome) -> String {
    let newcomers: f64 = nothing.after.connections.iter().skip(nothing.before.connections.len()).sum();
    match newcomers {
        0.0 => "all connections stayed, and the new gateways stood idle".to_owned(),
        some => format!("the new gateways got {some:.0} connections"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::gateways::timeline::{Load, Point};
    use crate::gateways::variant::Variant;

    fn outcome(max_over_mean: f64) -> Outcome {
        let load = Load { max_over_mean: Some(max_over_mean), ..Load::default() };
        Outcome { after: load, requests: 1000, ..Outcome::default() }
    }

    fn runs(evenkeel: &Outcome, nothing: &Outcome) -> Runs {
        let timers = (Variant::Timers, outcome(1.1));
        [(Variant::Nothing, nothing.clone()), timers, (Variant::Evenkeel, evenkeel.clone())]
    }

    fn complaint(evenkeel: &Outcome, nothing: &Outcome) -> String {
        complaints(&runs(evenkeel, nothing)).join("\n")
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
    fn a_failed_request_in_any_run_is_a_complaint_with_its_reason() {
        let reasons = vec![("status 503".to_owned(), 2)];
        let broken = |ratio| Outcome { failed: 2, reasons: reasons.clone(), ..outcome(ratio) };
        assert!(complaint(&broken(1.1), &outcome(2.0)).contains("2 of 1000 requests failed in the run \"Evenkeel\""));
        let nothing = complaint(&outcome(1.1), &broken(2.0));
        assert!(nothing.contains("in the run \"nothing\": 2 x status 503"), "{nothing}");
    }

    #[test]
    fn no_requests_or_no_connections_prove_nothing() {
        let idle = Outcome { requests: 0, ..outcome(1.0) };
        assert!(complaint(&idle, &outcome(2.0)).contains("0 of 0 requests"));
        let empty = Outcome { requests: 10, ..Outcome::default() };
        assert!(complaint(&outcome(1.0), &empty).contains("nothing can be compared"));
    }

    #[test]
    fn the_conclusion_tells_all_stories() {
        let point = Point { since: Duration::from_millis(6540), max_over_mean: 1.1, closes: 180 };
        let evenkeel = Outcome { curve: vec![point], closes_after: 180, ..outcome(1.1) };
        let mut nothing = outcome(2.0);
        nothing.before.connections = vec![90.0, 110.0];
        nothing.after.connections = vec![90.0, 110.0, 0.0, 0.0];
        let text = conclusion(&runs(&evenkeel, &nothing));
        assert!(text.contains("stood idle") && text.contains("even 6.5 s") && text.contains("none of 1000"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
    }
}
