//! An Envoy that istiod configures.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use anyhow::Result;
use evenkeel_bed::EnvoyVersion;
use serde_json::{Value, json};

use super::XDS;
use crate::bootstrap::{Bootstrap, Cluster};
use crate::envoy::{Envoy, Start};
use crate::network::PodNetwork;

/// The clusters in Istio's own bootstrap. Behind the second one is the agent, which is not here.
const XDS_CLUSTER: &str = "xds-grpc";
const SECRETS_CLUSTER: &str = "sds-grpc";
/// Where the admin interface is in a pod that has a network of its own.
pub(super) const ADMIN_PORT: u16 = 15000;
const NOBODY: ([u8; 4], u16) = ([127, 0, 0, 1], 9);

/// What a proxy is in the mesh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A gateway.
    Router,
    /// Beside a workload.
    Sidecar,
}

impl Role {
    /// Istio's name of it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Router => "router",
            Self::Sidecar => "sidecar",
        }
    }
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
    /// Who resolves names for it; the machine's own resolver if nobody does.
    pub dns: Option<SocketAddr>,
}

impl Proxy {
    /// Starts it and waits until it has its first configuration.
    ///
    /// # Errors
    /// As [`Start::run`].
    pub async fn start(&self, version: EnvoyVersion) -> Result<Envoy> {
        Start::new(version).drain_as_in_istio().run(self.bootstrap()?).await
    }

    /// The same in the network of its pod, whose address it has.
    ///
    /// # Errors
    /// As [`Start::run_at`].
    pub async fn start_in(&self, version: EnvoyVersion, network: &PodNetwork) -> Result<Envoy> {
        let (start, admin) = (Start::new(version).concurrency(1).drain_as_in_istio(), (self.address, ADMIN_PORT));
        start.run_at(admin.into(), network.namespace(), self.bootstrap()?).await
    }

    /// What it starts with.
    ///
    /// # Errors
    /// When the list of modules, which has Istio's version, cannot be read.
    pub fn bootstrap(&self) -> Result<Value> {
        let bootstrap = Bootstrap::new(&self.id())
            .cluster(Cluster::new(XDS_CLUSTER, &[SocketAddr::from(XDS)]).http2())
            .cluster(Cluster::new(SECRETS_CLUSTER, &[SocketAddr::from(NOBODY)]).http2());
        let mut bootstrap =
            bootstrap.ads("DELTA_GRPC", XDS_CLUSTER).discovered(&["cds_config", "lds_config"]).into_json();
        for config in ["cds_config", "lds_config"] {
            bootstrap["dynamic_resources"][config]["initial_fetch_timeout"] = json!("0s");
        }
        if let Some(dns) = self.dns {
            bootstrap["typed_dns_resolver_config"] = resolver(dns);
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
        let role = self.role.name();
        format!("{role}~{address}~{name}.{namespace}~{namespace}.svc.cluster.local")
    }
}

fn resolver(dns: SocketAddr) -> Value {
    let address = json!({"socket_address": {"address": dns.ip(), "port_value": dns.port()}});
    json!({
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [address],
        },
    })
}
