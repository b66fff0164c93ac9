//! The file that the control plane serves, and its endpoints as Envoy shows them.

use std::fmt::Write;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use serde_json::Value;

/// One endpoint: as the file has it, and as Envoy has it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    address: SocketAddr,
    weight: u64,
    locality: [String; 3],
}

impl Endpoint {
    /// With weight 1 and nowhere in particular.
    pub fn at(address: SocketAddr) -> Self {
        Self { address, weight: 1, locality: Default::default() }
    }

    /// Port `port` of an address where nobody listens.
    pub fn unused(port: u16) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 9], port)))
    }

    pub fn weight(self, weight: u64) -> Self {
        Self { weight, ..self }
    }

    pub fn locality(self, region: &str, zone: &str, sub_zone: &str) -> Self {
        Self { locality: [region, zone, sub_zone].map(str::to_owned), ..self }
    }

    /// A member of `host_statuses` in Envoy's `/clusters?format=json`; what is empty is left out there.
    pub fn from_host_status(status: &Value) -> Result<Self> {
        let socket = &status["address"]["socket_address"];
        let port = u16::try_from(socket["port_value"].as_u64().context("a host without a port")?)?;
        let ip = socket["address"].as_str().context("a host without an address")?.parse()?;
        let place = |name: &str| status["locality"][name].as_str().unwrap_or_default().to_owned();
        let locality = ["region", "zone", "sub_zone"].map(place);
        Ok(Self { address: SocketAddr::new(ip, port), weight: status["weight"].as_u64().unwrap_or(1), locality })
    }
}

/// The file for these services of the namespace `default`, each with one port, 80.
pub fn cluster_file(services: &[(&str, &[Endpoint])]) -> String {
    let mut text = format!("services:{}\n", if services.is_empty() { " []" } else { "" });
    for (name, endpoints) in services {
        let list = if endpoints.is_empty() { " []" } else { "" };
        let _ = writeln!(text, "- name: {name}\n  ports:\n  - {{name: http, port: 80}}\n  endpoints:{list}");
        for Endpoint { address, weight, locality: [region, zone, sub_zone] } in *endpoints {
            let (ip, port) = (address.ip(), address.port());
            let locality = format!("{{region: {region:?}, zone: {zone:?}, subZone: {sub_zone:?}}}");
            let _ = writeln!(text, "  - address: \"{ip}\"\n    ports: {{http: {port}}}");
            let _ = writeln!(text, "    weight: {weight}\n    locality: {locality}");
        }
    }
    text
}

/// The name of the EDS resource with the pods of one of these services.
pub fn resource_name(service: &str) -> String {
    format!("pods/default/{service}:80")
}
