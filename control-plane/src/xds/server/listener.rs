//! The listening socket, and the connections that come in.

use super::connection::{Connection, Io};
use super::gathered::{Gathered, SharedChunks};
use super::occasionally::Occasionally;
use super::peer::{Peer, Place, Places};
use super::tls::{Tls, uri_names};
use crate::xds::metrics::XdsMetrics;
use futures::{Stream, StreamExt, stream};
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

/// Proxies that restart together connect together; the usual 128 overflows.
const BACKLOG: u32 = 4096;
/// TLS handshakes at one time. The others wait in the backlog, as they would for the processor anyway.
const HANDSHAKES: usize = 1024;
/// When no connection can be accepted, as without free file descriptors, another attempt at once would fail as well.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Listens on an address.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// What connections are checked against as they come in.
#[derive(Clone, Debug)]
pub(super) struct Door {
    pub(super) places: Places,
    pub(super) silence: Duration,
    pub(super) tls: Option<Tls>,
    pub(super) metrics: XdsMetrics,
    pub(super) warnings: Arc<Occasionally>,
    pub(super) shutdown: CancellationToken,
}

impl Door {
    /// Connections that are ready for HTTP/2. A handshake holds up nobody else.
    pub(super) fn incoming(self, listener: TcpListener) -> impl Stream<Item = Connection> {
        let accepted = stream::unfold(listener, async |listener| Some((accept(&listener).await, listener)));
        accepted
            .map(move |(tcp, address)| self.clone().enter(tcp, address))
            .buffer_unordered(HANDSHAKES)
            .filter_map(async |connection| connection)
    }

    async fn enter(self, tcp: TcpStream, address: SocketAddr) -> Option<Connection> {
        let Some(place) = self.places.take(address.ip()) else {
            let reason = "too many from this address; see --max-connections-per-address";
            return self.refuse("too_many_from_address", address, &reason);
        };
        match self.secure(tcp).await {
            Ok(secured) => Some(self.connection(address, secured, place)),
            Err(error) => self.refuse("handshake", address, &error),
        }
    }

    fn refuse<T>(&self, label: &'static str, address: SocketAddr, reason: &dyn Display) -> Option<T> {
        self.metrics.connection_refused(label);
        if self.warnings.due(Instant::now()) {
            warn!(%address, %reason, "a connection is refused; more of them are only counted for some seconds");
        }
        None
    }

    async fn secure(&self, tcp: TcpStream) -> io::Result<Secured> {
        let Some(tls) = &self.tls else {
            let shared = SharedChunks::default();
            let io = Box::new(Gathered::new(tcp, Some(shared.clone()))?);
            return Ok(Secured { io, uri_names: Vec::new(), shared: Some(shared) });
        };
        // What TLS writes are no slices of anything.
        let stream = tls.handshake(Gathered::new(tcp, None)?).await?;
        let uri_names = uri_names(stream.get_ref().1.peer_certificates());
        Ok(Secured { io: Box::new(stream), uri_names, shared: None })
    }

    fn connection(&self, address: SocketAddr, secured: Secured, place: Place) -> Connection {
        let peer = Peer::new(address, secured.uri_names, secured.shared, &self.shutdown);
        Connection::new(secured.io, peer, self.silence, place, self.metrics.connected())
    }
}

/// A connection that bytes can be exchanged over.
struct Secured {
    io: Box<dyn Io>,
    /// The URIs that the client's certificate has.
    uri_names: Vec<String>,
    shared: Option<SharedChunks>,
}

/// Accepts one connection, however long that takes.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok(accepted) => return accepted,
            Err(error) if concerns_one_connection(&error) => debug!(%error, "a connection ended while it was accepted"),
            Err(error) => {
                warn!(%error, "no connection can be accepted; when files are exhausted, raise `ulimit -n`");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
