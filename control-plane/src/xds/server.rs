//! The xDS server: sockets, streams, and nothing that decides.
//!
//! A stream is driven by the transport: a response is made when HTTP/2 has taken the one before and asks for more, from
//! the newest snapshot of that moment. So at most one response per stream waits here, a slow client skips the states in
//! between, and nothing has to be queued. Beside that, HTTP/2 keeps what it has taken but not yet written, at most
//! about 400 KB per stream plus one chunk, and the connection what it has not yet sent, at most about 1 MB, of which all but
//! the heads of frames is shared. A client that takes nothing at all for [`Limits::unread`] is cut off.

mod beside;
mod clients;
mod connection;
mod deadline;
mod gathered;
mod health;
mod limits;
mod listener;
mod occasionally;
mod peer;
mod progress;
mod readers;
mod reflection;
mod refusal;
mod services;
mod session;
mod tls;
mod trailers;
mod transport;
mod unread;

pub use clients::{ClientStatus, Clients};
pub use limits::Limits;
pub use listener::bind;
pub use peer::Peer;
pub use readers::Readers;
pub use services::GrpcService;
pub use tls::{Reloader, Tls, TlsError, TlsFiles};

use super::Snapshot;
use super::metrics::XdsMetrics;
use health::Health;
use http::HeaderMap;
use listener::Door;
use peer::Places;
use refusal::Refusal;
use std::convert::Infallible;
use std::future::pending;
use std::mem;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_util::sync::CancellationToken;
use transport::Transport;

/// The newest snapshot, for as many readers as there are streams. Each is told of changes and then reads what is newest.
pub type Snapshots = watch::Receiver<Option<Arc<Snapshot>>>;

/// What every stream needs.
#[derive(Debug)]
pub struct Server {
    /// The newest snapshot, `None` until the source has been read completely.
    pub snapshots: Snapshots,
    /// Counts what happens.
    pub metrics: XdsMetrics,
    /// The streams that are open.
    pub clients: Clients,
    /// Ends all streams and then the server.
    pub shutdown: CancellationToken,
    /// Whether gRPC health says that the server serves.
    pub ready: watch::Receiver<bool>,
    /// What clients may take.
    pub limits: Limits,
    /// How connections are secured; `None` for clear text.
    pub tls: Option<Tls>,
    /// Who may read endpoints; `None` for everybody who can connect.
    pub readers: Option<Readers>,
    /// What is served beside xDS on the same connections.
    pub services: Vec<GrpcService>,
}

impl Server {
    /// Serves until the shutdown: then the listener is closed, every stream ends with `UNAVAILABLE`, and this returns when
    /// the last client has been told.
    pub async fn serve(mut self, listener: TcpListener) {
        let (newest, snapshots) = watch::channel(self.snapshots.borrow().clone());
        let following = follow(mem::replace(&mut self.snapshots, snapshots), newest, self.shutdown.clone());
        let incoming = self.door().incoming(listener);
        let health = Health::new(self.ready.clone(), &self.services).await;
        let cutting_off = unread::cut_off(self.clients.clone(), self.limits.unread, self.metrics.clone());
        let shutdown = self.shutdown.clone();
        let transport = Transport::new(services::routes(self, &health), shutdown);
        tokio::select! {
            () = transport.serve(incoming) => {}
            never = cutting_off => match never {},
            never = health.follow() => match never {},
            never = following => match never {},
        }
    }

    fn door(&self) -> Door {
        Door {
            places: Places::new(self.limits.connections_per_address),
            silence: self.limits.silence,
            tls: self.tls.clone(),
            metrics: self.metrics.clone(),
            warnings: Arc::default(),
            shutdown: self.shutdown.clone(),
        }
    }

    /// Whether another stream may be opened for this request. An empty answer before everything is known would take away
    /// what the client still has.
    fn admit(
        &self,
        streams: &Arc<Semaphore>,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<OwnedSemaphorePermit, Refusal> {
        if self.readers.as_ref().is_some_and(|readers| !readers.include(peer, headers)) {
            return Err(Refusal::NoReader);
        }
        if self.shutdown.is_cancelled() {
            return Err(Refusal::Shutdown);
        }
        if self.snapshots.borrow().is_none() {
            return Err(Refusal::NotSynced);
        }
        streams.clone().try_acquire_owned().map_err(|_| Refusal::TooManyStreams(self.limits.streams))
    }
}

/// Hands snapshots on until the shutdown. Streams end when no more can come, so that they need not wait for the shutdown as
/// well: that would cost each of them something with every snapshot.
async fn follow(
    mut source: Snapshots,
    streams: watch::Sender<Option<Arc<Snapshot>>>,
    shutdown: CancellationToken,
) -> Infallible {
    let hand_on = async {
        loop {
            streams.send_replace(source.borrow_and_update().clone());
            if source.changed().await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = hand_on => {}
        () = shutdown.cancelled() => {}
    }
    drop(streams);
    pending().await
}
