//! One stream, as its session and the list of clients share it.

use super::super::peer::Peer;
use super::super::progress::Progress;
use super::{ClientStatus, Clients, Entered, Entry};
use crate::xds::stream::{DiscoveryStream, Received, Rejected};
use crate::xds::{ResourceType, Response, Snapshot};
use bytes::Bytes;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

/// A client on one stream. Its session is the only one that changes anything.
pub(in crate::xds::server) struct Client<S> {
    transport: &'static str,
    peer: Peer,
    since: SystemTime,
    opened: Instant,
    conversation: Mutex<Conversation<S>>,
    /// Milliseconds after `opened` when the last response was given to the transport; 0 once it has been taken whole.
    given: AtomicU64,
}

struct Conversation<S> {
    stream: S,
    progress: Progress,
}

impl<S: DiscoveryStream + Send + 'static> Client<S> {
    /// A client that is on the list as long as what comes second is kept.
    pub(in crate::xds::server) fn enter(
        clients: &Clients,
        transport: &'static str,
        peer: Peer,
        stream: S,
    ) -> (Arc<Self>, Entered) {
        let client = Arc::new(Self {
            transport,
            peer,
            since: SystemTime::now(),
            opened: Instant::now(),
            conversation: Mutex::new(Conversation { stream, progress: Progress::default() }),
            given: AtomicU64::new(0),
        });
        let entry: Weak<Self> = Arc::downgrade(&client);
        let entered = clients.enter(entry);
        (client, entered)
    }

    /// Takes a request. If it accepts a response, says of which type, and how long after that became due.
    pub(in crate::xds::server) fn request(
        &self,
        request: S::Request,
    ) -> Result<(Received, Option<(ResourceType, Duration)>), Rejected> {
        let mut conversation = self.lock();
        let received = conversation.stream.request(request)?;
        let converged = conversation.progress.received(&received, Instant::now());
        Ok((received, converged))
    }

    /// The next response, if any, and since when the client is waiting for it: since it became due, or from now on.
    pub(in crate::xds::server) fn respond(
        &self,
        snapshot: &Snapshot,
        due: Option<Instant>,
    ) -> Option<(Response, Instant)> {
        let mut conversation = self.lock();
        let response = conversation.stream.respond(snapshot)?;
        let due = due.unwrap_or_else(Instant::now);
        conversation.progress.sent(response.resource_type, due);
        self.given.store(self.opened.elapsed().as_millis().max(1) as u64, Relaxed);
        Some((response, due))
    }

    /// These chunks of a response are about to be written to the client's connection.
    pub(in crate::xds::server) fn announce(&self, chunks: &[Bytes]) {
        self.peer.announce(chunks);
    }

    /// The transport has room for another response.
    pub(in crate::xds::server) fn taken(&self) {
        self.given.store(0, Relaxed);
    }

    /// The id of the client's node, empty before it has introduced itself.
    pub(in crate::xds::server) fn node_id(&self) -> String {
        self.lock().stream.node().map_or_else(String::new, |node| node.id.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Conversation<S>> {
        self.conversation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: DiscoveryStream + Send + 'static> Entry for Client<S> {
    fn status(&self, stream: u64) -> ClientStatus {
        let conversation = self.lock();
        ClientStatus {
            stream,
            transport: self.transport,
            peer: self.peer.address(),
            since: self.since,
            node: conversation.stream.node().cloned(),
            unread_since: self.unread_since(),
            types: conversation.stream.status(),
        }
    }

    fn unread_since(&self) -> Option<Instant> {
        let given = self.given.load(Relaxed);
        (given > 0).then(|| self.opened + Duration::from_millis(given))
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }
}
