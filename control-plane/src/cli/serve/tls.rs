//! Flags for how the xDS port is secured.

use crate::xds::metrics::XdsMetrics;
use crate::xds::server::{Tls, TlsFiles};
use anyhow::bail;
use clap::Args;
use std::net::SocketAddr;
use std::path::PathBuf;

/// TLS, or the explicit wish to have none.
#[derive(Args, Debug)]
pub struct TlsArguments {
    /// Serve xDS over TLS with this certificate and its intermediates, in PEM; read again when the file changes
    #[arg(long, value_name = "TLS.crt", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The private key of --tls-cert, in PEM; read again when the file changes
    #[arg(long, value_name = "TLS.key", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Only serve clients with a certificate that one of these authorities has issued, in PEM
    #[arg(long, value_name = "CA.crt", requires = "tls_cert")]
    client_ca: Option<PathBuf>,
    /// Allow clear text on an address that other machines reach, as behind a mesh sidecar that has mTLS of its own
    #[arg(long, conflicts_with = "tls_cert")]
    insecure: bool,
}

impl TlsArguments {
    /// TLS that follows its files, or `None` for clear text.
    pub fn open(&self, address: SocketAddr, metrics: XdsMetrics) -> anyhow::Result<Option<Tls>> {
        let Some(files) = self.files() else {
            self.allow_clear_text(address)?;
            return Ok(None);
        };
        let (tls, reloader) = Tls::open(files, metrics)?;
        tokio::spawn(reloader.run());
        Ok(Some(tls))
    }

    /// Whether clients have to show a certificate.
    pub fn verifies_clients(&self) -> bool {
        self.client_ca.is_some()
    }

    fn files(&self) -> Option<TlsFiles> {
        let (certificate, key) = (self.tls_cert.clone()?, self.tls_key.clone()?);
        Some(TlsFiles { certificate, key, client_ca: self.client_ca.clone() })
    }

    /// Endpoints are the map of a cluster. Whoever can connect can read it, so that takes a decision.
    fn allow_clear_text(&self, address: SocketAddr) -> anyhow::Result<()> {
        if self.insecure || address.ip().to_canonical().is_loopback() {
            return Ok(());
        }
        bail!(
            "--xds-address {address} can be reached from other machines and would be clear text; \
             add --tls-cert, --tls-key and --client-ca, or --insecure if something else protects it"
        )
    }
}
