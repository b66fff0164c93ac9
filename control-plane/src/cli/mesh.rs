//! Flags for what the Istio objects refer to, shared by those who print them and those who apply them.

use crate::policy::render::{ControlPlane, IstioVersion, Module, Release};
use crate::trust::SpiffeId;
use clap::Args;

/// The mesh, and the control plane in it.
#[derive(Args, Debug)]
pub struct MeshArguments {
    /// The Istio that will read the objects of policies: 1.29, 1.30 or 1.31
    #[arg(long = "istio-version", visible_alias = "istio", value_name = "VERSION", default_value = "1.31")]
    istio: IstioVersion,
    /// The host name of the Service that proxies report to
    #[arg(long, value_name = "HOST", default_value = "evenkeel-rebalance.evenkeel-system.svc.cluster.local")]
    control_plane_host: String,
    /// The host name of the Service that proxies take endpoints from, where a policy says so
    #[arg(long, value_name = "HOST", default_value = "evenkeel-xds.evenkeel-system.svc.cluster.local")]
    xds_host: String,
    /// The port of both
    #[arg(long, value_name = "PORT", default_value_t = 18000)]
    control_plane_port: u16,
    /// The SPIFFE ID in the certificate of both, such as `spiffe://cluster.local/ns/evenkeel-system/sa/evenkeel`: proxies talk
    /// to nobody else then, over mutual TLS with their own certificates of the mesh. Without it in clear text
    #[arg(long, value_name = "SPIFFE-ID")]
    control_plane_identity: Option<SpiffeId>,
}

impl MeshArguments {
    /// What the objects refer to, with this filter.
    pub fn release(&self, module: Module) -> Release {
        let control_plane = ControlPlane {
            rebalance_host: self.control_plane_host.clone(),
            xds_host: self.xds_host.clone(),
            port: self.control_plane_port,
            identity: self.control_plane_identity.clone(),
        };
        Release { istio: self.istio, module, control_plane }
    }
}
