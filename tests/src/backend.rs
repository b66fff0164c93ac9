//! A real server that remembers what it served.
//!
//! HTTP/1 and HTTP/2 on one port, with TLS on request. It runs on threads of its own, so that it serves whatever runtime
//! the test has. The paths are listed in [`answer`].

pub mod answer;
mod certificate;
mod grpc;
mod record;
mod server;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};

pub use self::certificate::Certificate;
pub use self::record::{Execution, Record, ServedConnection};
use crate::envoy::LOOPBACK;

/// The response header that names the backend's connection that served a request.
pub const CONNECTION_HEADER: &str = "x-served-connection";

/// What a backend can be told before it starts.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; a free loopback port by default.
    pub address: SocketAddr,
    /// Serve TLS with this certificate; clear text by default.
    pub certificate: Option<Certificate>,
    /// Drop every n-th request without an answer: a broken server, to prove that failures are noticed.
    pub drop_every: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { address: LOOPBACK, certificate: None, drop_every: None }
    }
}

/// A running server; it and its connections end when dropped.
#[derive(Debug)]
pub struct Backend {
    address: SocketAddr,
    record: Arc<Record>,
    runtime: Option<Runtime>,
}

impl Backend {
    /// Starts a clear-text server on a free loopback port.
    pub fn start() -> Result<Self> {
        Self::start_with(&Options::default())
    }

    /// Starts a server.
    ///
    /// # Errors
    /// When the address is taken or the certificate unusable.
    pub fn start_with(options: &Options) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(2).thread_name("backend").enable_all().build()?;
        let listener = {
            let _guard = runtime.enter();
            listen(options.address).with_context(|| format!("cannot listen on {}", options.address))?
        };
        let address = listener.local_addr()?;
        let record = Arc::new(Record::default());
        runtime.spawn(server::Server::new(options, Arc::clone(&record))?.run(listener));
        Ok(Self { address, record, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it served.
    pub fn record(&self) -> &Record {
        &self.record
    }
}

/// With a queue for thousands of clients that connect at once.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(4096)
}

impl Drop for Backend {
    fn drop(&mut self) {
        // A runtime must not be awaited inside another one; its connections are closed either way.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
