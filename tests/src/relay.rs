//! A way for connections that a test can cut: from an address of its own to whatever is behind it now.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::envoy::LOOPBACK;

/// Whom new connections are forwarded to.
pub type Target = watch::Receiver<SocketAddr>;

/// A running relay; it and its connections end when dropped.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    cut: watch::Sender<bool>,
    serving: JoinHandle<()>,
}

impl Relay {
    /// Forwards from a free loopback port. Those behind it see connections come from `source`.
    pub async fn start(source: IpAddr, target: Target) -> Result<Self> {
        let listener = TcpListener::bind(LOOPBACK).await.context("no free port for a relay")?;
        let address = listener.local_addr()?;
        let (cut, is_cut) = watch::channel(false);
        Ok(Self { address, cut, serving: tokio::spawn(serve(listener, Way { source, target, is_cut })) })
    }

    /// Where it accepts connections.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections. New ones are closed at once.
    pub fn cut(&self) {
        self.cut.send_replace(true);
    }

    /// Forwards new connections again.
    pub fn mend(&self) {
        self.cut.send_replace(false);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

#[derive(Clone)]
struct Way {
    source: IpAddr,
    target: Target,
    is_cut: watch::Receiver<bool>,
}

async fn serve(listener: TcpListener, way: Way) {
    let mut connections = JoinSet::new();
    loop {
        // Accepting fails for one connection at a time.
        if let Ok((client, _)) = listener.accept().await {
            connections.spawn(way.clone().forward(client));
        }
        while connections.try_join_next().is_some() {}
    }
}

impl Way {
    /// Until one side ends or the way is cut.
    async fn forward(mut self, mut client: TcpStream) {
        let target = *self.target.borrow();
        tokio::select! {
            biased;
            _ = self.is_cut.wait_for(|cut| *cut) => {}
            _ = exchange(&mut client, self.source, target) => {}
        }
    }
}

async fn exchange(client: &mut TcpStream, source: IpAddr, target: SocketAddr) -> Result<()> {
    let mut server = connect(source, target).await?;
    copy_bidirectional(client, &mut server).await?;
    Ok(())
}

async fn connect(source: IpAddr, address: SocketAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(source, 0))?;
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::time::timeout;

    use super::*;

    const SOURCE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 9));
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn connections_come_from_the_source_and_end_with_the_way() -> Result<()> {
        let server = TcpListener::bind(LOOPBACK).await?;
        let (_target, way) = watch::channel(server.local_addr()?);
        let relay = Relay::start(SOURCE, way).await?;
        let mut client = TcpStream::connect(relay.address()).await?;
        let (mut accepted, from) = server.accept().await?;
        assert_eq!(from.ip(), SOURCE);
        client.write_all(b"ping").await?;
        let mut bytes = [0; 4];
        timeout(PATIENCE, accepted.read_exact(&mut bytes)).await??;
        relay.cut();
        assert_eq!(timeout(PATIENCE, client.read(&mut bytes)).await??, 0, "it was open");
        let mut refused = TcpStream::connect(relay.address()).await?;
        assert_eq!(timeout(PATIENCE, refused.read(&mut bytes)).await??, 0, "it is new");
        relay.mend();
        let _client = TcpStream::connect(relay.address()).await?;
        assert_eq!(timeout(PATIENCE, server.accept()).await??.1.ip(), SOURCE);
        Ok(())
    }

    #[tokio::test]
    async fn new_connections_go_to_the_newest_target() -> Result<()> {
        let servers = [TcpListener::bind(LOOPBACK).await?, TcpListener::bind(LOOPBACK).await?];
        let (target, way) = watch::channel(servers[0].local_addr()?);
        let relay = Relay::start(SOURCE, way).await?;
        for server in &servers {
            target.send_replace(server.local_addr()?);
            let _client = TcpStream::connect(relay.address()).await?;
            timeout(PATIENCE, server.accept()).await??;
        }
        Ok(())
    }
}
