//! A raw HTTP/2 client: records every frame with its time, and never hides a GOAWAY behind a reconnect.
//!
//! It speaks only what RFC 9113 demands of a client: preface, SETTINGS and PING acknowledged, windows kept open.

pub mod frame;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

use self::frame::{Frame, Kind};
use crate::wait;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// One connection.
#[derive(Debug)]
pub struct RawHttp2 {
    seen: Arc<Mutex<Seen>>,
    outgoing: UnboundedSender<Vec<u8>>,
    next_stream: u32,
    reader: JoinHandle<()>,
}

/// What came from the server so far.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Every frame, in order.
    pub frames: Vec<Frame>,
    /// When the server ended the connection, since the connection was opened.
    pub end: Option<Duration>,
}

/// A GOAWAY frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GoAway {
    /// When it came, since the connection was opened.
    pub at: Duration,
    /// The last stream that the server will serve.
    pub last_stream: u32,
    /// The error code, 0 for a graceful end.
    pub code: u32,
}

impl Seen {
    /// The GOAWAY frames, in order.
    pub fn goaways(&self) -> Vec<GoAway> {
        self.frames.iter().filter_map(Frame::goaway).collect()
    }

    /// Whether the server has ended this stream regularly.
    pub fn is_answered(&self, stream: u32) -> bool {
        self.frames.iter().any(|frame| frame.stream == stream && frame.ends_stream())
    }

    /// The streams that the server has reset.
    pub fn resets(&self) -> Vec<u32> {
        self.frames.iter().filter(|frame| frame.kind == Kind::RstStream).map(|frame| frame.stream).collect()
    }

    /// When the answer's headers to this stream came.
    pub fn headers_at(&self, stream: u32) -> Option<Duration> {
        let headers = |frame: &&Frame| frame.kind == Kind::Headers && frame.stream == stream;
        self.frames.iter().find(headers).map(|frame| frame.at)
    }
}

impl RawHttp2 {
    /// Opens a connection and sends preface and SETTINGS.
    pub async fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let (read, write) = stream.into_split();
        let (outgoing, frames) = unbounded_channel();
        tokio::spawn(write_all(write, frames));
        // Before the reader, which acknowledges the server's SETTINGS as soon as they are there: ours come first.
        outgoing.send(PREFACE.to_vec())?;
        outgoing.send(frame::encode(Kind::Settings, 0, 0, &[]))?;
        let seen = Arc::new(Mutex::new(Seen::default()));
        let reader = tokio::spawn(record(read, Arc::clone(&seen), outgoing.clone()));
        Ok(Self { seen, outgoing, next_stream: 1, reader })
    }

    /// Sends `GET path` with these headers on a new stream and returns its number. Allowed after a GOAWAY too: what the
    /// server does with such a stream is what tests look at.
    pub fn get(&mut self, path: &str, headers: &[(&str, &str)]) -> Result<u32> {
        let pseudo = [(":method", "GET"), (":scheme", "http"), (":path", path), (":authority", "evenkeel.test")];
        let block = frame::header_block(pseudo.iter().chain(headers));
        let stream = self.next_stream;
        self.next_stream += 2;
        let flags = frame::END_STREAM | frame::END_HEADERS;
        self.outgoing.send(frame::encode(Kind::Headers, flags, stream, &block))?;
        Ok(stream)
    }

    /// Everything that came so far.
    pub fn seen(&self) -> Seen {
        lock(&self.seen).clone()
    }

    /// Waits until what came is as `accepts` wants it.
    ///
    /// # Errors
    /// After `patience`; the text has every frame.
    pub async fn until(&self, what: &str, patience: Duration, accepts: impl Fn(&Seen) -> bool) -> Result<Seen> {
        wait::until(what, patience, async || Ok(self.seen()), accepts).await
    }

    /// Sends `GET path` and waits for the whole answer.
    ///
    /// # Errors
    /// After `patience`, or when the connection ends before; the text has every frame.
    pub async fn exchange(&mut self, path: &str, headers: &[(&str, &str)], patience: Duration) -> Result<u32> {
        let stream = self.get(path, headers)?;
        let is_over = |seen: &Seen| seen.is_answered(stream) || seen.end.is_some();
        let seen = self.until(&format!("the answer on stream {stream}"), patience, is_over).await?;
        ensure!(seen.is_answered(stream), "the connection has ended without an answer on stream {stream}: {seen:?}");
        Ok(stream)
    }
}

impl Drop for RawHttp2 {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Writes in order; an error shows to the reader as the end of the connection.
async fn write_all(mut stream: OwnedWriteHalf, mut frames: tokio::sync::mpsc::UnboundedReceiver<Vec<u8>>) {
    while let Some(bytes) = frames.recv().await {
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Notes every frame and answers what must be answered, until the server ends the connection.
async fn record(mut stream: OwnedReadHalf, seen: Arc<Mutex<Seen>>, outgoing: UnboundedSender<Vec<u8>>) {
    let opened = Instant::now();
    while let Ok(frame) = Frame::read(&mut stream, opened).await {
        for answer in frame.answers() {
            // The writer gone means that the connection is gone; the next read says so.
            let _ = outgoing.send(answer);
        }
        lock(&seen).frames.push(frame);
    }
    lock(&seen).end = Some(opened.elapsed());
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
