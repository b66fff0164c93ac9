//! TLS on the listening socket.

mod client;
mod files;
mod reload;

pub(super) use client::uri_names;
pub use files::{TlsError, TlsFiles};
pub use reload::Reloader;

use super::gathered::Gathered;
use crate::xds::metrics::XdsMetrics;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::server::TlsStream;

/// Whoever needs longer to shake hands is not served.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How connections are secured: each by the certificates that are newest when it comes.
#[derive(Clone, Debug)]
pub struct Tls(watch::Receiver<Arc<ServerConfig>>);

impl Tls {
    /// Reads the files. The reloader reads them again whenever they change, as long as it runs.
    pub fn open(files: TlsFiles, metrics: XdsMetrics) -> Result<(Self, Reloader), TlsError> {
        let (reloader, newest) = Reloader::open(files, metrics)?;
        Ok((Self(newest), reloader))
    }

    /// Shakes hands on a task of its own, so that the arithmetic is spread over all processors.
    pub(super) async fn handshake(&self, tcp: Gathered) -> io::Result<TlsStream<Gathered>> {
        let acceptor = TlsAcceptor::from(self.0.borrow().clone());
        let handshake = tokio::spawn(timeout(HANDSHAKE_TIMEOUT, acceptor.accept(tcp)));
        match handshake.await {
            Ok(Ok(shaken)) => shaken.map_err(|error| io::Error::new(error.kind(), format!("TLS: {error}"))),
            Ok(Err(_)) => Err(io::Error::new(io::ErrorKind::TimedOut, "the TLS handshake took too long")),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}
