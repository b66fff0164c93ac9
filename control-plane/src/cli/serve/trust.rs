//! Flags for who is believed to be whom, and who may read endpoints.

use crate::trust::Trust;
use crate::xds::server::Readers;
use anyhow::ensure;
use clap::Args;

/// Whose identities count, and for what.
#[derive(Args, Debug)]
pub struct TrustArguments {
    /// The SPIFFE trust domain whose identities count, as in the mesh's configuration
    #[arg(long, value_name = "DOMAIN", default_value = "cluster.local")]
    trust_domain: String,
    /// Believe the header x-forwarded-client-cert of calls from the loopback addresses: a mesh sidecar of this pod
    /// terminates mutual TLS. Nobody else may reach this process by loopback then
    #[arg(long)]
    trust_xfcc: bool,
    /// Serve endpoints only to clients whose certificate names a workload of this namespace; may be repeated. Without it to
    /// all that can connect. Needs --client-ca or --trust-xfcc
    #[arg(long = "endpoint-reader-namespace", value_name = "NAMESPACE")]
    reader_namespaces: Vec<String>,
}

impl TrustArguments {
    /// Which evidence counts.
    pub fn trust(&self) -> Trust {
        Trust { domain: self.trust_domain.clone(), forwarded: self.trust_xfcc }
    }

    /// Who may read endpoints; `None` for all that can connect.
    pub fn readers(&self, verifies_clients: bool) -> anyhow::Result<Option<Readers>> {
        if self.reader_namespaces.is_empty() {
            return Ok(None);
        }
        ensure!(
            verifies_clients || self.trust_xfcc,
            "--endpoint-reader-namespace: nobody can prove a namespace here; add --client-ca, or --trust-xfcc behind a sidecar"
        );
        Ok(Some(Readers::new(self.trust(), self.reader_namespaces.iter().cloned())))
    }
}
