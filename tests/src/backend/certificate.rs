//! A certificate for TLS in tests.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use tempfile::TempDir;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A self-signed certificate and its key as PEM files; whoever trusts it names the chain as its trust anchor.
#[derive(Clone, Debug)]
pub struct Certificate {
    folder: Arc<TempDir>,
}

impl Certificate {
    /// The name in it.
    pub const NAME: &'static str = "backend.test";

    /// Makes a new one.
    pub fn generate() -> Result<Self> {
        let made = rcgen::generate_simple_self_signed([Self::NAME.to_owned()])?;
        let certificate = Self { folder: Arc::new(tempfile::tempdir()?) };
        fs::write(certificate.chain(), made.cert.pem())?;
        fs::write(certificate.key(), made.signing_key.serialize_pem())?;
        Ok(certificate)
    }

    /// The PEM file with the certificate.
    pub fn chain(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    /// The PEM file with the private key.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    /// What a rustls server needs, offering both HTTP versions.
    pub(super) fn server_config(&self) -> Result<Arc<ServerConfig>> {
        let chain = CertificateDer::pem_file_iter(self.chain()).context("cannot read the certificate")?;
        let key = PrivateKeyDer::from_pem_file(self.key()).context("cannot read the private key")?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?.with_no_client_auth();
        let mut config = builder.with_single_cert(chain.collect::<Result<_, _>>()?, key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}
