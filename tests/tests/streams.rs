//! Streams that do not end hold their connection as long as they like, unless `streamGrace` says how long a drained
//! connection may be held: then they are closed after it, and not before. It never closes a connection without streams.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::client::endless_streams::endless_stream;
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::frame::Kind;
use evenkeel_tests::raw_http2::{RawHttp2, Seen};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use futures::{SinkExt, StreamExt};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};

on_each_envoy! {
    endless_streams_are_left_alone_without_a_grace,
    an_endless_stream_outlives_the_drain_of_its_connection,
    endless_streams_are_closed_after_the_grace_and_not_before,
    a_connection_without_streams_is_never_closed_by_the_grace,
    a_request_that_is_younger_than_the_grace_is_served,
}

const MAX_AGE: Duration = Duration::from_millis(500);
const GRACE: Duration = Duration::from_secs(1);
/// The backend says something ten times a second: this is two seconds of a stream's life, longer than age and grace.
const ENOUGH: usize = 20;

async fn endless_streams_are_left_alone_without_a_grace(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = Plan::new(without_grace()).with_request().backend(&backend).start(version).await?;
    let mut streams = Streams::open(gateway.address).await?;
    gateway.stat_becomes("connections_draining", 3).await?;
    streams.still_run().await?;
    assert_eq!(streams.plain.seen().goaways().len(), 0, "a drain tells its connection with a response's headers only");
    assert_eq!(gateway.stat("streams_closed").await?, 0);
    assert_eq!(gateway.stat("connections_draining").await?, 3);
    Ok(())
}

/// A second request gets the whole drain going: two GOAWAYs, and then Envoy waits for the stream.
async fn an_endless_stream_outlives_the_drain_of_its_connection(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let plan = Plan::new(without_grace()).with_request().backend(&backend).drain_timeout(Duration::from_secs(1));
    let gateway = plan.start(version).await?;
    let mut connection = RawHttp2::connect(gateway.address).await?;
    let endless = connection.get("/forever", &[])?;
    gateway.stat_becomes("connections_draining", 1).await?;
    connection.exchange("/direct", &[], PATIENCE).await?;
    let seen = connection.until("the second GOAWAY", PATIENCE, |seen| seen.goaways().len() == 2).await?;
    let pieces = pieces(&seen, endless);
    connection.until("more of the stream", PATIENCE, |seen| self::pieces(seen, endless) > pieces + ENOUGH).await?;
    assert_eq!(connection.seen().end, None);
    Ok(())
}

async fn endless_streams_are_closed_after_the_grace_and_not_before(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = Plan::new(with_grace()).with_request().backend(&backend).start(version).await?;
    let opened = Instant::now();
    let streams = Streams::open(gateway.address).await?;
    streams.end().await?;
    assert!(opened.elapsed() >= MAX_AGE + GRACE, "{:?}", opened.elapsed());
    gateway.stat_becomes("streams_closed", 3).await?;
    gateway.all_have_ended(3).await
}

async fn a_connection_without_streams_is_never_closed_by_the_grace(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = Plan::new(with_grace()).with_request().backend(&backend).start(version).await?;
    let mut unused = RawHttp1::connect(gateway.address).await?;
    let mut used = RawHttp1::connect(gateway.address).await?;
    let mut http2 = RawHttp2::connect(gateway.address).await?;
    assert!(!used.get("/", &[]).await?.closes_connection());
    http2.exchange("/", &[], PATIENCE).await?;
    // One that is held, and younger than they are, twice: when it has been closed, their grace has been over for long.
    for _ in 0..2 {
        let mut held = RawHttp2::connect(gateway.address).await?;
        held.get("/forever", &[])?;
        held.until("the end of the held connection", PATIENCE, |seen| seen.end.is_some()).await?;
    }
    assert_eq!(http2.seen().end, None);
    for connection in [&mut unused, &mut used] {
        assert!(connection.get("/", &[]).await?.closes_connection(), "it was drained, and it was still there");
    }
    http2.exchange("/", &[], PATIENCE).await?;
    assert_eq!(gateway.stat("streams_closed").await?, 2);
    Ok(())
}

/// The grace counts from the drain for what was open then, and from its begin for what came later.
async fn a_request_that_is_younger_than_the_grace_is_served(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = Plan::new(with_grace()).with_request().backend(&backend).start(version).await?;
    let mut connection = RawHttp1::connect(gateway.address).await?;
    gateway.stat_becomes("connections_draining", 1).await?;
    let mut held = RawHttp2::connect(gateway.address).await?;
    held.get("/forever", &[])?;
    held.until("the end of the held connection", PATIENCE, |seen| seen.end.is_some()).await?;
    let answer = connection.get("/delay/700", &[]).await?;
    assert_eq!((answer.status, answer.closes_connection()), (200, true));
    Ok(())
}

fn without_grace() -> Value {
    json!({"inbound": {"maxAge": "500ms"}})
}

fn with_grace() -> Value {
    json!({"inbound": {"maxAge": "500ms", "streamGrace": "1s"}})
}

/// One stream of each kind that does not end, each on a connection of its own.
struct Streams {
    web_socket: WebSocketStream<TcpStream>,
    grpc: Incoming,
    plain: RawHttp2,
    stream: u32,
}

impl Streams {
    async fn open(gateway: SocketAddr) -> Result<Self> {
        let (web_socket, _) = client_async("ws://evenkeel.test/websocket", TcpStream::connect(gateway).await?).await?;
        let grpc = endless_stream(gateway).await?;
        let mut plain = RawHttp2::connect(gateway).await?;
        let stream = plain.get("/forever", &[])?;
        plain.until("the stream's begin", PATIENCE, |seen| pieces(seen, stream) > 0).await?;
        Ok(Self { web_socket, grpc, plain, stream })
    }

    async fn still_run(&mut self) -> Result<()> {
        let said = pieces(&self.plain.seen(), self.stream);
        for number in 0..ENOUGH {
            let message = Message::text(number.to_string());
            self.web_socket.send(message.clone()).await?;
            assert_eq!(self.web_socket.next().await.context("the WebSocket has ended")??, message);
            self.grpc.frame().await.context("the gRPC stream has ended")??;
        }
        let more = |seen: &Seen| pieces(seen, self.stream) > said + ENOUGH / 2;
        self.plain.until("more of the plain stream", PATIENCE, more).await.map(drop)
    }

    /// Waits until all have been closed by the server.
    async fn end(mut self) -> Result<()> {
        while let Some(Ok(message)) = self.web_socket.next().await {
            ensure!(!message.is_text(), "nobody said anything, and yet {message} came");
        }
        while let Some(Ok(_)) = self.grpc.frame().await {}
        self.plain.until("the end of the plain stream", PATIENCE, |seen| seen.end.is_some()).await.map(drop)
    }
}

/// How many frames of data came on a stream.
fn pieces(seen: &Seen, stream: u32) -> usize {
    seen.frames.iter().filter(|frame| frame.kind == Kind::Data && frame.stream == stream).count()
}
