//! The files that secure connections, and what can be wrong with them.

use sha2::{Digest, Sha256};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{NoClientAuth, WebPkiClientVerifier, danger::ClientCertVerifier};
use tokio_rustls::rustls::{Error, RootCertStore, ServerConfig};

/// Files in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate, followed by its intermediates.
    pub certificate: PathBuf,
    /// The private key of the server's certificate.
    pub key: PathBuf,
    /// If given, every client needs a certificate that one of these authorities has issued.
    pub client_ca: Option<PathBuf>,
}

/// What is wrong with a file, and what to do.
#[derive(Debug)]
pub struct TlsError {
    flag: &'static str,
    file: PathBuf,
    problem: String,
}

impl fmt::Display for TlsError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: {}", self.flag, self.file.display(), self.problem)
    }
}

impl std::error::Error for TlsError {}

/// What the files have in them.
pub(super) struct Contents {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl TlsFiles {
    const CERTIFICATE: &str = "--tls-cert";
    const KEY: &str = "--tls-key";
    const CLIENT_CA: &str = "--client-ca";

    /// All files.
    pub(super) fn paths(&self) -> impl Iterator<Item = &Path> {
        [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten().map(AsRef::as_ref)
    }

    pub(super) fn read(&self) -> Result<Contents, TlsError> {
        Ok(Contents {
            certificate: read(Self::CERTIFICATE, &self.certificate)?,
            key: read(Self::KEY, &self.key)?,
            client_ca: self.client_ca.as_ref().map(|file| read(Self::CLIENT_CA, file)).transpose()?,
        })
    }

    /// What new connections are to be served with.
    pub(super) fn config(&self, contents: &Contents) -> Result<Arc<ServerConfig>, TlsError> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder =
            builder.with_safe_default_protocol_versions().map_err(|error| self.in_certificate(error.to_string()))?;
        let builder = builder.with_client_cert_verifier(self.client_verifier(contents)?);
        let (certificates, key) = (self.certificates(contents)?, self.private_key(contents)?);
        let mut config = builder.with_single_cert(certificates, key).map_err(|error| self.mismatch(&error))?;
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Arc::new(config))
    }

    fn certificates(&self, contents: &Contents) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let found = pem_certificates(&contents.certificate).map_err(|problem| self.in_certificate(problem))?;
        if found.is_empty() {
            let problem = "no certificate is in it; it needs the server's certificate in PEM, then its intermediates";
            return Err(self.in_certificate(problem));
        }
        Ok(found)
    }

    fn private_key(&self, contents: &Contents) -> Result<PrivateKeyDer<'static>, TlsError> {
        PrivateKeyDer::from_pem_slice(&contents.key).map_err(|error| {
            self.in_key(format!(
                "{error}; it needs one private key in PEM that is not encrypted (PKCS#8, SEC1 or PKCS#1)"
            ))
        })
    }

    fn client_verifier(&self, contents: &Contents) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let Some(pem) = &contents.client_ca else { return Ok(Arc::new(NoClientAuth)) };
        let roots = roots(pem).map_err(|problem| self.in_client_ca(problem))?;
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::new(ring::default_provider()));
        let verifier = builder.build().map_err(|error| {
            self.in_client_ca(format!("{error}; it needs the certificates of the clients' authorities in PEM"))
        })?;
        Ok(verifier)
    }

    fn mismatch(&self, error: &Error) -> TlsError {
        match error {
            Error::InconsistentKeys(_) => {
                let certificate = self.certificate.display();
                self.in_key(format!("it is not the key of the certificate in {certificate}; put both there together"))
            }
            Error::InvalidCertificate(_) => self.in_certificate(format!("{error}; issue another certificate")),
            _ => self.in_key(format!("{error}; use an ECDSA, Ed25519 or RSA key")),
        }
    }

    fn in_certificate(&self, problem: impl Into<String>) -> TlsError {
        TlsError { flag: Self::CERTIFICATE, file: self.certificate.clone(), problem: problem.into() }
    }

    fn in_key(&self, problem: impl Into<String>) -> TlsError {
        TlsError { flag: Self::KEY, file: self.key.clone(), problem: problem.into() }
    }

    fn in_client_ca(&self, problem: impl Into<String>) -> TlsError {
        let file = self.client_ca.clone().unwrap_or_default();
        TlsError { flag: Self::CLIENT_CA, file, problem: problem.into() }
    }
}

impl Contents {
    /// The same for the same contents.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        for part in [Some(&self.certificate), Some(&self.key), self.client_ca.as_ref()].into_iter().flatten() {
            digest.update(Sha256::digest(part));
        }
        digest.finalize().into()
    }
}

fn read(flag: &'static str, file: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(file).map_err(|error| TlsError {
        flag,
        file: file.to_owned(),
        problem: format!("it cannot be read: {error}; check the path and the permissions"),
    })
}

fn pem_certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<_, _> = CertificateDer::pem_slice_iter(pem).collect();
    certificates.map_err(|error| format!("{error}; it needs certificates in PEM"))
}

fn roots(pem: &[u8]) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    for (index, certificate) in pem_certificates(pem)?.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| format!("certificate {}: {error}; remove or replace it", index + 1))?;
    }
    Ok(roots)
}
