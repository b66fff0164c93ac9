//! `signal: requests`: the connections that go are those whose request rates make up what the directive says.

use std::time::Duration;

use anyhow::Result;
use evenkeel_proto::rebalance::{Directive, Signal};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::client::steady::{Protocol, RunningClients, Steady};
use evenkeel_tests::gateway::Plan;
use evenkeel_tests::rebalance_server::{Answer, directive};
use evenkeel_tests::{EnvoyVersion, on_each_envoy};
use serde_json::json;

use super::bed::{Bed, rebalance};

on_each_envoy! {
    the_connections_whose_rates_fit_are_drained,
}

fn clients(bed: &Bed, connections: usize, rate: f64) -> RunningClients {
    Steady { target: bed.gateway.address, protocol: Protocol::Http1, connections, rate }.start()
}

/// Two clients with 60 requests per second each, two with 30, ten with 1. To move 105 per second, one of 60 and one of 30
/// go (90), and then what fits of the small ones; a second one of either would be too much. On a busy machine clients fall
/// behind and catch up: each of these sums is an eighth from the limit.
async fn the_connections_whose_rates_fit_are_drained(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let settings = rebalance(&json!({"signal": "requests"}));
    let plan = Plan::new(settings).with_request().workers(1).drain_timeout(Duration::from_secs(1));
    let bed = Bed::start(version, plan.backend(&backend)).await?;
    let (heavy, middle, light) = (clients(&bed, 2, 60.0), clients(&bed, 2, 30.0), clients(&bed, 10, 1.0));
    // A rate is a mean over some seconds.
    let right = |rate: u64| (180_000..200_000).contains(&rate);
    let before = bed.report_until("190 requests per second", |report| right(report.request_rate)).await?;
    assert_eq!(before.signal(), Signal::Requests);
    bed.server.answer_with(|report| Answer::Directive(Directive { request_rate: 105_000, ..directive(report, 5) }));
    let after = bed.report_until("the drains", |report| report.drained >= 2).await?;
    assert!((75_000..=105_000).contains(&after.drained_request_rate), "{after:?}");
    bed.report_until("what was drained to be gone", |report| report.draining == 0).await?;
    let closes = [heavy.stop().await?, middle.stop().await?, light.stop().await?].map(|counts| {
        assert_eq!(counts.failed, 0, "{counts:?}");
        counts.closes
    });
    assert_eq!((closes[0], closes[1]), (1, 1), "{closes:?}");
    assert!(closes[2] <= 3, "five drains in all: {closes:?}");
    Ok(())
}
