use super::world::{Proxy, World};
use crate::rebalance::Policy;
use evenkeel_proto::rebalance::{ReportRequest, Signal};
use proptest::prelude::*;

/// Any number, and those at which something could give.
fn number() -> impl Strategy<Value = u64> {
    prop_oneof![0..200_u64, Just(0), Just(1 << 24), Just(u64::MAX), any::<u64>()]
}

/// Whatever a member can write into a report.
fn lie() -> impl Strategy<Value = ReportRequest> {
    (prop::array::uniform9(number()), -1.0..2.0_f64).prop_map(|(numbers, max_rate)| {
        let [instance, sequence, live, draining, accepted, drained, requests, drained_request_rate, request_rate] =
            numbers;
        ReportRequest {
            instance,
            sequence,
            live,
            draining,
            accepted,
            drained,
            requests,
            drained_request_rate,
            request_rate,
            max_rate,
            ..Proxy::new(4, 4, 0).report
        }
    })
}

/// The clients of what was drained come back to where they were. Each has a request per second.
fn come_back(proxy: &mut Proxy) {
    let back = std::mem::take(&mut proxy.report.draining);
    proxy.accept(back);
    proxy.report.request_rate = 1_000 * proxy.report.live;
    proxy.report.drained_request_rate = 1_000 * proxy.report.drained;
}

proptest! {
    #[test]
    fn whatever_a_member_reports_the_others_drain_no_faster_than_they_may(
        signal in prop_oneof![Just(Signal::Connections), Just(Signal::Requests)],
        lies in prop::collection::vec(lie(), 1..60),
    ) {
        let mut world = World::calm(&[50, 50, 50, 50]);
        world.policy(Policy { signal, ..Policy::default() });
        world.proxies.iter_mut().for_each(|proxy| proxy.report.set_signal(signal));
        for mut lie in lies {
            lie.set_signal(signal);
            world.proxies[3].report = lie;
            let before: Vec<u64> = world.proxies.iter().map(|proxy| proxy.report.drained).collect();
            world.seconds(1);
            for (proxy, before) in world.proxies.iter_mut().zip(before).take(3) {
                let drained = proxy.report.drained - before;
                prop_assert!(drained <= 10, "{drained} of 50 in a second, a fifth are allowed");
                come_back(proxy);
            }
        }
        prop_assert!(world.status().imbalance.is_finite());
    }
}
