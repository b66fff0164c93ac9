//! What matters of a `DestinationRule`.

mod idle_timeout;

use super::kind::Kind;
use super::object::{Metadata, Watched};
use super::peer_authentication::Selector;
use crate::model::{ClientTlsMode, Labels, Subset, TrafficPolicy};
use kube::CustomResource;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What objects that are made for policies say, and by what.
const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
const EVENKEEL: &str = "evenkeel";

/// A rule, of which the name and namespace are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DestinationRule {
    /// When it was made, as Kubernetes writes times: the order of the text is that of time.
    pub created: String,
    /// The host as it is written: short names are of the rule's own namespace.
    pub host: String,
    /// Whether only some clients follow it.
    pub for_some_clients: bool,
    /// The labels of the clients that it selects.
    pub selector: Labels,
    /// The fields that it would take so that every idle connection ends by it.
    pub without_idle_timeout: Vec<String>,
    /// What holds for all subsets.
    pub policy: TrafficPolicy,
    /// The subsets.
    pub subsets: Vec<Subset>,
}

/// Where the kind is in the API.
#[derive(Clone, CustomResource, Debug, Deserialize, Serialize)]
#[kube(group = "networking.istio.io", version = "v1", kind = "DestinationRuleResource", namespaced)]
#[kube(plural = "destinationrules", schema = "disabled")]
pub struct Nothing {}

/// The fields of a `DestinationRule` that are read.
#[derive(Debug, Deserialize)]
pub struct Fields {
    metadata: Metadata,
    spec: Spec,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    host: String,
    traffic_policy: Option<Policy>,
    #[serde(default)]
    subsets: Vec<SubsetFields>,
    #[serde(default)]
    export_to: Vec<String>,
    workload_selector: Option<Selector>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SubsetFields {
    name: String,
    #[serde(default)]
    labels: Labels,
    traffic_policy: Option<Policy>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Policy {
    connection_pool: Option<ConnectionPool>,
    tls: Option<Tls>,
    outlier_detection: Option<IgnoredAny>,
    load_balancer: Option<LoadBalancer>,
    port_level_settings: Vec<PortPolicy>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PortPolicy {
    connection_pool: Option<ConnectionPool>,
    port: Option<Port>,
    tls: Option<Tls>,
    outlier_detection: Option<IgnoredAny>,
    load_balancer: Option<LoadBalancer>,
}

#[derive(Debug, Default, Deserialize)]
struct ConnectionPool {
    http: Option<HttpPool>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct HttpPool {
    idle_timeout: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Port {
    number: Option<u16>,
}

#[derive(Debug, Deserialize)]
struct Tls {
    mode: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LoadBalancer {
    simple: Option<String>,
    locality_lb_setting: Option<LocalityLbSetting>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct LocalityLbSetting {
    enabled: Option<bool>,
    distribute: Vec<IgnoredAny>,
    failover: Vec<IgnoredAny>,
    failover_priority: Vec<IgnoredAny>,
}

impl Watched for DestinationRule {
    type Resource = DestinationRuleResource;
    type Fields = Fields;
    const KIND: Kind = Kind::DestinationRule;

    fn metadata(fields: &Fields) -> &Metadata {
        &fields.metadata
    }

    /// Those that policies have made say nothing beside what all clients are told, and only where nobody else does.
    fn read(fields: Fields, defects: &mut Vec<String>) -> Option<Self> {
        let Fields { metadata, spec } = fields;
        if metadata.label(MANAGED_BY) == Some(EVENKEEL) {
            return None;
        }
        let without_idle_timeout = spec.without_idle_timeout();
        let selector = spec.workload_selector.and_then(|selector| selector.match_labels);
        let exported = spec.export_to.is_empty() || spec.export_to.iter().any(|namespace| namespace == "*");
        let mut subset = |(index, SubsetFields { name, labels, traffic_policy })| {
            let policy = policy(traffic_policy, &format!("spec.subsets[{index}].trafficPolicy"), defects);
            Subset { name, labels, policy }
        };
        let subsets = spec.subsets.into_iter().enumerate().map(&mut subset).collect();
        Some(Self {
            created: metadata.creation_timestamp.unwrap_or_default(),
            host: spec.host,
            for_some_clients: selector.is_some() || !exported,
            selector: selector.unwrap_or_default(),
            without_idle_timeout,
            policy: policy(spec.traffic_policy, "spec.trafficPolicy", defects),
            subsets,
        })
    }
}

fn policy(policy: Option<Policy>, field: &str, defects: &mut Vec<String>) -> TrafficPolicy {
    let Policy { tls, outlier_detection, load_balancer, port_level_settings, .. } = policy.unwrap_or_default();
    let of_ports = port_level_settings.iter().filter_map(|port| port.load_balancer.as_ref());
    let passes_through = load_balancer.iter().chain(of_ports).any(LoadBalancer::passes_through);
    let locality = load_balancer.and_then(|balancer| balancer.locality_lb_setting).unwrap_or_default();
    let prefers = locality.enabled != Some(false);
    let ejects = outlier_detection.is_some() || port_level_settings.iter().any(|port| port.outlier_detection.is_some());
    let distributes = [&locality.distribute, &locality.failover, &locality.failover_priority];
    TrafficPolicy {
        tls: mode(tls, field, defects),
        port_tls: ports(port_level_settings, field, defects),
        outlier_detection: prefers && ejects,
        locality_distribution: prefers && distributes.iter().any(|list| !list.is_empty()),
        passes_through,
    }
}

impl LoadBalancer {
    fn passes_through(&self) -> bool {
        self.simple.as_deref() == Some("PASSTHROUGH")
    }
}

fn ports(settings: Vec<PortPolicy>, field: &str, defects: &mut Vec<String>) -> BTreeMap<u16, ClientTlsMode> {
    let mut modes = BTreeMap::new();
    for (index, PortPolicy { port, tls, .. }) in settings.into_iter().enumerate() {
        let mode = mode(tls, &format!("{field}.portLevelSettings[{index}]"), defects);
        if let (Some(number), Some(mode)) = (port.and_then(|port| port.number), mode) {
            modes.insert(number, mode);
        }
    }
    modes
}

fn mode(tls: Option<Tls>, field: &str, defects: &mut Vec<String>) -> Option<ClientTlsMode> {
    // A policy that has `tls` and says nothing there means its first value.
    match tls?.mode.as_deref().unwrap_or("DISABLE") {
        "DISABLE" => Some(ClientTlsMode::Disable),
        "SIMPLE" => Some(ClientTlsMode::Simple),
        "MUTUAL" => Some(ClientTlsMode::Mutual),
        "ISTIO_MUTUAL" => Some(ClientTlsMode::IstioMutual),
        other => {
            defects.push(format!(
                "{field}.tls.mode: {other:?} is none of DISABLE, SIMPLE, MUTUAL and ISTIO_MUTUAL; it is left out"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(spec: &Value) -> (DestinationRule, Vec<String>) {
        let mut defects = Vec::new();
        let fields = serde_json::from_value(json!({"metadata": {"name": "a"}, "spec": spec})).unwrap();
        (DestinationRule::read(fields, &mut defects).unwrap(), defects)
    }

    #[test]
    fn tls_of_rule_port_and_subset_is_read() {
        let (rule, defects) = read(&json!({
            "host": "reviews",
            "trafficPolicy": {
                "tls": {"mode": "ISTIO_MUTUAL"},
                "portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}, {"port": {"number": 81}}],
            },
            "subsets": [{"name": "v1", "labels": {"version": "v1"}, "trafficPolicy": {"tls": {}}}, {"name": "v2"}],
        }));
        assert_eq!(rule.policy.tls, Some(ClientTlsMode::IstioMutual));
        assert_eq!(rule.policy.port_tls, [(80, ClientTlsMode::Disable)].into());
        let subset = |index: usize| (rule.subsets[index].name.as_str(), rule.subsets[index].policy.tls);
        assert_eq!([subset(0), subset(1)], [("v1", Some(ClientTlsMode::Disable)), ("v2", None)]);
        assert_eq!((rule.host.as_str(), rule.for_some_clients, defects.len()), ("reviews", false, 0));
    }

    #[test]
    fn a_rule_that_is_not_for_everybody_is_known_as_such() {
        let for_some_clients = |more: &Value| {
            let mut spec = json!({"host": "reviews"});
            spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            read(&spec).0.for_some_clients
        };
        assert!(!for_some_clients(&json!({"exportTo": ["*"]})));
        assert!(for_some_clients(&json!({"exportTo": ["."]})));
        assert!(for_some_clients(&json!({"workloadSelector": {"matchLabels": {"app": "a"}}})));
    }

    #[test]
    fn a_rule_that_a_policy_has_made_is_none() {
        let labels = json!({"app.kubernetes.io/managed-by": "evenkeel"});
        let object = json!({"metadata": {"name": "a", "labels": labels}, "spec": {"host": "reviews"}});
        assert_eq!(DestinationRule::read(serde_json::from_value(object).unwrap(), &mut Vec::new()), None);
    }

    #[test]
    fn what_prefers_localities_is_known_unless_it_is_switched_off() {
        let policy = |policy: &Value| read(&json!({"host": "reviews", "trafficPolicy": policy})).0.policy;
        assert!(policy(&json!({"outlierDetection": {}})).outlier_detection);
        assert!(policy(&json!({"portLevelSettings": [{"outlierDetection": {}}]})).outlier_detection);
        let setting =
            |setting: &Value| policy(&json!({"outlierDetection": {}, "loadBalancer": {"localityLbSetting": setting}}));
        assert!(setting(&json!({"distribute": [{"from": "a/*", "to": {"a/*": 100}}]})).locality_distribution);
        let off = setting(&json!({"enabled": false, "distribute": [{}]}));
        assert!(!off.outlier_detection && !off.locality_distribution);
    }

    #[test]
    fn what_passes_connections_through_is_known() {
        let passes = |policy: &Value| read(&json!({"host": "a", "trafficPolicy": policy})).0.policy.passes_through;
        let balancer = json!({"loadBalancer": {"simple": "PASSTHROUGH"}});
        assert!(passes(&balancer) && passes(&json!({"portLevelSettings": [balancer]})));
        assert!(!passes(&json!({"loadBalancer": {"simple": "LEAST_REQUEST"}})));
    }

    #[test]
    fn a_mode_that_nobody_knows_is_left_out_and_told() {
        let (rule, defects) = read(&json!({"host": "a", "trafficPolicy": {"tls": {"mode": "QUANTUM"}}}));
        assert_eq!((rule.policy.tls, defects.len()), (None, 1));
        assert!(defects[0].starts_with("spec.trafficPolicy.tls.mode: \"QUANTUM\""), "{defects:?}");
    }
}
