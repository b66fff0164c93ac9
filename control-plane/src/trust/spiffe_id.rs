//! The name of a workload.

use std::fmt;
use std::str::FromStr;

/// A Kubernetes service account by its SPIFFE ID, `spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT`, as Istio and others
/// issue them: <https://github.com/spiffe/spiffe/blob/main/standards/SPIFFE-ID.md>.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpiffeId {
    /// Whose authority has issued it.
    pub trust_domain: String,
    /// The namespace of the service account.
    pub namespace: String,
    /// The name of the service account.
    pub service_account: String,
}

/// A URI that does not name a service account.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} does not have the form spiffe://TRUST_DOMAIN/ns/NAMESPACE/sa/ACCOUNT")]
pub struct NoSpiffeId(String);

impl FromStr for SpiffeId {
    type Err = NoSpiffeId;

    /// Accepts exactly what `Display` writes.
    fn from_str(uri: &str) -> Result<Self, NoSpiffeId> {
        let none = || NoSpiffeId(uri.to_owned());
        let parts: Vec<&str> = uri.strip_prefix("spiffe://").ok_or_else(none)?.split('/').collect();
        let [trust_domain, "ns", namespace, "sa", service_account] = parts[..] else { return Err(none()) };
        let plain = [trust_domain, namespace, service_account].iter().all(|part| is_plain(part));
        let owned = || Self {
            trust_domain: trust_domain.to_owned(),
            namespace: namespace.to_owned(),
            service_account: service_account.to_owned(),
        };
        plain.then(owned).ok_or_else(none)
    }
}

/// What SPIFFE allows in a segment of a path.
fn is_plain(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { trust_domain, namespace, service_account } = self;
        write!(formatter, "spiffe://{trust_domain}/ns/{namespace}/sa/{service_account}")
    }
}
