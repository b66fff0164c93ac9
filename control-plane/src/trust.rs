//! Who calls, as far as the transport has proven it: whose reports count, and who may read endpoints.

mod forwarded;
mod spiffe_id;

pub use spiffe_id::SpiffeId;

use http::HeaderMap;
use std::net::{IpAddr, Ipv6Addr};

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Where the call comes from. An IPv4 address is never in its IPv6 form.
    pub address: IpAddr,
    /// What the caller has proven to be; nothing without certificates.
    pub identities: Vec<SpiffeId>,
}

/// What a transport knows of a call.
#[derive(Clone, Copy, Debug, Default)]
pub struct Evidence<'a> {
    /// The URIs in the certificate that the client has shown and that was verified.
    pub uri_names: &'a [String],
    /// The header `x-forwarded-client-cert`.
    pub forwarded: Option<&'a str>,
}

impl<'a> Evidence<'a> {
    /// What a request comes with. Of several headers only the last can be the sidecar's.
    pub fn new(uri_names: &'a [String], headers: &'a HeaderMap) -> Self {
        let last = headers.get_all("x-forwarded-client-cert").iter().next_back();
        Self { uri_names, forwarded: last.and_then(|header| header.to_str().ok()) }
    }
}

/// Which evidence counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Identities of other trust domains count for nothing: another authority may give the same names to others.
    pub domain: String,
    /// Whether a sidecar of this process terminates mutual TLS, and says in a header whose certificate it has seen.
    pub forwarded: bool,
}

impl Default for Trust {
    /// The trust domain that Istio has by default, and no sidecar.
    fn default() -> Self {
        Self { domain: "cluster.local".to_owned(), forwarded: false }
    }
}

impl Trust {
    /// Who calls from this address with this evidence.
    pub fn caller(&self, address: IpAddr, evidence: Evidence<'_>) -> Caller {
        let address = address.to_canonical();
        let forwarded = evidence.forwarded.filter(|_| self.forwarded && is_own_sidecar(address));
        let forwarded = forwarded.and_then(forwarded::uris).unwrap_or_default();
        let uris = evidence.uri_names.iter().chain(&forwarded);
        let identities = uris.filter_map(|uri| uri.parse().ok()).filter(|id: &SpiffeId| id.trust_domain == self.domain);
        Caller { address, identities: identities.collect() }
    }
}

/// A sidecar is in the same network namespace: nobody else can call from these addresses. Istio's calls from `127.0.0.6`
/// and `::6`.
fn is_own_sidecar(address: IpAddr) -> bool {
    const ISTIO: Ipv6Addr = Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 6);
    address.is_loopback() || address == IpAddr::V6(ISTIO)
}

#[cfg(test)]
mod tests;
