use super::*;
use crate::rebalance::Mode;
use crate::rebalance::section::AIM;
use evenkeel_proto::rebalance::Signal;
use std::time::Duration;

const RIGHT: &str = "
policies:
- namespace: istio-system
  service: gateway
  rebalance:
    mode: observe
    paused: true
    tolerance: 0.2
    minShare: 0.4
    maxRate: 1
    settle: 5s
    warmup: 2m
    signal: requests
- namespace: default
  service: web
";

/// The problem with `RIGHT` after a replacement.
fn problem(from: &str, to: &str) -> String {
    assert!(RIGHT.contains(from), "{from}");
    parse(&RIGHT.replacen(from, to, 1)).unwrap_err().to_string()
}

#[test]
fn a_right_file_is_what_it_says() {
    let policies = parse(RIGHT).unwrap();
    let expected = Policy {
        mode: Mode::Observe,
        paused: true,
        tolerance: 0.2,
        min_share: 0.4,
        aim: AIM * 0.2,
        max_rate: 1.0,
        settle: Duration::from_secs(5),
        warmup: Duration::from_mins(2),
        signal: Signal::Requests,
    };
    let of = |namespace: &str, name: &str| policies.by_group.get(&ServiceName::new(namespace, name));
    assert_eq!(of("istio-system", "gateway"), Some(&expected));
    assert_eq!(of("default", "web"), Some(&Policy::default()));
    assert!(!policies.paused && policies.by_group.len() == 2);
}

#[test]
fn everything_may_be_left_out() {
    assert_eq!(parse("{}").unwrap(), Policies::default());
    assert_eq!(parse("paused: true").unwrap(), Policies { paused: true, ..Policies::default() });
}

#[test]
fn the_default_aim_has_the_same_distance_from_the_tolerance() {
    let Policy { aim, tolerance, .. } = Policy::default();
    assert!((aim - AIM * tolerance).abs() < 1e-9);
}

#[test]
fn numbers_out_of_range_are_told_with_place_and_remedy() {
    let cases = [("tolerance: 0.2", "tolerance", "above 0 and up to 1"), ("minShare: 0.4", "minShare", "0 to 1")];
    for (line, name, remedy) in cases.into_iter().chain([("maxRate: 1", "maxRate", "above 0 and up to 1")]) {
        for wrong in ["-1", "1.5", ".nan", ".inf"] {
            let problem = problem(line, &format!("{name}: {wrong}"));
            assert!(problem.contains(&format!("policies[0].rebalance.{name}: ")), "{problem}");
            assert!(problem.starts_with("line ") && problem.contains("use ") && problem.contains(remedy), "{problem}");
        }
    }
    assert!(problem("maxRate: 1", "maxRate: fast").contains("a number is needed, found `fast`"));
}

#[test]
fn durations_are_told_with_place_and_remedy() {
    for wrong in ["10", "soon", "2h", "-1s"] {
        let problem = problem("settle: 5s", &format!("settle: {wrong}"));
        assert!(problem.starts_with("line 11, column 13: policies[0].rebalance.settle: "), "{problem}");
        assert!(problem.ends_with("use one such as 10s or 5m"), "{problem}");
    }
    assert!(problem("warmup: 2m", "warmup: 25h").contains("no duration from 0s to 24h"));
}

#[test]
fn words_and_fields_that_nobody_knows_are_errors() {
    assert!(problem("mode: observe", "mode: dry").contains("policies[0].rebalance.mode"));
    assert!(problem("signal: requests", "signal: cpu").contains("policies[0].rebalance.signal"));
    assert!(problem("minShare", "minshare").contains("`minshare`"));
    assert!(problem("namespace: default", "namespace: De_fault").contains("is no Kubernetes name"));
}

#[test]
fn a_group_has_one_policy() {
    let twice = problem("namespace: default\n  service: web", "namespace: istio-system\n  service: gateway");
    assert!(twice.contains("policies[1].service: istio-system/gateway has two policies"), "{twice}");
}
