//! A TCP connection that sends a large message in large pieces.
//!
//! HTTP/2 cuts a message into frames of 16 KiB, and h2 writes and flushes each by itself: about twenty small sends, and as
//! many wake-ups of the receiver, for 10,000 endpoints. Here the kernel is told that more follows (`MSG_MORE`), so that it
//! fills its own segments, up to 64 KiB, and sends the last one when all is written.

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;

/// A write of at least a whole frame of the usual `SETTINGS_MAX_FRAME_SIZE` is probably followed by another.
const WHOLE_FRAME: usize = 16 * 1024;

/// What the kernel holds back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// The last call wrote a whole frame. The flush that h2 sends after each frame does not mean that it was the last.
    JustWritten,
    Flushed,
}

/// Sends whole frames together. Whatever is held back leaves with the next smaller write, with a second flush or with a
/// read; h2 flushes once more when no frame is left, and goes on to read.
pub(super) struct Gathered {
    tcp: TcpStream,
    held: Held,
}

impl Gathered {
    pub(super) fn new(tcp: TcpStream) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        Ok(Self { tcp, held: Held::Nothing })
    }

    fn poll_send(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let whole_frame = parts.iter().map(|part| part.len()).sum::<usize>() >= WHOLE_FRAME;
        let flags = if whole_frame { SendFlags::MORE | SendFlags::NOSIGNAL } else { SendFlags::NOSIGNAL };
        loop {
            ready!(self.tcp.poll_write_ready(cx))?;
            let write = || Ok(sendmsg(&self.tcp, parts, &mut SendAncillaryBuffer::default(), flags)?);
            match self.tcp.try_io(Interest::WRITABLE, write) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => {
                    self.held = if whole_frame { Held::JustWritten } else { Held::Nothing };
                    return Poll::Ready(result);
                }
            }
        }
    }

    /// Lets go of what the kernel holds back: setting `TCP_NODELAY` does, also when it is set already (tcp(7)).
    fn push(&mut self) -> io::Result<()> {
        if self.held != Held::Nothing {
            self.held = Held::Nothing;
            self.tcp.set_nodelay(true)?;
        }
        Ok(())
    }
}

impl AsyncRead for Gathered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.push()?;
        Pin::new(&mut self.tcp).poll_read(cx, into)
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_send(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.held {
            Held::JustWritten => self.held = Held::Flushed,
            Held::Flushed | Held::Nothing => self.push()?,
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    async fn pair() -> (Gathered, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (Gathered::new(server).unwrap(), client)
    }

    async fn receive(client: &mut TcpStream, length: usize) {
        let mut bytes = vec![0; length];
        timeout(Duration::from_secs(10), client.read_exact(&mut bytes)).await.expect("held back").unwrap();
    }

    #[tokio::test]
    async fn a_message_that_ends_with_a_whole_frame_leaves_with_the_second_flush() {
        let (mut server, mut client) = pair().await;
        server.write_all(&[7; WHOLE_FRAME]).await.unwrap();
        server.flush().await.unwrap();
        server.flush().await.unwrap();
        receive(&mut client, WHOLE_FRAME).await;
    }

    #[tokio::test]
    async fn a_smaller_write_takes_the_whole_frames_before_it_along() {
        let (mut server, mut client) = pair().await;
        server.write_all(&[7; WHOLE_FRAME]).await.unwrap();
        server.flush().await.unwrap();
        server.write_all(b"end").await.unwrap();
        receive(&mut client, WHOLE_FRAME + 3).await;
    }

    #[tokio::test]
    async fn reading_lets_go_of_what_is_held_back() {
        let (mut server, mut client) = pair().await;
        server.write_all(&[7; WHOLE_FRAME]).await.unwrap();
        assert!(timeout(Duration::from_millis(1), server.read(&mut [0; 1])).await.is_err(), "nothing was sent to it");
        receive(&mut client, WHOLE_FRAME).await;
    }

    #[tokio::test]
    async fn more_than_the_socket_takes_arrives_whole() {
        let (mut server, mut client) = pair().await;
        let length = 300 * WHOLE_FRAME;
        let send = async {
            for _ in 0..300 {
                server.write_all(&[7; WHOLE_FRAME]).await.unwrap();
                server.flush().await.unwrap();
            }
            server.flush().await.unwrap();
        };
        tokio::join!(send, receive(&mut client, length));
    }
}
