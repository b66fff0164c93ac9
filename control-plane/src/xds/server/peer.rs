//! Who is at the other end of a connection, and how many come from there.

use super::gathered::SharedChunks;
use bytes::Bytes;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// The other end of a connection. Clones are the same connection. Each request has it as an extension.
#[derive(Clone, Debug)]
pub struct Peer(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: SocketAddr,
    uri_names: Vec<String>,
    spoke: AtomicBool,
    ending: CancellationToken,
    closing: CancellationToken,
    shared: Option<SharedChunks>,
}

impl Peer {
    /// A connection that ends when it is told to, or with the server.
    pub(super) fn new(
        address: SocketAddr,
        uri_names: Vec<String>,
        shared: Option<SharedChunks>,
        shutdown: &CancellationToken,
    ) -> Self {
        let (ending, closing) = (shutdown.child_token(), CancellationToken::new());
        Self(Arc::new(Inner { address, uri_names, spoke: AtomicBool::new(false), ending, closing, shared }))
    }

    /// These chunks are about to be written to the connection.
    pub(super) fn announce(&self, chunks: &[Bytes]) {
        if let Some(shared) = &self.0.shared {
            shared.announce(chunks);
        }
    }

    /// Where the connection comes from.
    pub fn address(&self) -> SocketAddr {
        self.0.address
    }

    /// The URIs that the client's certificate names its holder by; none without such a certificate.
    pub fn uri_names(&self) -> &[String] {
        &self.0.uri_names
    }

    /// Tells the client to open another connection (GOAWAY). What is in flight on this one is finished.
    pub fn end(&self) {
        self.0.ending.cancel();
    }

    /// When to say GOAWAY, or to close.
    pub(super) fn ending(&self) -> CancellationToken {
        self.0.ending.clone()
    }

    /// A request came on the connection.
    pub(super) fn speaks(&self) {
        self.0.spoke.store(true, Relaxed);
    }

    /// Whether any request has come on the connection.
    pub(super) fn spoke(&self) -> bool {
        self.0.spoke.load(Relaxed)
    }

    /// Closes the connection with all of its streams, whether the client reads or not.
    pub(super) fn close(&self) {
        self.0.closing.cancel();
        self.0.ending.cancel();
    }

    /// When to close. Nobody has to look before [`ending`](Self::ending).
    pub(super) fn closing(&self) -> CancellationToken {
        self.0.closing.clone()
    }
}

/// Counts connections by address, as many as each may have. Clones share the counts.
#[derive(Clone, Debug)]
pub(super) struct Places {
    per_address: usize,
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Places {
    pub(super) fn new(per_address: usize) -> Self {
        Self { per_address, taken: Arc::default() }
    }

    /// A place for one more connection from this address, unless it has all that it may have.
    pub(super) fn take(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let mut taken = self.lock();
        let count = taken.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(Place { places: self.clone(), address })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Taken until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Places,
    address: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        let Some(count) = taken.get_mut(&self.address) else { return };
        *count -= 1;
        if *count == 0 {
            taken.remove(&self.address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_so_many_places_and_others_have_their_own() {
        let places = Places::new(2);
        let (first, _second) = (places.take(ip("10.0.0.1")), places.take(ip("::ffff:10.0.0.1")));
        assert!(places.take(ip("10.0.0.1")).is_none());
        assert!(places.take(ip("10.0.0.2")).is_some());
        drop(first);
        assert!(places.take(ip("10.0.0.1")).is_some());
    }

    #[test]
    fn addresses_without_connections_are_forgotten() {
        let places = Places::new(2);
        drop((places.take(ip("10.0.0.1")), places.take(ip("10.0.0.1"))));
        assert!(places.lock().is_empty());
    }
}
