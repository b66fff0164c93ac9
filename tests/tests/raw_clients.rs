//! The raw clients see what is on the wire.

use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::backend::{Backend, CONNECTION_HEADER};
use evenkeel_tests::bootstrap::{Bootstrap, Cluster, ConnectionLimits, HttpListener};
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::RawHttp2;
use evenkeel_tests::raw_http2::frame::Kind;
use futures::{SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

const PATIENCE: Duration = Duration::from_secs(15);
const FIRST_GOAWAY: u32 = 0x7fff_ffff;

/// An Envoy that drains each connection by its own request cap.
async fn capped(backend: &Backend) -> Result<Envoy> {
    let limits = ConnectionLimits { max_requests_per_connection: Some(3), ..ConnectionLimits::default() };
    let listener =
        HttpListener::new("capped").route("/", "backend").limits(limits).drain_timeout(Duration::from_secs(1));
    let cluster = Cluster::new("backend", &[backend.address()]);
    let bootstrap = Bootstrap::new("capped").listener(listener).cluster(cluster);
    Start::new(EnvoyVersion::NEWEST).run(bootstrap.into_json()).await
}

#[tokio::test]
async fn http1_reads_lengths_chunks_and_headers() {
    let backend = Backend::start().unwrap();
    let mut client = RawHttp1::connect(backend.address()).await.unwrap();
    let small = client.get("/", &[("x-request-id", "raw")]).await.unwrap();
    assert_eq!((small.status, small.body.as_slice()), (200, b"0\n".as_slice()));
    assert_eq!(small.header(CONNECTION_HEADER), Some("0"));
    assert_eq!(client.get("/bytes/100000", &[]).await.unwrap().body.len(), 100_000);
    assert_eq!(backend.record().execution("raw").unwrap().times, 1);
    assert_eq!(backend.record().connections()[0].requests(), 2);
    assert!(client.wait_for_end(Duration::from_millis(100)).await.is_err());
}

#[tokio::test]
async fn http1_sees_the_last_answer_and_the_end() {
    let backend = Backend::start().unwrap();
    let envoy = capped(&backend).await.unwrap();
    let mut client = RawHttp1::connect(envoy.listener("capped").await.unwrap()).await.unwrap();
    for last in [false, false, true] {
        assert_eq!(client.get("/", &[]).await.unwrap().closes_connection(), last);
    }
    client.wait_for_end(PATIENCE).await.unwrap();
}

#[tokio::test]
async fn http2_exchanges_with_the_backend() {
    let backend = Backend::start().unwrap();
    let mut client = RawHttp2::connect(backend.address()).await.unwrap();
    let stream = client.exchange("/", &[("x-request-id", "raw")], PATIENCE).await.unwrap();
    let large = client.exchange("/bytes/1000000", &[], PATIENCE).await.unwrap();
    let seen = client.seen();
    let data = seen.frames.iter().filter(|frame| frame.kind == Kind::Data && frame.stream == large);
    assert_eq!(data.map(|frame| frame.payload.len()).sum::<usize>(), 1_000_000);
    assert!(seen.headers_at(stream) < seen.headers_at(large));
    assert!(seen.goaways().is_empty() && seen.resets().is_empty() && seen.end.is_none());
    assert_eq!(backend.record().execution("raw").unwrap().times, 1);
}

#[tokio::test]
async fn http2_sees_both_goaways_and_the_end() {
    let backend = Backend::start().unwrap();
    let envoy = capped(&backend).await.unwrap();
    let mut client = RawHttp2::connect(envoy.listener("capped").await.unwrap()).await.unwrap();
    for _ in 0..3 {
        client.exchange("/", &[], PATIENCE).await.unwrap();
    }
    let seen = client.until("the end", PATIENCE, |seen| seen.end.is_some()).await.unwrap();
    let goaways: Vec<_> = seen.goaways().iter().map(|goaway| (goaway.last_stream, goaway.code)).collect();
    assert_eq!(goaways, [(FIRST_GOAWAY, 0), (5, 0)]);
}

#[tokio::test]
async fn the_backend_ends_with_its_value() {
    let backend = Backend::start().unwrap();
    let mut client = RawHttp2::connect(backend.address()).await.unwrap();
    let stream = client.get("/forever", &[]).unwrap();
    client.until("the stream's headers", PATIENCE, |seen| seen.headers_at(stream).is_some()).await.unwrap();
    assert_eq!(backend.record().open_connections(), 1);
    drop(backend);
    client.until("the end", PATIENCE, |seen| seen.end.is_some()).await.unwrap();
}

#[tokio::test]
async fn a_websocket_echoes_through_envoy() {
    let backend = Backend::start().unwrap();
    let envoy = capped(&backend).await.unwrap();
    let stream = TcpStream::connect(envoy.listener("capped").await.unwrap()).await.unwrap();
    let (mut socket, _) = tokio_tungstenite::client_async("ws://evenkeel.test/websocket", stream).await.unwrap();
    socket.send(Message::text("still here")).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("still here"));
}
