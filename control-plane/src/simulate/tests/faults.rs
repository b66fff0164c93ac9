use super::super::Outcome;
use super::{FEW, outcomes};
use crate::rebalance::State;

/// 200 connections unless the rest says otherwise.
fn play(rest: &str) -> Vec<Outcome> {
    outcomes(&format!("{{ duration: 180s, {rest} }}"), FEW)
}

fn assert_each(outcomes: &[Outcome], what: &str, holds: impl Fn(&Outcome) -> bool) {
    for (index, outcome) in outcomes.iter().enumerate() {
        assert!(holds(outcome), "{what}, seed {}:\n{outcome}", index + 1);
    }
}

fn ends_even(outcome: &Outcome) -> bool {
    outcome.samples.last().is_some_and(|sample| sample.even)
}

#[test]
fn scaling_in_closes_nothing() {
    let outcomes = play(
        "pods: 4, clients: [{ connections: 200 }],
         events: [{ at: 30s, do: { scale: { pods: 3 } } }, { at: 60s, do: { scale: { pods: 2 } } }]",
    );
    assert_each(&outcomes, "no close", |outcome| outcome.closes == 0);
}

#[test]
fn scaling_to_one_pod_and_to_none_closes_nothing() {
    let outcomes = play(
        "pods: 2, clients: [{ connections: 200 }],
         events: [{ at: 30s, do: { scale: { pods: 1 } } }, { at: 60s, do: { scale: { pods: 0 } } }]",
    );
    assert_each(&outcomes, "no close", |outcome| outcome.closes == 0);
}

#[test]
fn a_flapping_pod_closes_nothing() {
    let flaps: Vec<String> = (0..10)
        .map(|flap| format!("{{ at: {}s, do: {{ unready: {{ pod: 1, lasting: 3s }} }} }}", 30 + 6 * flap))
        .collect();
    let outcomes =
        play(&format!("pods: 4, clients: [{{ connections: 200, lifetime: 10m }}], events: [{}]", flaps.join(", ")));
    assert_each(&outcomes, "no close", |outcome| outcome.closes == 0);
}

#[test]
fn a_rolling_update_is_one_rebalance_at_its_end() {
    let outcomes =
        play("pods: 4, clients: [{ connections: 2000 }], events: [{ at: 30s, do: { roll: { every: 8s } } }]");
    assert_each(&outcomes, "one rebalance", |outcome| {
        let rebalances = outcome.states.iter().filter(|change| change.state == State::Rebalancing).count();
        let during = outcome.samples.iter().filter(|sample| sample.seconds < 60.0).map(|sample| sample.closes).max();
        rebalances == 1 && during == Some(0) && ends_even(outcome)
    });
}

#[test]
fn clients_behind_one_address_are_not_moved_in_vain() {
    let outcomes = play(
        "pods: 2, balancer: sourceHash, clients: [{ connections: 2000, sources: 1 }],
         events: [{ at: 30s, do: { scale: { pods: 4 } } }]",
    );
    assert_each(&outcomes, "few closes", |outcome| {
        outcome.was(State::Stuck) && outcome.closes as f64 <= 0.3 * outcome.connections as f64
    });
}

#[test]
fn a_lie_moves_nobody_else() {
    for live in ["1000000000", "1000000"] {
        let outcomes = play(&format!(
            "pods: 4, clients: [{{ connections: 200 }}], events: [{{ at: 30s, do: {{ lie: {{ pod: 1, live: {live} }} }} }}]"
        ));
        assert_each(&outcomes, "few closes", |outcome| outcome.closes <= 300);
    }
}

#[test]
fn who_has_no_connections_and_lies_cannot_draw_all() {
    let outcomes =
        play("pods: 4, clients: [{ connections: 2000 }], events: [{ at: 30s, do: { lie: { pod: 1, live: 0 } } }]");
    assert_each(&outcomes, "it is noticed", |outcome| outcome.closes <= 700);
}

#[test]
fn a_partitioned_pod_is_no_member_and_comes_back() {
    let outcomes = play(
        "pods: 4, clients: [{ connections: 2000 }],
         events: [{ at: 30s, do: { scale: { pods: 6 } } }, { at: 42s, do: { partition: { pod: 0, lasting: 40s } } }]",
    );
    assert_each(&outcomes, "even in the end", ends_even);
}

#[test]
fn the_others_become_even_while_a_partitioned_pod_takes_connections_that_nobody_reports() {
    let outcomes = play(
        "pods: 3, clients: [{ connections: 160 }],
         events: [{ at: 30s, do: { scale: { pods: 4 } } }, { at: 40s, do: { partition: { pod: 0, lasting: 200s } } }]",
    );
    assert_each(&outcomes, "at rest in the end", |outcome| {
        outcome.states.last().is_some_and(|change| change.state == State::Balanced && change.seconds < 100.0)
    });
}

#[test]
fn a_control_plane_that_restarts_in_the_middle_goes_on() {
    let outcomes = play(
        "pods: 2, clients: [{ connections: 2000 }],
         events: [{ at: 30s, do: { scale: { pods: 4 } } }, { at: 43s, do: { restartControlPlane: { after: 5s } } }]",
    );
    assert_each(&outcomes, "even in the end, not twice the closes", |outcome| {
        ends_even(outcome) && outcome.closes_per_connection <= 1.3 * outcome.optimum_closes_per_connection
    });
}

#[test]
fn lost_reports_do_no_harm() {
    let outcomes = play(
        "pods: 2, clients: [{ connections: 2000 }], network: { delay: 100ms, loss: 0.1 },
         events: [{ at: 30s, do: { scale: { pods: 4 } } }]",
    );
    assert_each(&outcomes, "even in the end", |outcome| {
        ends_even(outcome) && outcome.closes_per_connection <= 1.3 * outcome.optimum_closes_per_connection
    });
}

#[test]
fn endless_streams_are_not_told_to_go_for_ever() {
    let outcomes = play(
        "pods: 2, clients: [{ connections: 2000, endless: true }], events: [{ at: 30s, do: { scale: { pods: 4 } } }]",
    );
    assert_each(&outcomes, "given up early", |outcome| {
        outcome.was(State::Stuck) && outcome.closes as f64 <= 0.3 * outcome.connections as f64
    });
}

#[test]
fn clients_that_are_slow_to_return_are_waited_for() {
    let outcomes = play(
        "pods: 2, clients: [{ connections: 2000, reconnect: 3s }], events: [{ at: 30s, do: { scale: { pods: 4 } } }]",
    );
    assert_each(&outcomes, "even in the end", |outcome| {
        ends_even(outcome) && outcome.closes_per_connection <= 1.3 * outcome.optimum_closes_per_connection
    });
}

#[test]
fn a_scale_out_in_the_middle_of_a_rebalance_is_taken_in() {
    let outcomes = play(
        "pods: 2, clients: [{ connections: 2000 }],
         events: [{ at: 30s, do: { scale: { pods: 4 } } }, { at: 43s, do: { scale: { pods: 6 } } }]",
    );
    assert_each(&outcomes, "even in the end", ends_even);
}

#[test]
fn pausing_stops_at_once() {
    let outcomes = play(
        "pods: 2, clients: [{ connections: 2000 }],
         events: [{ at: 30s, do: { scale: { pods: 4 } } }, { at: 44s, do: { pause: { paused: true } } }]",
    );
    assert_each(&outcomes, "no further closes", |outcome| {
        let at = |seconds: f64| outcome.samples.iter().find(|sample| sample.seconds >= seconds).map(|s| s.closes);
        at(46.5) == Some(outcome.closes) && outcome.closes > 0 && !ends_even(outcome)
    });
}

#[test]
fn one_client_with_most_of_the_requests_cannot_be_split() {
    let outcomes = play(
        "pods: 4, rebalance: { signal: requests },
         clients: [{ connections: 1, requestRate: 800 }, { connections: 200, requestRate: 1 }]",
    );
    assert_each(&outcomes, "given up, again and again", |outcome| {
        outcome.was(State::Stuck) && outcome.closes as f64 <= 0.3 * outcome.connections as f64
    });
}

#[test]
fn few_heavy_clients_are_evened_out_by_requests() {
    let outcomes = play(
        "pods: 2, rebalance: { signal: requests }, clients: [{ connections: 40, requestRate: 20 },
         { connections: 200, requestRate: 1 }], events: [{ at: 30s, do: { scale: { pods: 4 } } }]",
    );
    assert_each(&outcomes, "even by requests", |outcome| {
        outcome.samples.last().is_some_and(|sample| sample.max < 1.2 && sample.min > 0.5)
    });
}
