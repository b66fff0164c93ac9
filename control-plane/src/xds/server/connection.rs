//! One connection, in clear text or TLS.

use super::peer::{Peer, Place};
use crate::xds::metrics::Open;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What a connection is made of.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A connection that closes by itself when no request comes.
pub(super) struct Connection {
    io: Box<dyn Io>,
    peer: Peer,
    silence: Option<Pin<Box<Sleep>>>,
    _place: Place,
    _open: Open,
}

impl Connection {
    pub(super) fn new(io: Box<dyn Io>, peer: Peer, silence: Duration, place: Place, open: Open) -> Self {
        Self { io, peer, silence: Some(Box::pin(sleep(silence))), _place: place, _open: open }
    }

    /// Who is at the other end.
    pub(super) fn peer(&self) -> Peer {
        self.peer.clone()
    }

    /// Whether no request has come for too long. The transport asks whenever it reads, and is woken when the answer changes.
    fn poll_silent(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.peer.spoke() {
            self.silence = None;
        }
        self.silence.as_mut().map_or(Poll::Pending, |silence| silence.as_mut().poll(cx))
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if self.poll_silent(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        Pin::new(&mut self.io).poll_read(cx, into)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
