//! What rotates and what does not.

use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::RawHttp2;
use evenkeel_tests::{EnvoyVersion, on_each_envoy, wait};
use serde_json::json;
use tokio::time::sleep;

use super::bed::{Bed, CONCURRENCY, RATINGS, REVIEWS, reviews, served_by, served_in_turn, served_per_connection};

on_each_envoy! {
    no_request_fails_while_one_destination_rotates_over_http1,
    no_request_fails_while_one_destination_rotates_over_http2,
    a_cap_of_requests_is_exact_over_http1,
    a_cap_of_requests_is_exact_over_http2,
    a_stream_that_runs_stays_where_it_is,
    beside_caps_on_clients_connections_each_filter_keeps_to_its_own_settings,
}

const WORKERS: u32 = 2;

async fn no_request_fails_while_one_destination_rotates_over_http1(version: EnvoyVersion) -> Result<()> {
    no_request_fails(version, false).await
}

async fn no_request_fails_while_one_destination_rotates_over_http2(version: EnvoyVersion) -> Result<()> {
    no_request_fails(version, true).await
}

async fn no_request_fails(version: EnvoyVersion, http2: bool) -> Result<()> {
    let plan = Plan::outbound_alone(reviews(json!({"maxAge": "1s", "jitter": 0.2}))).workers(WORKERS);
    let bed = Bed::start(version, plan, http2).await?;
    let mut requests = 0;
    // Long enough for several keys of each worker.
    while requests < 20_000 || bed.gateway.stat("keys_rotated").await? < 8 {
        bed.no_failure_of(5_000).await?;
        requests += 5_000;
    }
    assert_eq!(bed.total(), requests);
    assert!(bed.reviews.record().connections().len() >= 8);
    // Each worker has connections of its own: one, or as many as it had requests in flight at a time.
    the_other_keeps_its_connections(&bed, WORKERS as usize * if http2 { 1 } else { CONCURRENCY });
    nothing_was_cut(&bed).await?;
    old_connections_end_by_idle_timeout(&bed).await
}

fn the_other_keeps_its_connections(bed: &Bed, most: usize) {
    let record = bed.ratings.record();
    assert!(record.connections().len() <= most, "{} connections", record.connections().len());
    assert_eq!(record.open_connections(), record.connections().len());
}

async fn nothing_was_cut(bed: &Bed) -> Result<()> {
    for cluster in [REVIEWS, RATINGS] {
        for stat in ["upstream_cx_overflow", "upstream_cx_destroy_with_active_rq", "upstream_rq_5xx"] {
            assert_eq!(bed.gateway.envoy.stat(&format!("cluster.{cluster}.{stat}")).await?, 0, "{cluster} {stat}");
        }
    }
    Ok(())
}

async fn old_connections_end_by_idle_timeout(bed: &Bed) -> Result<()> {
    let open = async || Ok(bed.reviews.record().open_connections());
    wait::until("the connections of replaced keys to end", PATIENCE, open, |open| *open == 0).await?;
    let (made, idle) =
        (format!("cluster.{REVIEWS}.upstream_cx_total"), format!("cluster.{REVIEWS}.upstream_cx_idle_timeout"));
    let made = bed.gateway.envoy.stat(&made).await?;
    assert_eq!(made, bed.reviews.record().connections().len() as u64);
    bed.gateway.envoy.stat_until(&idle, |idle| idle == made, PATIENCE).await.map(drop)
}

async fn a_cap_of_requests_is_exact_over_http1(version: EnvoyVersion) -> Result<()> {
    const CAP: u64 = 50;
    let plan = Plan::outbound_alone(reviews(json!({"maxRequests": CAP})));
    let bed = Bed::start(version, plan, false).await?;
    bed.no_failure_of(5_000).await?;
    let served = served_per_connection(&bed.reviews);
    assert!(served.iter().all(|requests| *requests <= CAP), "{served:?}");
    rotations_are(&bed, CAP).await?;
    // One after the other, each key has one connection.
    let bed = Bed::start(version, Plan::outbound_alone(reviews(json!({"maxRequests": 3}))), false).await?;
    let mut client = bed.client().await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 8).await?, [0, 0, 0, 1, 1, 1, 2, 2]);
    assert_eq!(served_in_turn(&mut client, "ratings", 8).await?, [0; 8]);
    assert_eq!(served_by(&mut client, "reviews").await?, 2, "others do not count");
    Ok(())
}

async fn a_cap_of_requests_is_exact_over_http2(version: EnvoyVersion) -> Result<()> {
    const CAP: u64 = 50;
    let plan = Plan::outbound_alone(reviews(json!({"maxRequests": CAP})));
    let bed = Bed::start(version, plan, true).await?;
    bed.no_failure_of(5_000).await?;
    let served = served_per_connection(&bed.reviews);
    let (last, full) = served.split_last().unwrap_or((&0, &[]));
    assert!(full.len() > 10 && full.iter().all(|requests| *requests == CAP) && *last <= CAP, "{served:?}");
    assert_eq!(served_per_connection(&bed.ratings).len(), 1);
    rotations_are(&bed, CAP).await
}

/// By what was served, not by what was asked for: a client may send a request again.
async fn rotations_are(bed: &Bed, cap: u64) -> Result<()> {
    bed.gateway.stat_becomes("keys_rotated", (bed.reviews.record().total() - 1) / cap).await
}

async fn a_stream_that_runs_stays_where_it_is(version: EnvoyVersion) -> Result<()> {
    let settings = json!({"outbound": {"destinations": [
        {"host": "reviews.shop.svc.cluster.local", "maxAge": "1s"},
        {"host": "ratings.shop.svc.cluster.local", "maxAge": "1s"},
    ]}});
    let bed = Bed::start(version, Plan::outbound_alone(settings), true).await?;
    let mut streaming = RawHttp2::connect(bed.gateway.address).await?;
    let endless = streaming.get("/forever", &[])?;
    streaming.until("the stream's begin", PATIENCE, |seen| seen.headers_at(endless).is_some()).await?;
    // The path leads to one of both services, by chance.
    let (service, backend) =
        if bed.reviews.record().total() == 1 { ("reviews", &bed.reviews) } else { ("ratings", &bed.ratings) };
    moves_on(&mut bed.client().await?, service, 3).await?;
    assert!(backend.record().connections()[0].is_open(), "the endless stream's connection");
    assert_eq!(streaming.seen().end, None);
    assert!(!streaming.seen().is_answered(endless) && streaming.seen().resets().is_empty());
    Ok(())
}

/// Requests until they go out on this connection, each on the same one as the one before or on the next.
async fn moves_on(client: &mut RawHttp1, service: &str, connection: u64) -> Result<()> {
    let mut last = served_by(client, service).await?;
    while last < connection {
        let now = served_by(client, service).await?;
        assert!(now == last || now == last + 1, "from {last} to {now}");
        last = now;
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// As in a gateway of a mesh: its clients' connections are capped as well, and each filter discovers its own settings.
async fn beside_caps_on_clients_connections_each_filter_keeps_to_its_own_settings(version: EnvoyVersion) -> Result<()> {
    let inbound = |cap: u32| json!({"inbound": {"maxRequests": cap}});
    let plan = Plan::new(inbound(6)).with_request().with_outbound(reviews(json!({"maxRequests": 2})));
    let bed = Bed::start(version, plan, true).await?;
    let mut client = bed.client().await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 3).await?, [0, 0, 1]);
    assert_eq!(served_in_turn(&mut client, "ratings", 2).await?, [0; 2]);
    assert!(client.get("/reviews/", &[]).await?.closes_connection(), "request number 6");
    let mut client = bed.client().await?;
    assert_eq!(served_by(&mut client, "reviews").await?, 2, "another client, the same keys");
    bed.gateway.edit(&inbound(3)).await?;
    assert_eq!(served_by(&mut client, "reviews").await?, 2);
    assert!(client.get("/ratings/", &[]).await?.closes_connection(), "request number 3");
    bed.gateway.stat_becomes("drains_requests", 2).await?;
    bed.gateway.stat_becomes("keys_rotated", 2).await
}
