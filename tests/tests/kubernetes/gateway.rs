//! An Envoy that sends to the service.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, EndpointSource, HttpListener};
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::{EnvoyVersion, wait};

/// How long a change may take to arrive that should be there within a second or two.
pub const PATIENCE: Duration = Duration::from_secs(20);

const SERVICE: &str = "service";
const CONTROL_PLANE: &str = "control-plane";

pub struct Gateway {
    pub envoy: Envoy,
    /// Where it takes requests.
    pub address: SocketAddr,
}

impl Gateway {
    /// Gets the endpoints of this resource, by delta.
    pub async fn start(version: EnvoyVersion, control_plane: SocketAddr, resource: &str) -> Result<Self> {
        let source = EndpointSource::Stream { api_type: "DELTA_GRPC", cluster: CONTROL_PLANE.to_owned() };
        let service = Cluster::eds(SERVICE, resource, &source).initial_fetch_timeout(PATIENCE);
        let bootstrap = Bootstrap::new("gateway")
            .listener(HttpListener::new("gateway").route("/", SERVICE))
            .cluster(Cluster::control_plane(CONTROL_PLANE, &[control_plane]))
            .cluster(service);
        let envoy = Start::new(version).run(bootstrap.into_json()).await?;
        let address = envoy.listener("gateway").await?;
        Ok(Self { envoy, address })
    }

    pub async fn hosts(&self) -> Result<BTreeSet<SocketAddr>> {
        Ok(self.envoy.hosts(SERVICE).await?.into_keys().collect())
    }

    /// Waits until it has these hosts and no others.
    pub async fn hosts_become(&self, expected: &[SocketAddr]) -> Result<()> {
        let expected = expected.iter().copied().collect();
        let what = format!("the hosts to be {expected:?}");
        wait::until(&what, PATIENCE, async || self.hosts().await, |hosts| *hosts == expected).await.map(drop)
    }
}
