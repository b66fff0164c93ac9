//! The example that users copy works as it stands: only its ports and the module's path are others here.

use anyhow::{Result, ensure};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::envoy::Envoy;
use evenkeel_tests::example::{CONNECTION, Example};
use evenkeel_tests::gateway::PATIENCE;
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::RawHttp2;
use evenkeel_tests::{EnvoyVersion, on_each_envoy, wait};

on_each_envoy! {
    it_serves_and_live_connections_follow_an_edit_of_the_limits,
}

async fn it_serves_and_live_connections_follow_an_edit_of_the_limits(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let example = Example::copy(&backend)?;
    let envoy = example.start(version).await?;
    is_taken(&envoy, 1).await?;
    let address = envoy.listener("gateway").await?;
    let (mut http1, mut http2) = (RawHttp1::connect(address).await?, RawHttp2::connect(address).await?);
    for _ in 0..10 {
        assert!(!http1.get("/", &[]).await?.closes_connection());
        http2.exchange("/", &[], PATIENCE).await?;
    }
    assert_eq!(http2.seen().goaways(), []);
    assert_eq!(backend.record().total(), 20);
    assert_eq!(envoy.stat("cluster.backend.upstream_rq_200").await?, 20);

    example.edit(CONNECTION, "\"maxRequests\": 10000,", "\"maxRequests\": 10,")?;
    is_drained(&mut http1, &mut http2).await?;
    envoy.stat_until("wasmcustom.evenkeel.drains_requests", |drains| drains == 2, PATIENCE).await?;
    is_taken(&envoy, 2).await
}

/// What both filters discovered was accepted, so often.
async fn is_taken(envoy: &Envoy, reloads: u64) -> Result<()> {
    let connection = discovery("network_filter.evenkeel.connection", "config_reload");
    envoy.stat_until(&connection, |seen| seen == reloads, PATIENCE).await?;
    let request = discovery("http_filter.evenkeel.request", "config_reload");
    envoy.stat_until(&request, |seen| seen == 1, PATIENCE).await?;
    for filter in ["network_filter.evenkeel.connection", "http_filter.evenkeel.request"] {
        for failure in ["config_fail", "update_rejected", "update_failure"] {
            assert_eq!(envoy.stat(&discovery(filter, failure)).await?, 0, "{filter}: {failure}\n{}", envoy.log_tail());
        }
    }
    Ok(())
}

fn discovery(filter: &str, stat: &str) -> String {
    format!("extension_config_discovery.{filter}.{stat}")
}

/// Both connections are used until the server ends them, and answered until then.
async fn is_drained(http1: &mut RawHttp1, http2: &mut RawHttp2) -> Result<()> {
    let request = async || Ok(http1.get("/", &[]).await?.closes_connection());
    wait::until("the last answer by HTTP/1", PATIENCE, request, |last| *last).await?;
    http1.wait_for_end(PATIENCE).await?;
    let request = async || {
        http2.exchange("/", &[], PATIENCE).await?;
        Ok(http2.seen().goaways().len())
    };
    wait::until("GOAWAY", PATIENCE, request, |goaways| *goaways > 0).await?;
    let seen = http2.until("the end", PATIENCE, |seen| seen.end.is_some()).await?;
    ensure!(seen.resets().is_empty(), "{:?}", seen.resets());
    Ok(())
}
