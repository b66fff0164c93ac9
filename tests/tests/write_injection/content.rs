//! Content that looks like what is looked for, on connections that are due while it is on its way.

use anyhow::{Result, ensure};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::gateway::{Gateway, PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::RawHttp2;
use evenkeel_tests::raw_http2::frame::Kind;
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use futures::future::try_join_all;
use serde_json::json;

on_each_envoy! {
    content_of_a_known_length_that_looks_like_heads_comes_as_it_was_sent,
    chunks_that_look_like_heads_come_as_they_were_sent,
    large_content_comes_as_it_was_sent,
    after_head_requests_content_is_safe_and_the_client_is_told_when_it_is_sure,
}

/// A whole head.
const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
/// The begin of one.
const BEGIN: &[u8] = b"HTTP/1.1 200 OK";
/// Each of these is sent again and again as a piece of its own.
const PIECES: [&[u8]; 5] = [b"ordinary", HEAD, BEGIN, b"HTTP/1.1 ", b"0\r\n\r\n"];
/// As many times: one every 100 ms, so that the connection is due while they are on their way.
const TIMES: usize = 10;
const LARGE: usize = 1_000_000;

async fn due_soon(version: EnvoyVersion, backend: &Backend) -> Result<Gateway> {
    Plan::caps_alone(json!({"inbound": {"maxAge": "300ms"}}))?.backend(backend).start(version).await
}

async fn content_of_a_known_length_that_looks_like_heads_comes_as_it_was_sent(version: EnvoyVersion) -> Result<()> {
    every_piece_comes_as_it_was_sent(version, "/repeat-announced", "content-length").await
}

async fn chunks_that_look_like_heads_come_as_they_were_sent(version: EnvoyVersion) -> Result<()> {
    every_piece_comes_as_it_was_sent(version, "/repeat", "transfer-encoding").await
}

async fn every_piece_comes_as_it_was_sent(version: EnvoyVersion, path: &str, framing: &str) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = due_soon(version, &backend).await?;
    let repeated = PIECES.map(|piece| repeated(&gateway, path, framing, piece));
    try_join_all(repeated).await?;
    assert_eq!(gateway.stat("drains_age").await?, PIECES.len() as u64, "due when the content was over");
    Ok(())
}

async fn repeated(gateway: &Gateway, path: &str, framing: &str, piece: &[u8]) -> Result<()> {
    let mut connection = RawHttp1::connect(gateway.address).await?;
    let length = piece.len();
    let head = format!("POST {path}/{TIMES} HTTP/1.1\r\nhost: evenkeel.test\r\ncontent-length: {length}\r\n\r\n");
    connection.send_bytes(&[head.as_bytes(), piece].concat()).await?;
    let answer = connection.answer().await?;
    ensure!(answer.header(framing).is_some() && !answer.closes_connection(), "{answer:?}");
    ensure!(answer.body == piece.repeat(TIMES), "{}", String::from_utf8_lossy(&answer.body));
    // It was only the content that was not touched.
    let next = connection.get("/direct", &[]).await?;
    ensure!(next.closes_connection() && next.body == b"direct\n", "{next:?}");
    Ok(())
}

async fn large_content_comes_as_it_was_sent(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = due_soon(version, &backend).await?;
    let (path, content) = (format!("/bytes/{LARGE}"), vec![b'e'; LARGE]);
    for _ in 0..3 {
        let mut connection = RawHttp1::connect(gateway.address).await?;
        loop {
            let answer = connection.get(&path, &[]).await?;
            assert!(answer.body == content, "{} bytes", answer.body.len());
            if answer.closes_connection() {
                break;
            }
        }
        let mut connection = RawHttp2::connect(gateway.address).await?;
        while connection.seen().goaways().is_empty() {
            let stream = connection.exchange(&path, &[], PATIENCE).await?;
            assert!(body(&connection, stream) == content, "{} bytes", body(&connection, stream).len());
        }
    }
    Ok(())
}

fn body(connection: &RawHttp2, stream: u32) -> Vec<u8> {
    let seen = connection.seen();
    let data = seen.frames.iter().filter(|frame| (frame.kind, frame.stream) == (Kind::Data, stream));
    data.flat_map(|frame| frame.payload.iter().copied()).collect()
}

/// A response to HEAD announces content that never comes: what follows could be that.
async fn after_head_requests_content_is_safe_and_the_client_is_told_when_it_is_sure(
    version: EnvoyVersion,
) -> Result<()> {
    let backend = Backend::start()?;
    let gateway = due_soon(version, &backend).await?;
    let mut connection = RawHttp1::connect(gateway.address).await?;
    // The content of this one is longer than any head: the next heads may be that for all that is known.
    connection.send_bytes(b"HEAD /announced/2000 HTTP/1.1\r\nhost: evenkeel.test\r\n\r\n").await?;
    let announced: usize = connection.head().await?.header("content-length").unwrap_or("0").parse()?;
    ensure!(announced == 2000, "{announced}");
    gateway.stat_becomes("connections_draining", 1).await?;
    let mut answered = 0;
    loop {
        let answer = connection.get("/direct", &[]).await?;
        assert_eq!(answer.body, b"direct\n");
        if answer.closes_connection() {
            break;
        }
        answered += 1;
    }
    assert!(answered > 0, "the first head after it cannot be told from content");
    Ok(())
}
