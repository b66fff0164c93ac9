use super::world::{Proxy, World, address, caller, identity};
use crate::rebalance::{Groups, Refused};
use crate::trust::Caller;
use evenkeel_filter_core::Time;
use evenkeel_proto::rebalance::ReportRequest;

fn denied(world: &mut World, caller: &Caller, report: &ReportRequest) -> String {
    match world.groups.report(world.now, caller, report) {
        Err(Refused::PermissionDenied(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn before_the_endpoints_are_known_it_is_too_early() {
    let mut groups = Groups::new(Time::from_nanoseconds(0));
    let answer = groups.report(Time::from_nanoseconds(0), &caller(1), &Proxy::new(1, 1, 5).report);
    assert!(matches!(answer, Err(Refused::Unavailable(_))), "{answer:?}");
}

#[test]
fn a_pod_speaks_for_itself_only() {
    let mut world = World::new(vec![Proxy::new(1, 1, 5), Proxy::new(2, 2, 5)]);
    assert!(world.report(0).is_ok());
    let reason = denied(&mut world, &caller(9), &Proxy::new(9, 9, 1_000).report);
    assert_eq!(reason, "10.0.0.9: not the address of a ready endpoint of default/gateway");
    let stolen = ReportRequest { addresses: vec![address(2).to_string()], ..Proxy::new(1, 3, 1_000).report };
    let reason = denied(&mut world, &caller(1), &stolen);
    assert!(reason.contains("10.0.0.1 has not proven to have the service account of 10.0.0.2"), "{reason}");
}

#[test]
fn with_the_service_account_of_the_group_a_pod_may_call_from_elsewhere() {
    let mut world = World::new(vec![Proxy::new(1, 1, 5)]);
    let report = ReportRequest { addresses: vec![address(1).to_string()], ..Proxy::new(1, 1, 5).report };
    let from = |identities| Caller { address: address(200), identities };
    assert!(world.groups.report(world.now, &from(vec![identity("gateway")]), &report).is_ok());
    denied(&mut world, &from(vec![identity("other")]), &report);
}

#[test]
fn who_has_proven_another_account_does_not_speak_for_the_pod_whose_address_it_has() {
    let mut world = World::new(vec![Proxy::new(1, 1, 5)]);
    let other = Caller { identities: vec![identity("other")], ..caller(1) };
    let reason = denied(&mut world, &other, &Proxy::new(1, 1, 5).report);
    assert!(reason.contains("10.0.0.1 has not proven to have the service account of 10.0.0.1"), "{reason}");
}

#[test]
fn a_service_that_is_not_there_has_no_group() {
    let mut world = World::new(vec![Proxy::new(1, 1, 5)]);
    let report = ReportRequest { group: "default/other".to_owned(), ..Proxy::new(1, 1, 5).report };
    assert_eq!(denied(&mut world, &caller(1), &report), "there is no Service default/other");
}

#[test]
fn the_first_address_that_is_ready_counts() {
    let mut world = World::new(vec![Proxy::new(1, 1, 5)]);
    let addresses = vec!["192.168.0.1".to_owned(), address(1).to_string()];
    let report = ReportRequest { addresses, ..Proxy::new(1, 1, 5).report };
    assert!(world.groups.report(world.now, &caller(1), &report).is_ok());
}

#[test]
fn an_endpoint_that_is_not_ready_is_no_member() {
    let mut world = World::calm(&[10, 10, 10]);
    world.ready(3, false);
    assert!(world.report(2).is_err());
    world.seconds(2);
    assert_eq!(world.status().members.len(), 2);
}
