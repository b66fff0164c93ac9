use super::*;
use crate::check::{chains, path};

/// Everything of Evenkeel's is taken out of an Envoy that says that it is a sidecar.
fn sidecar_without_filters(app_containers: &str) -> Dump {
    let mut dump = Dump::example();
    dump.filters().remove(0);
    for name in ["evenkeel.request", "evenkeel.drain", "evenkeel.pool"] {
        dump.remove_http_filter(name);
    }
    dump.config["configs"].as_array_mut().unwrap().retain(|section| section.get("ecds_filters").is_none());
    let node = &mut dump.section("BootstrapConfigDump")["bootstrap"]["node"];
    node["id"] = json!("sidecar~10.1.0.1~ingress-0.shop~shop.svc.cluster.local");
    node["metadata"] = json!({"APP_CONTAINERS": app_containers, "WORKLOAD_NAME": "edge"});
    dump
}

#[test]
fn a_sidecar_in_front_of_an_ingress_holds_the_connections() {
    assert_eq!(
        sidecar_without_filters("log-agent,nginx").codes(),
        [chains::NOT_INSTALLED.code, path::INGRESS_BEHIND.code]
    );
    assert_eq!(sidecar_without_filters("cart").codes(), [chains::NOT_INSTALLED.code]);
}

#[test]
fn proxies_in_front_are_told_of() {
    let mut dump = Dump::example();
    dump.manager()["xff_num_trusted_hops"] = json!(1);
    assert_eq!(dump.finding().rule, &path::PROXY_IN_FRONT);
}
