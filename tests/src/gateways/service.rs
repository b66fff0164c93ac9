//! The service of the gateways, which is the group of their reports, as a user writes it.

use std::fmt::Write as _;
use std::net::SocketAddr;

use serde_json::{Value, json};

/// Its namespace.
pub(super) const NAMESPACE: &str = "istio-system";
/// Its name.
pub(super) const SERVICE: &str = "gateway";

/// The name of a view of it as an EDS resource.
pub(super) fn resource(view: &str) -> String {
    format!("{view}/{NAMESPACE}/{SERVICE}:80")
}

/// The service and its ready endpoints, for `--file`.
pub(super) fn cluster_file(endpoints: &[SocketAddr]) -> String {
    let mut text =
        format!("services:\n- name: {SERVICE}\n  namespace: {NAMESPACE}\n  ports:\n  - {{name: http, port: 80}}\n");
    text.push_str(if endpoints.is_empty() { "  endpoints: []\n" } else { "  endpoints:\n" });
    for endpoint in endpoints {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  - {{address: \"{}\", ports: {{http: {}}}}}", endpoint.ip(), endpoint.port());
    }
    text
}

/// The group's policy, for `--policies`: JSON is YAML.
pub(super) fn policies_file(rebalance: &Value) -> String {
    json!({"policies": [{"namespace": NAMESPACE, "service": SERVICE, "rebalance": rebalance}]}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cluster_file_names_every_endpoint() {
        let text = cluster_file(&["127.0.0.1:81".parse().unwrap(), "127.0.0.1:82".parse().unwrap()]);
        let expected = "\
services:
- name: gateway
  namespace: istio-system
  ports:
  - {name: http, port: 80}
  endpoints:
  - {address: \"127.0.0.1\", ports: {http: 81}}
  - {address: \"127.0.0.1\", ports: {http: 82}}
";
        assert_eq!(text, expected);
    }
}
