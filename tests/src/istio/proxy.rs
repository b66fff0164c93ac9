//! An Envoy that istiod configures.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use evenkeel_bed::EnvoyVersion;
use serde_json::{Value, json};

use super::XDS;
use crate::bootstrap::{Bootstrap, Cluster};
use crate::envoy::{Envoy, Start};

/// The cluster in Istio's own bootstrap.
const XDS_CLUSTER: &str = "xds-grpc";

/// What a proxy is in the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A gateway.
    Router,
    /// Beside a workload.
    Sidecar,
}

/// Who a proxy says that it is.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// What it is.
    pub role: Role,
    /// The address of its pod.
    pub address: IpAddr,
    /// The name of its pod.
    pub name: String,
    /// The namespace of its pod.
    pub namespace: String,
    /// The labels of its pod.
    pub labels: BTreeMap<String, String>,
}

impl Proxy {
    /// Starts it and waits until it has its first configuration.
    ///
    /// # Errors
    /// As [`Start::run`].
    pub async fn start(&self, version: EnvoyVersion) -> Result<Envoy> {
        Start::new(version).drain_as_in_istio().run(self.bootstrap()?).await
    }

    fn bootstrap(&self) -> Result<Value> {
        let bootstrap = Bootstrap::new(&self.id()).cluster(Cluster::new(XDS_CLUSTER, &[SocketAddr::from(XDS)]).http2());
        let mut bootstrap =
            bootstrap.ads("DELTA_GRPC", XDS_CLUSTER).discovered(&["cds_config", "lds_config"]).into_json();
        for config in ["cds_config", "lds_config"] {
            bootstrap["dynamic_resources"][config]["initial_fetch_timeout"] = json!("0s");
        }
        bootstrap["node"]["metadata"] = json!({
            "NAMESPACE": self.namespace,
            "NAME": self.name,
            "ISTIO_VERSION": evenkeel_bed::istio::version()?,
            "CLUSTER_ID": "Kubernetes",
            "INSTANCE_IPS": self.address.to_string(),
            "LABELS": self.labels,
        });
        Ok(bootstrap)
    }

    /// `ROLE~ADDRESS~POD.NAMESPACE~DOMAIN`, as istiod takes it apart.
    fn id(&self) -> String {
        let Self { address, name, namespace, .. } = self;
        let role = match self.role {
            Role::Router => "router",
            Role::Sidecar => "sidecar",
        };
        format!("{role}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local")
    }
}
