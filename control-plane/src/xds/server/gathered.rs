//! A TCP connection that sends a large message at once.
//!
//! HTTP/2 cuts a message into frames of 16 KiB, and h2 writes and flushes each by itself: about twenty small sends, and as
//! many wake-ups of the receiver, for 10,000 endpoints. Here what belongs together is kept, without a copy where it is a
//! [chunk](SharedChunks) that all streams share, and leaves in one call. What cannot be kept (TLS writes other bytes than it
//! was given) is written at once, and the kernel is told that more follows (`MSG_MORE`), so that it fills its own segments.

mod shared_chunks;
mod waiting;

pub(super) use shared_chunks::SharedChunks;

use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use waiting::Waiting;

/// A write of at least a whole frame of the usual `SETTINGS_MAX_FRAME_SIZE` is probably followed by another.
const WHOLE_FRAME: usize = 16 * 1024;

/// Whether more is expected.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expecting {
    /// The next flush sends.
    Nothing,
    /// The last call wrote a whole frame. The flush that h2 sends after each frame does not mean that it was the last.
    More,
}

/// Sends whole frames together. Whatever is held back leaves with the flush after a smaller write, with a second flush or
/// with a read; h2 flushes once more when no frame is left, and goes on to read.
pub(super) struct Gathered {
    tcp: TcpStream,
    shared: Option<SharedChunks>,
    waiting: Waiting,
    expecting: Expecting,
    /// The kernel holds something back.
    corked: bool,
}

impl Gathered {
    /// Keeps what lies within these chunks, and what is small beside it.
    pub(super) fn new(tcp: TcpStream, shared: Option<SharedChunks>) -> io::Result<Self> {
        tcp.set_nodelay(true)?;
        Ok(Self { tcp, shared, waiting: Waiting::default(), expecting: Expecting::Nothing, corked: false })
    }

    /// Keeps these bytes if it can. Where nothing waits, small ones are not worth it.
    fn keep(&mut self, parts: &[IoSlice<'_>], length: usize) -> bool {
        let is_worth_it = length > SharedChunks::SMALL || !self.waiting.is_empty();
        self.shared.as_ref().is_some_and(|shared| is_worth_it && shared.keep(parts, &mut self.waiting))
    }

    /// Sends until nothing waits.
    fn poll_send_waiting(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.waiting.is_empty() {
            let sent = ready!(poll_send(&self.tcp, cx, &self.waiting.parts(), SendFlags::NOSIGNAL))?;
            self.waiting.sent(sent);
        }
        Poll::Ready(Ok(()))
    }

    /// Sends what cannot be kept.
    fn poll_send_now(&mut self, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        ready!(self.poll_send_waiting(cx))?;
        let more = self.expecting == Expecting::More;
        let flags = if more { SendFlags::MORE | SendFlags::NOSIGNAL } else { SendFlags::NOSIGNAL };
        let sent = ready!(poll_send(&self.tcp, cx, parts, flags))?;
        self.corked = more;
        Poll::Ready(Ok(sent))
    }

    /// Sends everything, whatever is expected.
    fn poll_push(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.expecting = Expecting::Nothing;
        ready!(self.poll_send_waiting(cx))?;
        if self.corked {
            // Lets go of what the kernel holds back, also when it is set already (tcp(7)).
            self.tcp.set_nodelay(true)?;
            self.corked = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Sends once, as much as the socket takes.
fn poll_send(
    tcp: &TcpStream,
    cx: &mut Context<'_>,
    parts: &[IoSlice<'_>],
    flags: SendFlags,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(tcp.poll_write_ready(cx))?;
        let write = || Ok(sendmsg(tcp, parts, &mut SendAncillaryBuffer::default(), flags)?);
        match tcp.try_io(Interest::WRITABLE, write) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            result => return Poll::Ready(result),
        }
    }
}

impl AsyncRead for Gathered {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        // A client that takes nothing may still say something.
        if let Poll::Ready(Err(error)) = self.poll_push(cx) {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.tcp).poll_read(cx, into)
    }
}

impl AsyncWrite for Gathered {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.waiting.is_full() {
            ready!(self.poll_send_waiting(cx))?;
        }
        let length = parts.iter().map(|part| part.len()).sum();
        self.expecting = if length >= WHOLE_FRAME { Expecting::More } else { Expecting::Nothing };
        if self.keep(parts, length) { Poll::Ready(Ok(length)) } else { self.poll_send_now(cx, parts) }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.expecting {
            Expecting::More => {
                self.expecting = Expecting::Nothing;
                Poll::Ready(Ok(()))
            }
            Expecting::Nothing => self.poll_push(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_push(cx))?;
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use std::future::poll_fn;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::time::timeout;

    async fn pair() -> (Gathered, TcpStream) {
        pair_with(None).await
    }

    async fn pair_with(shared: Option<SharedChunks>) -> (Gathered, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        (Gathered::new(server, shared).unwrap(), client)
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

    /// Writes it as h2 does: frame by frame, each with a head of its own and flushed.
    async fn write_frames(server: &mut Gathered, message: &Bytes) {
        for frame in message.chunks(WHOLE_FRAME) {
            let parts = [IoSlice::new(b"head"), IoSlice::new(frame)];
            let written = poll_fn(|cx| Pin::new(&mut *server).poll_write_vectored(cx, &parts)).await.unwrap();
            assert_eq!(written, 4 + frame.len());
            server.flush().await.unwrap();
        }
        server.flush().await.unwrap();
    }

    fn framed(message: &Bytes) -> Vec<u8> {
        message.chunks(WHOLE_FRAME).flat_map(|frame| [b"head", frame].concat()).collect()
    }

    fn message(length: usize) -> Bytes {
        (0..length).map(|number| (number / 251 + number) as u8).collect()
    }

    #[tokio::test]
    async fn messages_that_are_shared_arrive_as_they_were_written() {
        for length in [1, 5_000, WHOLE_FRAME, WHOLE_FRAME + 1, 40 * WHOLE_FRAME - 7, 300 * WHOLE_FRAME] {
            let (shared, message) = (SharedChunks::default(), message(length));
            let (mut server, mut client) = pair_with(Some(shared.clone())).await;
            shared.announce(std::slice::from_ref(&message));
            let mut received = vec![0; framed(&message).len()];
            let receive = async { timeout(Duration::from_secs(10), client.read_exact(&mut received)).await };
            let ((), read) = tokio::join!(write_frames(&mut server, &message), receive);
            read.expect("held back").unwrap();
            assert!(received == framed(&message), "of {length} bytes others arrived");
            assert!(server.waiting.is_empty() && message.is_unique(), "something is still held");
        }
    }

    #[tokio::test]
    async fn what_is_shared_waits_for_its_last_frame() {
        let (shared, message) = (SharedChunks::default(), message(2 * WHOLE_FRAME));
        let (mut server, mut client) = pair_with(Some(shared.clone())).await;
        shared.announce(std::slice::from_ref(&message));
        server.write_all(&message[..WHOLE_FRAME]).await.unwrap();
        server.flush().await.unwrap();
        assert_eq!(server.waiting.parts().len(), 1);
        assert!(timeout(Duration::from_millis(1), client.read(&mut [0; 1])).await.is_err(), "it was sent");
        server.write_all(&message[WHOLE_FRAME..]).await.unwrap();
        server.flush().await.unwrap();
        server.flush().await.unwrap();
        receive(&mut client, 2 * WHOLE_FRAME).await;
    }

    #[tokio::test]
    async fn a_client_that_does_not_read_is_waited_for_with_a_bounded_part() {
        let (shared, message) = (SharedChunks::default(), message(100 << 20));
        let (mut server, mut client) = pair_with(Some(shared.clone())).await;
        shared.announce(std::slice::from_ref(&message));
        let unread = timeout(Duration::from_millis(100), write_frames(&mut server, &message)).await;
        assert!(unread.is_err(), "the socket took all of it");
        let waiting: usize = server.waiting.parts().iter().map(|part| part.len()).sum();
        assert!(waiting <= (1 << 20) + WHOLE_FRAME + 4, "{waiting} bytes wait");
        let first = timeout(Duration::from_secs(10), client.read_u8()).await.expect("nothing was sent");
        assert_eq!(first.unwrap(), b'h');
    }
}
