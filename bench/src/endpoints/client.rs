//! A client that acknowledges whatever it is sent, as fast as it can, on a connection of its own, as a proxy has.

mod http2;
mod response;

pub use response::Response;

use std::cell::RefCell;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use self::http2::Connection;
use super::tally::Tally;
use super::transport::Subscription;

/// Bytes that are read at a time.
const READ: usize = 256 << 10;

thread_local! {
    /// Shared by all clients of a thread, so that it stays in the processor's cache.
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ]);
}

/// One client.
pub struct Client {
    socket: TcpStream,
    connection: Connection,
    subscription: Subscription,
    tally: Arc<Tally>,
}

impl Client {
    /// Connects and subscribes.
    pub async fn open(server: SocketAddr, subscription: Subscription, tally: Arc<Tally>) -> Result<Self> {
        let mut socket = TcpStream::connect(server).await.with_context(|| format!("cannot connect to {server}"))?;
        socket.set_nodelay(true)?;
        let mut connection = Connection::default();
        let first = subscription.first_request();
        socket.write_all(&connection.open(&server.to_string(), subscription.transport.path(), &first)?).await?;
        Ok(Self { socket, connection, subscription, tally })
    }

    /// Acknowledges until the server ends the connection, which is an error.
    pub async fn run(mut self) -> Result<()> {
        loop {
            self.socket.readable().await?;
            let (outgoing, acknowledged) = BUFFER.with_borrow_mut(|buffer| self.read(buffer))?;
            if !outgoing.is_empty() {
                self.socket.write_all(&outgoing).await?;
            }
            self.tally.acknowledged(acknowledged);
        }
    }

    /// Reads once. Says what has to be sent, and how many acknowledgements are in it.
    fn read(&mut self, buffer: &mut [u8]) -> Result<(Vec<u8>, usize)> {
        let length = match self.socket.try_read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok((Vec::new(), 0)),
            length => length?,
        };
        ensure!(length > 0, "the server has closed the connection");
        self.tally.read(length);
        let received = self.connection.receive(buffer.get(..length).unwrap_or_default())?;
        let mut outgoing = received.outgoing;
        for response in &received.responses {
            outgoing.extend(self.connection.message(&self.subscription.acknowledgement(response))?);
        }
        Ok((outgoing, received.responses.len()))
    }
}
