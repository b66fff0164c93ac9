//! The real programs of a measurement.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::Backend;
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, HttpListener};
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::extension_config::ExtensionConfig;

use super::load::{Load, Protocol};
use super::variant::{Modules, Variant};

/// The listener's name.
const LISTENER: &str = "http";
/// What counts the VMs of an Envoy: one per worker and one on the main thread.
const RUNNING_VMS: &str = "wasm.envoy.wasm.runtime.v8.active";
/// How long the modules may take to compile while other Envoys start.
const PATIENCE: Duration = Duration::from_secs(30);

/// An Envoy with the filters of one variant.
pub struct Bed {
    /// What it is configured as.
    pub variant: Variant,
    /// The Envoy.
    pub envoy: Envoy,
    _files: Option<ExtensionConfig>,
}

/// Where Envoys come from: all alike but for the variant.
pub struct Beds<'a> {
    /// Which Envoy.
    pub version: EnvoyVersion,
    /// The wasm modules.
    pub modules: &'a Modules,
    /// What answers the requests.
    pub backend: &'a Backend,
}

impl Beds<'_> {
    /// Starts one and waits until its filters run.
    pub async fn start(&self, variant: Variant, workers: u32) -> Result<Bed> {
        let listener = Protocol::ALL
            .iter()
            .fold(HttpListener::new(LISTENER).direct_response("/direct", "direct\n"), |listener, protocol| {
                listener.route(&format!("/{}", protocol.name()), protocol.name())
            });
        let (listener, files) = variant.extend(listener, self.modules)?;
        let bootstrap = Bootstrap::new(variant.name())
            .listener(listener)
            .cluster(self.cluster(Protocol::Http1))
            .cluster(self.cluster(Protocol::Http2).http2());
        let envoy = Start::new(self.version).concurrency(workers).run(bootstrap.into_json()).await?;
        if variant.has_wasm() {
            let all = u64::from(workers) + 1;
            envoy.stat_until(RUNNING_VMS, |active| active >= all, PATIENCE).await?;
        }
        Ok(Bed { variant, envoy, _files: files })
    }

    fn cluster(&self, protocol: Protocol) -> Cluster {
        Cluster::new(protocol.name(), &[self.backend.address()])
    }
}

impl Bed {
    /// Where it accepts connections.
    pub async fn address(&self) -> Result<SocketAddr> {
        self.envoy.listener(LISTENER).await
    }

    /// Opens the connections of a load.
    pub async fn load(&self, protocol: Protocol) -> Result<Load> {
        Load::connect(protocol, self.address().await?).await
    }
}
