use super::super::Outcome;
use super::{FEW, MANY, mean, outcomes};

fn scale_out(from: usize, to: usize, clients: &str, balancer: &str) -> Vec<Outcome> {
    let scenario = format!(
        "{{ duration: 150s, pods: {from}, balancer: {balancer}, clients: [{{ {clients} }}],
            events: [{{ at: 30s, do: {{ scale: {{ pods: {to} }} }} }}] }}"
    );
    outcomes(&scenario, MANY)
}

/// Over the seeds: the ratio to the optimum, and the mean time until the pods were even. Never even is an infinite time.
fn ratio_and_time(outcomes: &[Outcome]) -> (f64, f64) {
    let optimum = mean(outcomes, |outcome| outcome.optimum_closes_per_connection);
    let ratio = mean(outcomes, |outcome| outcome.closes_per_connection) / optimum;
    (ratio, mean(outcomes, |outcome| outcome.seconds_to_even.unwrap_or(f64::INFINITY)))
}

fn assert_goal(from: usize, to: usize, connections: u32, balancer: &str, most_ratio: f64, longest: f64) {
    let outcomes = scale_out(from, to, &format!("connections: {connections}"), balancer);
    let (ratio, time) = ratio_and_time(&outcomes);
    println!("{from}->{to} {connections} {balancer}: {ratio:.3} x optimum, {time:.1} s");
    assert!(ratio <= most_ratio && time <= longest, "{from}->{to} {connections} {balancer}: {ratio:.3}, {time:.1} s");
}

#[test]
fn behind_a_blind_balancer_2_to_4() {
    assert_goal(2, 4, 2_000, "random", 1.1, 12.0);
    assert_goal(2, 4, 200, "random", 1.2, 12.0);
}

#[test]
fn behind_a_blind_balancer_2_to_5() {
    assert_goal(2, 5, 2_000, "random", 1.1, 12.0);
    assert_goal(2, 5, 200, "random", 1.2, 12.0);
}

#[test]
fn behind_a_blind_balancer_3_to_4() {
    assert_goal(3, 4, 2_000, "random", 1.1, 20.0);
    assert_goal(3, 4, 200, "random", 1.2, 20.0);
}

#[test]
fn behind_a_blind_balancer_7_to_8() {
    assert_goal(7, 8, 2_000, "random", 1.1, 20.0);
    assert_goal(7, 8, 200, "random", 1.2, 20.0);
}

#[test]
fn behind_a_blind_balancer_10_to_12() {
    assert_goal(10, 12, 2_000, "random", 1.2, 20.0);
    assert_goal(10, 12, 200, "random", 1.2, 30.0);
}

#[test]
fn behind_a_blind_balancer_20_to_21() {
    assert_goal(20, 21, 2_000, "random", 1.1, 20.0);
    assert_goal(20, 21, 200, "random", 1.3, 35.0);
}

#[test]
fn clients_that_seldom_ask_are_waited_for_but_not_one_by_one() {
    // They learn that a connection goes with the next answer, and open another one a second later.
    for (from, to) in [(2, 4), (2, 5), (3, 4), (7, 8)] {
        let outcomes = scale_out(from, to, "connections: 2000, requestRate: 1, reconnect: 1s", "random");
        let (ratio, time) = ratio_and_time(&outcomes);
        let longest = outcomes.iter().filter_map(|outcome| outcome.seconds_to_even).fold(0.0, f64::max);
        println!("{from}->{to} with pauses: {ratio:.3} x optimum, {time:.1} s, {longest:.1} s at worst");
        assert!(
            ratio <= 1.1 && time <= 20.0 && longest <= 30.0,
            "{from}->{to}: {ratio:.3}, {time:.1} s, {longest:.1} s"
        );
    }
}

#[test]
fn behind_steered_balancers_about_half_as_many_move() {
    assert_goal(2, 4, 2_000, "steer", 1.1, 12.0);
    assert_goal(2, 4, 200, "steer", 1.1, 12.0);
    assert_goal(2, 5, 2_000, "steer", 1.1, 12.0);
    assert_goal(2, 5, 200, "steer", 1.1, 12.0);
}

#[test]
fn behind_steered_balancers_small_steps_move_little() {
    for connections in [200, 2_000] {
        let outcomes = scale_out(7, 8, &format!("connections: {connections}"), "steer");
        let closes = mean(&outcomes, |outcome| outcome.closes_per_connection);
        println!("7->8 {connections} steer: {closes:.3} per connection, {:.1} s", ratio_and_time(&outcomes).1);
        assert!(closes <= 0.15, "{connections}: {closes:.3}");
    }
}

#[test]
fn behind_least_connections_nothing_is_assumed_that_does_not_hold() {
    assert_goal(2, 4, 2_000, "leastConnections", 1.25, 12.0);
}

#[test]
fn the_one_new_member_of_21_is_not_left_empty() {
    for outcome in scale_out(20, 21, "connections: 200", "random") {
        let last = outcome.samples.last().unwrap();
        assert!(last.min >= 0.4, "{last:?}");
    }
}

#[test]
fn a_balanced_group_closes_nothing_for_ten_hours() {
    for pods in [4, 12] {
        let connections = 50 * pods;
        let clients = format!("connections: {connections}, lifetime: 10m");
        let outcomes = outcomes(&format!("{{ duration: 10h, pods: {pods}, clients: [{{ {clients} }}] }}"), FEW);
        let closes: u64 = outcomes.iter().map(|outcome| outcome.closes).sum();
        assert_eq!(closes, 0, "{pods} pods");
    }
}
