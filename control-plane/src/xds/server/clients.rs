//! The streams that are open, for those who ask.

mod client;

pub(super) use client::Client;

use super::peer::Peer;
use crate::xds::TypeStatus;
use evenkeel_proto::envoy::config::core::v3::Node;
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime};

/// The open discovery streams, oldest first. Clones share them.
///
/// A stream enters itself when it opens and is gone when it ends; between that, nobody waits for anybody but a reader
/// for the one stream that it looks at.
#[derive(Clone, Default)]
pub struct Clients(Arc<Mutex<Entries>>);

#[derive(Default)]
struct Entries {
    next: u64,
    open: BTreeMap<u64, Weak<dyn Entry>>,
}

/// One discovery stream and the client that has opened it.
#[derive(Clone, Debug)]
pub struct ClientStatus {
    /// Unique while the process lives; the order in which streams were opened.
    pub stream: u64,
    /// `eds_sotw`, `eds_delta`, `ads_sotw` or `ads_delta`.
    pub transport: &'static str,
    /// Where the connection comes from.
    pub peer: SocketAddr,
    /// When the stream was opened.
    pub since: SystemTime,
    /// How the client introduced itself; `None` before its first request.
    pub node: Option<Node>,
    /// Since when the transport holds a response that the client does not take.
    pub unread_since: Option<Instant>,
    /// Where the client stands with each type that it has asked for.
    pub types: Vec<TypeStatus>,
}

/// What the list knows of a stream, whatever kind it is.
trait Entry: Send + Sync {
    fn status(&self, stream: u64) -> ClientStatus;
    fn unread_since(&self) -> Option<Instant>;
    fn peer(&self) -> &Peer;
}

impl Clients {
    /// The streams that are open now, one after the other as they are asked for.
    pub fn statuses(&self) -> impl Iterator<Item = ClientStatus> {
        self.open().into_iter().filter_map(|(stream, entry)| Some(entry.upgrade()?.status(stream)))
    }

    /// The clients that have not taken a response since then.
    pub(super) fn unread_before(&self, then: Instant) -> impl Iterator<Item = (ClientStatus, Peer)> {
        self.open().into_iter().filter_map(move |(stream, entry)| {
            let entry = entry.upgrade()?;
            entry.unread_since().filter(|since| *since < then)?;
            Some((entry.status(stream), entry.peer().clone()))
        })
    }

    fn enter(&self, entry: Weak<dyn Entry>) -> Entered {
        let mut entries = self.lock();
        let stream = entries.next;
        entries.next += 1;
        entries.open.insert(stream, entry);
        Entered { clients: self.clone(), stream }
    }

    fn open(&self) -> Vec<(u64, Weak<dyn Entry>)> {
        self.lock().open.iter().map(|(stream, entry)| (*stream, entry.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Clients").field("open", &self.lock().open.len()).finish()
    }
}

/// In the list until it is dropped.
pub(super) struct Entered {
    clients: Clients,
    stream: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.clients.lock().open.remove(&self.stream);
    }
}
