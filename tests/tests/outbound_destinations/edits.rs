//! Edits of the destinations, under connections that stay.

use anyhow::Result;
use evenkeel_tests::gateway::{PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, on_each_envoy, wait};
use serde_json::json;

use super::bed::{Bed, reviews, served_by, served_in_turn};

on_each_envoy! {
    a_destination_is_added_changed_and_taken_away_without_a_drain,
    a_configuration_that_is_taken_back_rules_again,
    a_wrong_edit_leaves_the_last_good_one,
}

async fn a_destination_is_added_changed_and_taken_away_without_a_drain(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::outbound_alone(json!({})), true).await?;
    let mut client = bed.client().await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 5).await?, [0; 5]);
    bed.gateway.edit_outbound(&reviews(json!({"maxRequests": 1}))).await?;
    becomes_other_than(&mut client, 0).await?;
    let each_on_its_own = served_in_turn(&mut client, "reviews", 5).await?;
    assert!(each_on_its_own.windows(2).all(|pair| pair[1] == pair[0] + 1), "{each_on_its_own:?}");
    // The key of now stays: it is not an hour old.
    bed.gateway.edit_outbound(&reviews(json!({"maxAge": "1h"}))).await?;
    let capped = stays_after_a_while(&mut client).await?;
    bed.gateway.edit_outbound(&json!({"outbound": {"destinations": []}})).await?;
    let kept = becomes_other_than(&mut client, capped).await?;
    let keys = bed.gateway.stat("keys_rotated").await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 20).await?, [kept; 20]);
    assert_eq!(served_in_turn(&mut client, "ratings", 20).await?, [0; 20]);
    assert_eq!(bed.gateway.stat("keys_rotated").await?, keys);
    assert_eq!(bed.gateway.envoy.stat("http.gateway.downstream_cx_total").await?, 1, "the client's connection");
    Ok(())
}

/// An edit has reached the worker with the first request that goes elsewhere.
async fn becomes_other_than(client: &mut RawHttp1, before: u64) -> Result<u64> {
    let serving = async || served_by(client, "reviews").await;
    wait::until("requests to go elsewhere", PATIENCE, serving, |now| *now != before).await
}

/// Says where requests stay.
async fn stays_after_a_while(client: &mut RawHttp1) -> Result<u64> {
    let mut last = served_by(client, "reviews").await?;
    let serving = async || {
        let before = std::mem::replace(&mut last, served_by(client, "reviews").await?);
        Ok(before == last)
    };
    wait::until("requests to stay", PATIENCE, serving, |stays| *stays).await?;
    let kept = served_by(client, "reviews").await?;
    assert_eq!(served_in_turn(client, "reviews", 20).await?, [kept; 20]);
    Ok(kept)
}

async fn a_configuration_that_is_taken_back_rules_again(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::outbound_alone(reviews(json!({"maxRequests": 1}))), true).await?;
    let mut client = bed.client().await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 3).await?, [0, 1, 2]);
    bed.gateway.edit_outbound(&json!({})).await?;
    stays_after_a_while(&mut client).await?;
    bed.gateway.edit_outbound(&reviews(json!({"maxRequests": 1}))).await?;
    let before = served_by(&mut client, "reviews").await?;
    let now = becomes_other_than(&mut client, before).await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 3).await?, [now + 1, now + 2, now + 3]);
    Ok(())
}

async fn a_wrong_edit_leaves_the_last_good_one(version: EnvoyVersion) -> Result<()> {
    let bed = Bed::start(version, Plan::outbound_alone(reviews(json!({"maxRequests": 1}))), true).await?;
    let mut client = bed.client().await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 2).await?, [0, 1]);
    let wrong = json!({"outbound": {"destinations": [{"host": "*.shop", "maxRequests": 5}]}});
    bed.gateway.refused(|files| files.edit_outbound(&wrong)).await?;
    let line = r#"configuration refused: outbound.destinations[0].host: "*.shop" is no host"#;
    bed.gateway.envoy.log_until(line, PATIENCE).await?;
    assert_eq!(served_in_turn(&mut client, "reviews", 2).await?, [2, 3]);
    Ok(())
}
