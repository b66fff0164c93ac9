//! As many requests, and at least the age, that the settings say.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::frame::Kind;
use evenkeel_tests::raw_http2::{RawHttp2, Seen};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use futures::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

on_each_envoy! {
    http1_serves_exactly_the_requests_of_the_cap,
    http2_says_goaway_before_the_last_response_and_serves_all_the_same,
    http1_is_told_by_age,
    http2_is_told_by_age_once,
    an_endless_stream_is_told_without_another_response,
    an_edit_reaches_open_connections,
    upgraded_connections_are_left_alone,
    what_other_filters_are_needed_for_is_refused,
}

/// The last stream of a GOAWAY that only announces the end.
const ANY_STREAM: u32 = 0x7fff_ffff;
const MAX_AGE: Duration = Duration::from_secs(1);

async fn http1_serves_exactly_the_requests_of_the_cap(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let gateway =
        Plan::caps_alone(json!({"inbound": {"maxRequests": 5}}))?.workers(4).backend(&backend).start(version).await?;
    for _ in 0..12 {
        let mut connection = RawHttp1::connect(gateway.address).await?;
        for request in 1..=5 {
            // Small, chunked, with trailers, long, and by Envoy itself: every final head counts.
            let path = ["/", "/bytes/100000", "/trailers", "/announced/100000", "/direct"][request - 1];
            let answer = connection.get(path, &[("te", "trailers")]).await?;
            assert_eq!((answer.status, answer.closes_connection()), (200, request == 5), "{path}");
        }
    }
    gateway.all_have_ended(12).await?;
    assert_eq!((gateway.stat("drains_requests").await?, gateway.stat("requests").await?), (12, 12 * 5));
    Ok(())
}

async fn http2_says_goaway_before_the_last_response_and_serves_all_the_same(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let plan = Plan::caps_alone(json!({"inbound": {"maxRequests": 5}}))?;
    let gateway = plan.backend(&backend).start(version).await?;
    let mut connection = RawHttp2::connect(gateway.address).await?;
    let slow = connection.get("/delay/1500", &[])?;
    for _ in 2..=4 {
        connection.exchange("/", &[], PATIENCE).await?;
    }
    assert_eq!(connection.seen().goaways(), [], "a GOAWAY before the cap");
    let fifth = connection.exchange("/", &[], PATIENCE).await?;
    let late = connection.exchange("/", &[], PATIENCE).await?;
    let seen = connection.until("the slow answer", PATIENCE, |seen| seen.is_answered(slow)).await?;
    assert!(seen.is_answered(late) && seen.resets().is_empty() && seen.end.is_none(), "{:#?}", seen.frames);
    let [goaway] = seen.goaways()[..] else { bail!("not one GOAWAY: {:?}", seen.goaways()) };
    assert_eq!((goaway.last_stream, goaway.code), (ANY_STREAM, 0));
    assert_eq!(frame_after_goaway(&seen)?, (Kind::Headers, fifth));
    drop(connection);
    gateway.all_have_ended(1).await?;
    assert_eq!(gateway.stat("drains_requests").await?, 1);
    Ok(())
}

fn frame_after_goaway(seen: &Seen) -> Result<(Kind, u32)> {
    let goaway = seen.frames.iter().position(|frame| frame.kind == Kind::GoAway).context("no GOAWAY")?;
    let after = seen.frames.get(goaway + 1).context("nothing after it")?;
    Ok((after.kind, after.stream))
}

async fn http1_is_told_by_age(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::caps_alone(json!({"inbound": {"maxAge": "1s"}}))?.workers(4).start(version).await?;
    for _ in 0..2 {
        let opened = Instant::now();
        let mut connection = RawHttp1::connect(gateway.address).await?;
        while !connection.get("/direct", &[]).await?.closes_connection() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(opened.elapsed() >= MAX_AGE);
    }
    gateway.all_have_ended(2).await?;
    assert_eq!(gateway.stat("drains_age").await?, 2);
    Ok(())
}

async fn http2_is_told_by_age_once(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::caps_alone(json!({"inbound": {"maxAge": "1s"}}))?.start(version).await?;
    let opened = Instant::now();
    let mut connection = RawHttp2::connect(gateway.address).await?;
    while connection.seen().goaways().is_empty() {
        connection.exchange("/direct", &[], PATIENCE).await?;
    }
    assert!(opened.elapsed() >= MAX_AGE);
    let mut last = 0;
    for _ in 0..50 {
        last = connection.exchange("/direct", &[], PATIENCE).await?;
    }
    let seen = connection.seen();
    assert_eq!(seen.goaways().len(), 1);
    assert!((1..=last).step_by(2).all(|stream| seen.is_answered(stream)) && seen.end.is_none());
    Ok(())
}

/// The ordinary filter has to wait for a response's headers.
async fn an_endless_stream_is_told_without_another_response(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let plan = Plan::caps_alone(json!({"inbound": {"maxAge": "500ms"}}))?;
    let gateway = plan.backend(&backend).start(version).await?;
    let mut connection = RawHttp2::connect(gateway.address).await?;
    let endless = connection.get("/forever", &[])?;
    connection.until("the GOAWAY", PATIENCE, |seen| seen.goaways().len() == 1).await?;
    let data =
        |seen: &Seen| seen.frames.iter().filter(|frame| (frame.kind, frame.stream) == (Kind::Data, endless)).count();
    let before = data(&connection.seen());
    let seen = connection.until("more of the stream", PATIENCE, |seen| data(seen) > before + 5).await?;
    assert_eq!((seen.goaways().len(), seen.end), (1, None));
    Ok(())
}

async fn an_edit_reaches_open_connections(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::caps_alone(json!({"inbound": {"maxAge": "1h"}}))?.start(version).await?;
    let mut http1 = RawHttp1::connect(gateway.address).await?;
    let mut http2 = RawHttp2::connect(gateway.address).await?;
    assert!(!http1.get("/direct", &[]).await?.closes_connection());
    http2.exchange("/direct", &[], PATIENCE).await?;
    gateway.edit(&json!({"inbound": {"maxAge": "100ms"}})).await?;
    gateway.stat_becomes("connections_draining", 2).await?;
    assert!(http1.get("/direct", &[]).await?.closes_connection());
    http2.exchange("/direct", &[], PATIENCE).await?;
    assert_eq!(http2.seen().goaways().len(), 1);
    Ok(())
}

async fn upgraded_connections_are_left_alone(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let plan = Plan::caps_alone(json!({"inbound": {"maxAge": "100ms"}}))?;
    let gateway = plan.backend(&backend).start(version).await?;
    let stream = TcpStream::connect(gateway.address).await?;
    let (mut socket, _) = client_async("ws://evenkeel.test/websocket", stream).await?;
    // Another one is due, so the age of this one has passed as well.
    let mut other = RawHttp1::connect(gateway.address).await?;
    gateway.stat_becomes("drains_age", 1).await?;
    for text in ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "anything"] {
        let message = Message::text(text);
        socket.send(message.clone()).await?;
        assert_eq!(socket.next().await.context("the WebSocket has ended")??, message);
    }
    assert!(other.get("/direct", &[]).await?.closes_connection());
    assert_eq!(gateway.stat("drains_age").await?, 1, "a tunnel counts as none of the connections that caps are for");
    Ok(())
}

async fn what_other_filters_are_needed_for_is_refused(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::caps_alone(json!({"inbound": {"maxAge": "1h"}}))?.start(version).await?;
    let grace = json!({"inbound": {"maxAge": "1h", "streamGrace": "5s"}});
    gateway.refused(|files| files.edit(&grace)).await?;
    let said = "inbound.streamGrace: 5s is not for this module";
    assert!(gateway.envoy.log().contains(said), "{}", gateway.envoy.log_tail());
    Ok(())
}
