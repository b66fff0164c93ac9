use super::*;
use crate::model::SteerWeights;
use std::collections::BTreeMap;
use std::net::IpAddr;

const STEER: &str = "steer/default/gateway:80";

fn weights(of: &[(&str, i64)]) -> BTreeMap<IpAddr, Weight> {
    of.iter().map(|(address, weight)| (address.parse().unwrap(), Weight::try_from(*weight).unwrap())).collect()
}

fn steering(service: &str, of: &[(&str, i64)]) -> Arc<SteerWeights> {
    Arc::new([(ServiceName::new("default", service), weights(of))].into())
}

/// The weights of the hosts of a resource, in the order of their addresses.
fn served_weights(views: &Views, name: &str) -> Vec<u32> {
    let endpoints = assignment(views, name).endpoints.into_iter().flat_map(|locality| locality.lb_endpoints);
    endpoints.map(|endpoint| endpoint.load_balancing_weight.unwrap().value).collect()
}

fn three() -> Vec<Endpoint> {
    let own = Endpoint { weight: Weight::try_from(2).unwrap(), ..endpoint("10.0.0.2", 80) };
    vec![endpoint("10.0.0.1", 80), own, endpoint("10.0.0.3", 80)]
}

#[test]
fn weights_that_come_before_the_cluster_are_those_of_its_first_views() {
    let (waiting, _) = Views::default().steer(steering("gateway", &[("10.0.0.1", 7)]));
    assert_eq!(served_weights(&waiting.first(cluster([gateway(three())])), STEER), [7, 1, 1]);
}

#[test]
fn a_service_that_is_steered_has_other_weights_in_one_view_only() {
    let before = views(three());
    let (pods, steer) = (resource(&before, NAME), resource(&before, STEER));
    assert_eq!(served_weights(&before, STEER), [1, 2, 1]);
    let (steered, changed) = before.steer(steering("gateway", &[("10.0.0.1", 1), ("10.0.0.2", 128)]));
    assert_eq!(changed, [STEER.to_owned()].into());
    // The third is no target of the rebalance.
    assert_eq!(served_weights(&steered, STEER), [1, 128, 1]);
    assert!(Arc::ptr_eq(&resource(&steered, NAME), &pods));
    let (after, changed) = steered.steer(Arc::default());
    assert_eq!(changed, [STEER.to_owned()].into());
    assert_eq!(resource(&after, STEER).version(), steer.version());
}

#[test]
fn only_what_is_steered_otherwise_changes() {
    let both = Services::from_iter([
        gateway(three()),
        Service { name: ServiceName::new("default", "other"), ..gateway(three()) },
    ]);
    let before = Views::default().next(Arc::new(Cluster { services: both, ..Cluster::default() })).0;
    let (steered, _) = before.steer(steering("gateway", &[("10.0.0.1", 5)]));
    let first = resource(&steered, STEER);
    let mut more = SteerWeights::clone(&steering("gateway", &[("10.0.0.1", 5)]));
    more.extend(SteerWeights::clone(&steering("other", &[("10.0.0.3", 9)])));
    let (steered, changed) = steered.steer(Arc::new(more));
    assert_eq!(changed, ["steer/default/other:80".to_owned()].into());
    assert!(Arc::ptr_eq(&resource(&steered, STEER), &first));
}

#[test]
fn weights_stay_while_endpoints_change_and_hold_for_services_that_come_later() {
    let unknown = Views::default().steer(steering("gateway", &[("10.0.0.1", 7), ("10.0.0.4", 3)]));
    assert_eq!(unknown.1.len(), 0);
    let (two, _) = unknown.0.next(cluster([gateway(vec![endpoint("10.0.0.1", 80), endpoint("10.0.0.2", 80)])]));
    assert_eq!(served_weights(&two, STEER), [7, 1]);
    let (more, changed) = two.next(cluster([gateway(vec![endpoint("10.0.0.1", 80), endpoint("10.0.0.4", 80)])]));
    assert!(changed.contains(STEER));
    assert_eq!(served_weights(&more, STEER), [7, 3]);
}
