//! What the objects refer to beside the policy.

use crate::trust::SpiffeId;
use std::fmt;
use std::str::FromStr;

/// Where the filter and the control plane are, and for which Istio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The Istio that reads the objects.
    pub istio: IstioVersion,
    /// The filter.
    pub module: Module,
    /// Whom proxies report to.
    pub control_plane: ControlPlane,
}

/// A supported minor version of Istio. What is rendered so far is the same for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IstioVersion {
    /// With Envoy 1.37.
    V1_29,
    /// With Envoy 1.38.
    V1_30,
    /// With Envoy 1.39.
    V1_31,
}

/// The filter's binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Where proxies fetch it: `http`, `https` or `file`.
    pub url: String,
    /// Its SHA-256 in hexadecimal digits. Proxies refuse anything else.
    pub sha256: String,
}

/// The Services of the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlane {
    /// The name in the mesh of the one that proxies report to.
    pub rebalance_host: String,
    /// The name in the mesh of the one that endpoints come from.
    pub xds_host: String,
    /// The port of both.
    pub port: u16,
    /// As whom it answers, over mutual TLS of the mesh; without it proxies talk to it in clear text.
    pub identity: Option<SpiffeId>,
}

/// What is wrong with a part of a release.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReleaseError {
    /// No supported version.
    #[error("{0:?} is no supported Istio version: use 1.29, 1.30 or 1.31")]
    Istio(String),
    /// No SHA-256.
    #[error("{0:?} is no SHA-256: use the 64 hexadecimal digits that `sha256sum` prints")]
    Digest(String),
    /// No URL that proxies can fetch from.
    #[error("{0:?} is no URL of a module: use http://, https:// or file://")]
    Url(String),
}

impl FromStr for IstioVersion {
    type Err = ReleaseError;

    fn from_str(text: &str) -> Result<Self, ReleaseError> {
        match text.split('.').take(2).collect::<Vec<_>>()[..] {
            ["1", "29"] => Ok(Self::V1_29),
            ["1", "30"] => Ok(Self::V1_30),
            ["1", "31"] => Ok(Self::V1_31),
            _ => Err(ReleaseError::Istio(text.to_owned())),
        }
    }
}

impl fmt::Display for IstioVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::V1_29 => "1.29",
            Self::V1_30 => "1.30",
            Self::V1_31 => "1.31",
        })
    }
}

impl Module {
    /// A module with this content.
    ///
    /// # Errors
    /// When one of the two cannot be right.
    pub fn new(url: &str, sha256: &str) -> Result<Self, ReleaseError> {
        if !["http://", "https://", "file://"].iter().any(|scheme| url.starts_with(scheme)) {
            return Err(ReleaseError::Url(url.to_owned()));
        }
        if sha256.len() != 64 || !sha256.chars().all(|digit| digit.is_ascii_hexdigit()) {
            return Err(ReleaseError::Digest(sha256.to_owned()));
        }
        Ok(Self { url: url.to_owned(), sha256: sha256.to_ascii_lowercase() })
    }

    /// The path, where it is a file of the proxy.
    pub fn file(&self) -> Option<&str> {
        self.url.strip_prefix("file://")
    }
}
