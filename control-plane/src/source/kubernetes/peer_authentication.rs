//! What matters of a `PeerAuthentication`.

use super::kind::Kind;
use super::object::{Metadata, Watched};
use crate::model::{Labels, MutualTlsMode};
use kube::CustomResource;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A policy, of which the name and namespace are kept elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerAuthentication {
    /// When it was made, as Kubernetes writes times: the order of the text is that of time.
    pub created: String,
    /// The labels of its pods.
    pub selector: Labels,
    /// What it says of them.
    pub mode: Option<MutualTlsMode>,
    /// What it says of single ports.
    pub port_modes: BTreeMap<u16, Option<MutualTlsMode>>,
}

/// Where the kind is in the API.
#[derive(Clone, CustomResource, Debug, Deserialize, Serialize)]
#[kube(group = "security.istio.io", version = "v1", kind = "PeerAuthenticationResource", namespaced)]
#[kube(plural = "peerauthentications", schema = "disabled")]
pub struct Nothing {}

/// The fields of a `PeerAuthentication` that are read.
#[derive(Debug, Deserialize)]
pub struct Fields {
    metadata: Metadata,
    spec: Option<Spec>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Spec {
    selector: Option<Selector>,
    mtls: Option<MutualTls>,
    port_level_mtls: Option<BTreeMap<String, MutualTls>>,
}

/// A selector of workloads.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Selector {
    /// The labels of the workloads.
    pub match_labels: Option<Labels>,
}

#[derive(Debug, Default, Deserialize)]
struct MutualTls {
    mode: Option<String>,
}

impl Watched for PeerAuthentication {
    type Resource = PeerAuthenticationResource;
    type Fields = Fields;
    const KIND: Kind = Kind::PeerAuthentication;

    fn metadata(fields: &Fields) -> &Metadata {
        &fields.metadata
    }

    fn read(fields: Fields, defects: &mut Vec<String>) -> Option<Self> {
        let Spec { selector, mtls, port_level_mtls } = fields.spec.unwrap_or_default();
        let mut port_modes = BTreeMap::new();
        for (port, MutualTls { mode }) in port_level_mtls.unwrap_or_default() {
            let field = format!("spec.portLevelMtls.{port}");
            match port.parse() {
                Ok(number) => drop(port_modes.insert(number, mode_of(mode.as_deref(), &field, defects))),
                Err(_) => defects.push(format!("{field}: {port:?} is no port; it is left out")),
            }
        }
        Some(Self {
            created: fields.metadata.creation_timestamp.unwrap_or_default(),
            selector: selector.and_then(|selector| selector.match_labels).unwrap_or_default(),
            mode: mode_of(mtls.and_then(|mtls| mtls.mode).as_deref(), "spec.mtls", defects),
            port_modes,
        })
    }
}

fn mode_of(mode: Option<&str>, field: &str, defects: &mut Vec<String>) -> Option<MutualTlsMode> {
    match mode {
        None | Some("UNSET") => None,
        Some("DISABLE") => Some(MutualTlsMode::Disable),
        Some("PERMISSIVE") => Some(MutualTlsMode::Permissive),
        Some("STRICT") => Some(MutualTlsMode::Strict),
        Some(other) => {
            defects.push(format!(
                "{field}.mode: {other:?} is none of UNSET, DISABLE, PERMISSIVE and STRICT; it is taken as UNSET"
            ));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(spec: &serde_json::Value) -> (PeerAuthentication, Vec<String>) {
        let mut defects = Vec::new();
        let fields = json!({"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec});
        (PeerAuthentication::read(serde_json::from_value(fields).unwrap(), &mut defects).unwrap(), defects)
    }

    #[test]
    fn modes_of_workloads_and_of_ports_are_read() {
        let (policy, defects) = read(&json!({
            "selector": {"matchLabels": {"app": "a"}},
            "mtls": {"mode": "STRICT"},
            "portLevelMtls": {"8080": {"mode": "DISABLE"}, "8081": {"mode": "UNSET"}},
        }));
        assert_eq!(policy.selector, [("app".to_owned(), "a".to_owned())].into());
        assert_eq!(policy.mode, Some(MutualTlsMode::Strict));
        assert_eq!(policy.port_modes, [(8080, Some(MutualTlsMode::Disable)), (8081, None)].into());
        assert_eq!((policy.created.as_str(), defects.len()), ("2026-01-01T00:00:00Z", 0));
    }

    #[test]
    fn what_makes_no_sense_is_left_out_and_told() {
        let (policy, defects) = read(&json!({"mtls": {"mode": "LAX"}, "portLevelMtls": {"http": {"mode": "STRICT"}}}));
        assert_eq!((policy.mode, policy.port_modes.len()), (None, 0));
        assert_eq!(defects.len(), 2);
        assert!(
            defects[0].starts_with("spec.portLevelMtls.http: ") && defects[1].starts_with("spec.mtls.mode: \"LAX\"")
        );
    }
}
