//! Caps on accepted connections: exactly as many requests, and at least the age, that the settings say; gracefully, as
//! seen on the wire; each connection by itself; and never without a cap. The filter's counters are what clients saw.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::{RawHttp2, Seen};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use futures::future::try_join_all;
use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_tungstenite::client_async;
use tokio_tungstenite::tungstenite::Message;

on_each_envoy! {
    http1_serves_exactly_the_requests_of_the_cap,
    http2_says_goaway_with_the_last_request_and_serves_what_is_in_flight,
    http1_is_drained_by_age,
    http2_is_drained_by_age,
    an_idle_connection_counts_as_draining_until_its_next_request_drains_it,
    local_replies_count,
    upgrades_count_and_survive_being_the_last_request,
    without_caps_nothing_is_ever_drained,
    counters_are_what_clients_saw,
}

/// The last stream of a GOAWAY that only announces the end.
const ANY_STREAM: u32 = 0x7fff_ffff;
/// How long Envoy serves streams that race with the first GOAWAY, in these tests.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_AGE: Duration = Duration::from_secs(1);

async fn http1_serves_exactly_the_requests_of_the_cap(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    for workers in [1, 4] {
        let plan = Plan::new(json!({"inbound": {"maxRequests": 5}})).with_request();
        let gateway = plan.workers(workers).backend(&backend).start(version).await?;
        let mut connections = try_join_all((0..12).map(|_| RawHttp1::connect(gateway.address))).await?;
        staggered_requests(&mut connections, 5).await?;
        try_join_all(connections.iter_mut().map(|connection| connection.wait_for_end(PATIENCE))).await?;
        gateway.all_have_ended(12).await?;
        assert_eq!(gateway.stat("drains_requests").await?, 12);
        assert_eq!(gateway.stat("requests").await?, 12 * 5);
    }
    Ok(())
}

/// Each connection is at another number than its neighbours, so that one's end cannot be another's.
async fn staggered_requests(connections: &mut [RawHttp1], cap: usize) -> Result<()> {
    for round in 0..connections.len() + cap {
        for (position, connection) in connections.iter_mut().enumerate() {
            let Some(request) = (round + 1).checked_sub(position).filter(|request| (1..=cap).contains(request)) else {
                continue;
            };
            let answer = connection.get("/", &[]).await?;
            assert_eq!((answer.status, answer.closes_connection()), (200, request == cap), "request {request}");
        }
    }
    Ok(())
}

async fn http2_says_goaway_with_the_last_request_and_serves_what_is_in_flight(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let plan = Plan::new(json!({"inbound": {"maxRequests": 5}})).with_request().drain_timeout(DRAIN_TIMEOUT);
    let gateway = plan.backend(&backend).start(version).await?;
    let mut connection = RawHttp2::connect(gateway.address).await?;
    let slow = connection.get("/delay/2500", &[])?;
    for _ in 2..=4 {
        connection.exchange("/", &[], PATIENCE).await?;
    }
    assert_eq!(connection.seen().goaways(), [], "a GOAWAY before the cap");
    let fifth = connection.exchange("/", &[], PATIENCE).await?;
    let late = connection.get("/", &[])?;
    let seen = ends_in_two_phases(&connection, late).await?;
    assert!(goaway_comes_with(&seen, fifth)?, "{:#?}", seen.frames);
    assert!(seen.is_answered(slow) && seen.is_answered(late), "{:#?}", seen.frames);
    assert!(seen.resets().is_empty(), "{:?}", seen.resets());
    gateway.all_have_ended(1).await?;
    assert_eq!(gateway.stat("drains_requests").await?, 1);
    Ok(())
}

/// Whether the first GOAWAY stands right before or among the frames of the answer on `stream`.
fn goaway_comes_with(seen: &Seen, stream: u32) -> Result<bool> {
    let goaway = seen.frames.iter().position(|frame| frame.goaway().is_some()).context("no GOAWAY")?;
    let answer: Vec<_> = seen.frames.iter().enumerate().filter(|(_, frame)| frame.stream == stream).collect();
    let ((first, _), (last, _)) = answer.first().zip(answer.last()).context("no answer")?;
    Ok((first.saturating_sub(1)..=*last).contains(&goaway))
}

/// Waits for the end and checks what came before it: a GOAWAY that announces it, a GOAWAY that names the last stream
/// when the drain timeout is over (RFC 9113 section 6.8).
async fn ends_in_two_phases(connection: &RawHttp2, last: u32) -> Result<Seen> {
    let seen = connection.until("the end of the connection", PATIENCE, |seen| seen.end.is_some()).await?;
    let goaways = seen.goaways();
    let [first, second] = goaways.as_slice() else { bail!("not two GOAWAYs: {goaways:?}") };
    assert_eq!((first.last_stream, first.code), (ANY_STREAM, 0));
    assert_eq!((second.last_stream, second.code), (last, 0));
    // A tenth for a first GOAWAY that this client was late to read.
    assert!(second.at > first.at + DRAIN_TIMEOUT.mul_f64(0.9), "{goaways:?}");
    Ok(seen)
}

async fn http1_is_drained_by_age(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(max_age()).workers(4).start(version).await?;
    // Opened one after another: each has an age of its own.
    let opened = async |number: u32| {
        sleep(Duration::from_millis(40) * number).await;
        http1_until_drained(gateway.address, Duration::from_millis(10)).await
    };
    for lived in try_join_all((0..20).map(opened)).await? {
        assert!(lived.age >= MAX_AGE, "{lived:?}");
    }
    gateway.all_have_ended(20).await?;
    assert_eq!(gateway.stat("drains_age").await?, 20);
    Ok(())
}

async fn http2_is_drained_by_age(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(max_age()).drain_timeout(DRAIN_TIMEOUT).start(version).await?;
    let opened = Instant::now();
    let mut connection = RawHttp2::connect(gateway.address).await?;
    while connection.seen().goaways().is_empty() {
        connection.exchange("/direct", &[], PATIENCE).await?;
    }
    assert!(opened.elapsed() >= MAX_AGE);
    let late = connection.exchange("/direct", &[], PATIENCE).await?;
    let seen = ends_in_two_phases(&connection, late).await?;
    assert!((1..=late).step_by(2).all(|stream| seen.is_answered(stream)));
    gateway.all_have_ended(1).await?;
    assert_eq!(gateway.stat("drains_age").await?, 1);
    Ok(())
}

async fn an_idle_connection_counts_as_draining_until_its_next_request_drains_it(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(max_age()).start(version).await?;
    let mut used = RawHttp1::connect(gateway.address).await?;
    let mut unused = RawHttp1::connect(gateway.address).await?;
    assert!(!used.get("/direct", &[]).await?.closes_connection());
    gateway.stat_becomes("connections_live", 2).await?;
    gateway.stat_becomes("connections_draining", 2).await?;
    assert_eq!(gateway.stat("connections_live").await?, 0);
    assert_eq!(gateway.stat("drains_age").await?, 2);
    for connection in [&mut used, &mut unused] {
        assert!(connection.get("/direct", &[]).await?.closes_connection());
        connection.wait_for_end(PATIENCE).await?;
    }
    gateway.all_have_ended(2).await
}

async fn local_replies_count(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(json!({"inbound": {"maxRequests": 4}})).with_request().start(version).await?;
    let mut connection = RawHttp1::connect(gateway.address).await?;
    let mut seen = Vec::new();
    for path in ["/direct", "/no-route", "/direct", "/no-route"] {
        let answer = connection.get(path, &[]).await?;
        seen.push((answer.status, answer.closes_connection()));
    }
    assert_eq!(seen, [(200, false), (404, false), (200, false), (404, true)]);
    connection.wait_for_end(PATIENCE).await
}

async fn upgrades_count_and_survive_being_the_last_request(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let plan = Plan::new(json!({"inbound": {"maxRequests": 1}})).with_request();
    let gateway = plan.backend(&backend).start(version).await?;
    let stream = TcpStream::connect(gateway.address).await?;
    let (mut socket, _) = client_async("ws://evenkeel.test/websocket", stream).await?;
    gateway.stat_becomes("drains_requests", 1).await?;
    gateway.stat_becomes("connections_draining", 1).await?;
    for number in 0..10 {
        let message = Message::text(number.to_string());
        socket.send(message.clone()).await?;
        assert_eq!(socket.next().await.context("the WebSocket has ended")??, message);
    }
    socket.close(None).await?;
    gateway.all_have_ended(1).await
}

async fn without_caps_nothing_is_ever_drained(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(json!({})).with_request().start(version).await?;
    let mut http1 = RawHttp1::connect(gateway.address).await?;
    let mut http2 = RawHttp2::connect(gateway.address).await?;
    for settings in
        [json!({"inbound": {}}), json!({"inbound": {"jitter": 0.9}}), json!({"inbound": {"streamGrace": "1s"}})]
    {
        gateway.edit(&settings).await?;
        for _ in 0..400 {
            assert!(!http1.get("/direct", &[]).await?.closes_connection());
        }
        for _ in 1..200 {
            http2.get("/direct", &[])?;
        }
        http2.exchange("/direct", &[], PATIENCE).await?;
    }
    gateway.stat_becomes("requests", 3 * 600).await?;
    assert_eq!(http2.seen().goaways(), []);
    assert_eq!((gateway.stat("connections_live").await?, gateway.stat("connections_draining").await?), (2, 0));
    assert_eq!((gateway.stat("drains_age").await?, gateway.stat("drains_requests").await?), (0, 0));
    Ok(())
}

async fn counters_are_what_clients_saw(version: EnvoyVersion) -> Result<()> {
    let settings = json!({"inbound": {"maxAge": "1500ms", "maxRequests": 40, "jitter": 0.5}});
    let gateway = Plan::new(settings).with_request().workers(4).start(version).await?;
    // The busy half meets its cap of requests, the other half its age.
    let pause = |number| if number % 2 == 0 { Duration::ZERO } else { Duration::from_millis(100) };
    let lives = (0..300).map(|number| http1_until_drained(gateway.address, pause(number)));
    let lives = try_join_all(lives).await?;
    gateway.all_have_ended(300).await?;
    let (by_age, by_requests) = (gateway.stat("drains_age").await?, gateway.stat("drains_requests").await?);
    assert_eq!(by_age + by_requests, 300);
    assert!(by_age >= 50 && by_requests >= 50, "{by_age} by age, {by_requests} by requests");
    assert_eq!(gateway.stat("requests").await?, lives.iter().map(|life| life.requests).sum::<u64>());
    Ok(())
}

/// How long a connection lived, as its client saw it.
#[derive(Debug)]
struct Life {
    requests: u64,
    age: Duration,
}

/// Sends requests until an answer is the last one, and then sees the connection end.
async fn http1_until_drained(address: SocketAddr, pause: Duration) -> Result<Life> {
    let opened = Instant::now();
    let mut connection = RawHttp1::connect(address).await?;
    let mut requests = 1;
    while !connection.get("/direct", &[]).await?.closes_connection() {
        requests += 1;
        sleep(pause).await;
    }
    let life = Life { requests, age: opened.elapsed() };
    connection.wait_for_end(PATIENCE).await?;
    Ok(life)
}

fn max_age() -> Value {
    json!({"inbound": {"maxAge": "1s"}})
}
