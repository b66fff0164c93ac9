use super::world::{Proxy, World};
use crate::rebalance::{Mode, Policy, State};
use evenkeel_proto::rebalance::Signal;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_new_member_arms_and_after_settling_the_excess_moves() {
    let mut world = World::calm(&[100, 100]);
    assert_eq!(world.status().state, State::Balanced);
    world.join(Proxy::new(3, 3, 0));
    world.join(Proxy::new(4, 4, 0));
    world.seconds(9);
    assert_eq!((world.status().state, world.drained()), (State::Settling, 0));
    world.seconds(4);
    assert_eq!(world.status().state, State::Rebalancing);
    assert!(world.drained() > 0);
    let empty = world.proxies[2..].iter().all(|proxy| proxy.report.drained == 0);
    assert!(empty, "who has too little drains nothing");
}

#[test]
fn what_is_uneven_by_chance_is_left_alone() {
    let mut world = World::calm(&[40, 50, 62]);
    world.seconds(120);
    assert_eq!((world.status().state, world.drained()), (State::Balanced, 0));
}

#[test]
fn what_chance_does_not_explain_is_moved_after_three_intervals() {
    let mut world = World::calm(&[10, 10, 130]);
    world.seconds(15);
    assert_eq!(world.drained(), 0);
    world.seconds(30);
    assert!(world.drained() > 0);
}

#[test]
fn scaling_in_closes_nothing() {
    let mut world = World::calm(&[50, 50, 50, 50]);
    world.endpoints.pop();
    world.publish();
    let lost = world.proxies.pop().unwrap().report.live;
    world.proxies[0].accept(lost / 2);
    world.proxies[1].accept(lost / 2);
    world.seconds(60);
    assert_eq!((world.status().state, world.drained()), (State::Balanced, 0));
}

#[test]
fn a_flapping_member_is_not_a_new_one() {
    let mut world = World::calm(&[40, 60]);
    for _ in 0..5 {
        world.ready(2, false);
        world.seconds(3);
        world.ready(2, true);
        world.seconds(3);
    }
    world.seconds(30);
    assert_eq!((world.status().state, world.drained()), (State::Balanced, 0));
}

#[test]
fn pausing_takes_back_what_was_not_done() {
    let mut world = World::calm(&[100, 100]);
    world.join(Proxy::new(3, 3, 0));
    world.seconds(9);
    let allowed = (0..10).find_map(|_| {
        for index in 1..3 {
            let _ = world.report(index);
        }
        // This one reports and does not follow.
        let before = world.proxies[0].report.clone();
        let directive = world.report(0).unwrap();
        (world.proxies[0].report.live, world.proxies[0].report.drained) = (before.live, before.drained);
        world.step();
        Some(directive).filter(|directive| directive.drains > 0)
    });
    world.policy(Policy { paused: true, ..Policy::default() });
    world.step();
    let after = world.report(0).unwrap();
    assert!(after.revision > allowed.unwrap().revision);
    assert_eq!((after.drains, world.status().state), (0, State::Paused));
}

#[test]
fn observing_computes_and_closes_nothing() {
    let mut world = World::calm(&[100, 100]);
    world.policy(Policy { mode: Mode::Observe, ..Policy::default() });
    world.join(Proxy::new(3, 3, 0));
    world.seconds(30);
    let status = world.status();
    assert_eq!((status.state, world.drained()), (State::Observing, 0));
    assert!(status.excess > 50.0 && status.imbalance > 1.4, "{status:?}");
}

#[test]
fn too_few_reports_stop_everything_and_the_silent_are_named() {
    let mut world = World::calm(&[100, 100, 100, 100]);
    world.join(Proxy::new(5, 5, 0));
    world.proxies.drain(0..2);
    world.seconds(60);
    let status = world.status();
    assert_eq!((status.state, world.drained()), (State::Incomplete, 0));
    assert_eq!(status.reason, "3 of 5 ready endpoints report; silent: 10.0.0.1, 10.0.0.2");
}

#[test]
fn a_restarted_envoy_replaces_the_one_before_under_the_same_address() {
    let mut world = World::calm(&[50, 50]);
    world.proxies[1] = Proxy::new(2, 77, 3);
    world.seconds(3);
    assert_eq!(world.status().live, 53);
}

#[test]
fn two_envoys_on_one_pod_both_count() {
    let mut world = World::calm(&[50, 50]);
    world.proxies.push(Proxy::new(2, 77, 3));
    world.seconds(8);
    assert_eq!(world.status().live, 103);
}

#[test]
fn reports_that_were_overtaken_are_answered_and_ignored() {
    let mut world = World::calm(&[50, 50]);
    world.proxies[0].report.sequence = 5;
    world.proxies[0].report.live = 1_000;
    let first = world.report(0).unwrap();
    world.step();
    assert_eq!(world.status().live, 100);
    assert!(world.report(0).unwrap().revision > first.revision);
}

#[test]
fn a_new_leader_goes_on_from_what_the_reports_say() {
    let mut world = World::calm(&[100, 100]);
    world.proxies[0].report.drained = 40;
    world.proxies[0].report.revision = 90;
    world.groups.lead(world.now);
    world.publish();
    let directive = world.report(0).unwrap();
    assert_eq!((directive.drains, directive.revision), (40, 91));
}

#[test]
fn a_new_leader_closes_nothing_before_it_has_heard_everybody_who_speaks() {
    let mut world = World::calm(&[150, 20, 20, 150]);
    world.groups.lead(world.now);
    world.publish();
    let quiet = world.proxies.pop().unwrap();
    world.seconds(10);
    assert_eq!((world.status().state, world.drained()), (State::Settling, 0));
    world.proxies.push(quiet);
    world.seconds(3);
    assert_eq!((world.status().state, world.drained()), (State::Balanced, 0), "{}", world.status().reason);
}

#[test]
fn one_lie_moves_nobody_else() {
    let mut world = World::calm(&[50, 50, 50]);
    world.proxies[1].report.live = 1_000_000_000;
    assert!(world.report(1).is_err());
    world.proxies[1].report.live = 1_000_000;
    world.seconds(200);
    assert_eq!(world.proxies[0].report.drained + world.proxies[2].report.drained, 0);
    world.proxies[1].report.live = 50;
    world.seconds(30);
    assert_eq!(world.status().state, State::Balanced, "{}", world.status().reason);
}

#[test]
fn another_weight_arms_and_steers_also_at_rest() {
    let mut world = World::calm(&[100, 100]);
    assert!(world.groups.weights().is_empty());
    world.weigh(2, 3);
    world.seconds(2);
    assert_eq!(weights(&world), [43, 128]);
    world.seconds(14);
    assert!(world.proxies[0].report.drained > 0 && world.proxies[1].report.drained == 0);
}

#[test]
fn weights_follow_what_is_missing() {
    let mut world = World::calm(&[100, 100]);
    world.join(Proxy::new(3, 3, 0));
    world.seconds(14);
    assert_eq!(weights(&world), [1, 1, 128]);
}

#[test]
fn weights_change_once_per_interval_however_much_is_reported() {
    let mut world = World::calm(&[100, 100]);
    world.join(Proxy::new(3, 3, 0));
    world.join(Proxy::new(4, 4, 0));
    world.seconds(14);
    world.groups.step(world.now);
    let before = world.groups.weights();
    world.proxies[2].accept(40);
    (0..4).for_each(|index| drop(world.report(index)));
    for tenth in 1..10 {
        world.groups.step(world.now.plus(Duration::from_millis(100 * tenth)));
    }
    assert_eq!(weights(&world), [1, 1, 128, 128], "the step of this second was before");
    assert!(Arc::ptr_eq(&before, &world.groups.weights()), "nothing to push");
    world.groups.step(world.now.plus(Duration::from_secs(1)));
    assert!(weights(&world)[2] < 128, "{:?}", weights(&world));
}

fn weights(world: &World) -> Vec<u32> {
    world.groups.weights().values().flat_map(|weights| weights.values().map(|weight| weight.get())).collect()
}

#[test]
fn a_warming_member_has_a_part_of_its_weight() {
    let mut world = World::calm(&[100, 100]);
    world.policy(Policy { warmup: Duration::from_secs(100), ..Policy::default() });
    world.join(Proxy::new(3, 3, 0));
    world.seconds(30);
    let weight = world.status().members[2].weight;
    assert!((0.2..0.4).contains(&weight), "{weight}");
    assert!((world.status().members[0].weight - 1.0).abs() < 1e-9);
}

#[test]
fn scaled_to_one_or_to_nobody_there_is_nothing_to_do() {
    let mut world = World::calm(&[100, 20]);
    world.endpoints.pop();
    world.publish();
    world.seconds(30);
    assert_eq!((world.status().state, world.status().members.len()), (State::Balanced, 1));
    world.endpoints.pop();
    world.publish();
    world.seconds(2);
    assert_eq!((world.status().state, world.drained()), (State::Incomplete, 0));
}

#[test]
fn measured_by_requests_the_allowance_is_the_excess_of_few_connections() {
    let mut world = World::calm(&[100, 100]);
    world.policy(Policy { signal: Signal::Requests, ..Policy::default() });
    for (proxy, rate) in world.proxies.iter_mut().zip([900_000, 100_000]) {
        proxy.report.set_signal(Signal::Requests);
        proxy.report.request_rate = rate;
    }
    let mut allowed = None;
    for _ in 0..60 {
        let (heavy, light) = (world.report(0).unwrap(), world.report(1).unwrap());
        assert_eq!(light.drains, 0);
        allowed = allowed.or(Some(heavy).filter(|directive| directive.drains > 0));
        world.step();
    }
    let allowed = allowed.unwrap();
    assert!((350_000..=400_000).contains(&allowed.request_rate), "not more than is too much: {allowed:?}");
    assert!((1..=20).contains(&allowed.drains), "a fifth of its connections per second: {allowed:?}");
}

#[test]
fn a_jump_of_the_clock_closes_nothing() {
    let mut world = World::calm(&[60, 40]);
    world.now = world.now.plus(Duration::from_hours(10));
    world.step();
    world.proxies.iter_mut().for_each(|proxy| proxy.report.sequence += 1_000);
    world.seconds(60);
    assert_eq!((world.status().state, world.drained()), (State::Balanced, 0));
}

#[test]
fn who_is_told_to_drain_and_does_not_is_not_told_more() {
    let mut world = World::calm(&[100, 100]);
    world.join(Proxy::new(3, 3, 0));
    let mut most = 0;
    for _ in 0..40 {
        for index in 0..3 {
            let before = world.proxies[index].report.clone();
            most = most.max(world.report(index).unwrap().drains);
            (world.proxies[index].report.live, world.proxies[index].report.drained) = (before.live, before.drained);
        }
        world.step();
    }
    assert!(most <= 20, "no more than was risked at first: {most}");
    assert_eq!(world.status().state, State::Stuck, "{}", world.status().reason);
}
