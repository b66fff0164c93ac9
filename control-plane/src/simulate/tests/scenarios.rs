//! The scenario files of the repository.

use super::super::{Scenario, run};
use super::scenario;

#[test]
fn every_scenario_file_can_be_played_and_ends_even() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/scenarios");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut played = 0;
    for file in files {
        let outcome = run(&scenario(&std::fs::read_to_string(&file).unwrap()), 1);
        assert!(outcome.samples.last().unwrap().even, "{}:\n{outcome}", file.display());
        played += 1;
    }
    assert!(played > 0);
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let yaml = "{ duration: 60s, pods: 3, clients: [{ connections: 300, lifetime: 1m }],
                  events: [{ at: 10s, do: { scale: { pods: 5 } } }] }";
    assert_eq!(run(&scenario(yaml), 3), run(&scenario(yaml), 3));
    assert_ne!(run(&scenario(yaml), 3), run(&scenario(yaml), 4));
}

#[test]
fn a_wrong_scenario_is_refused_with_field_value_and_remedy() {
    let wrong = [
        ("{ duration: 1m, pods: 0, clients: [] }", "pods: 0: must be 1 to 10000"),
        ("{ duration: soon, pods: 1, clients: [] }", "\"soon\": write a number and its unit, such as 90s"),
        ("{ duration: 1m, pods: 1, clients: [], network: { loss: 2 } }", "network.loss: 2: must be 0 to 1"),
        ("{ duration: 1m, pods: 1, clients: [], colour: red }", "colour"),
        ("{ duration: 1m, pods: 1, clients: [], balancer: best }", "best"),
    ];
    for (yaml, message) in wrong {
        let error = Scenario::parse(yaml).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
}
