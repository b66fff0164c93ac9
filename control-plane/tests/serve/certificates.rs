//! Certificates, and the folder in which Kubernetes presents them.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, SanType};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use tempfile::TempDir;

/// A certificate authority.
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub fn new() -> Self {
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap())
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name and its key, in PEM.
    pub fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new([name.to_owned()]).unwrap().signed_by(&key, &self.0).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// The same for a client that this URI names.
    pub fn issue_to_uri(&self, uri: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut client = CertificateParams::new([]).unwrap();
        client.subject_alt_names = vec![SanType::URI(uri.try_into().unwrap())];
        (client.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }
}

/// A mounted Secret of type `kubernetes.io/tls`: `tls.crt -> ..data/tls.crt`, `..data -> ..1`.
pub struct Secret {
    folder: TempDir,
    versions: AtomicUsize,
}

impl Secret {
    pub fn with(pair: &(String, String), ca: &str) -> Self {
        let secret = Self { folder: TempDir::new().unwrap(), versions: AtomicUsize::new(0) };
        secret.swap(pair, ca);
        for name in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(format!("..data/{name}"), secret.file(name)).unwrap();
        }
        secret
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Replaces all files at once, as the kubelet does.
    pub fn swap(&self, (certificate, key): &(String, String), ca: &str) {
        let version = format!("..{}", self.versions.fetch_add(1, Relaxed));
        fs::create_dir(self.file(&version)).unwrap();
        for (name, content) in [("tls.crt", certificate.as_str()), ("tls.key", key), ("ca.crt", ca)] {
            fs::write(self.file(&version).join(name), content).unwrap();
        }
        symlink(&version, self.file("..data_tmp")).unwrap();
        fs::rename(self.file("..data_tmp"), self.file("..data")).unwrap();
    }
}
