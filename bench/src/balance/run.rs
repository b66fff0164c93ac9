//! One scale-out, with real programs.

use std::time::Duration;

use anyhow::Result;
use evenkeel::rebalance::State;
use evenkeel_tests::gateways::{Bed, Clients, GatewayStats, Traffic};
use evenkeel_tests::{EnvoyVersion, wait};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::case::Case;
use super::curve::{Sample, ScaleOut};
use crate::gateways::variant::Variant;

const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
/// How long all clients may take to connect.
const CONNECT: Duration = Duration::from_secs(30);
/// How long the first gateways may take to become even among themselves.
const EVEN_BEFORE: Duration = Duration::from_mins(1);
/// What happens after this is no success any more.
const LONGEST: Duration = Duration::from_secs(50);

/// Does one scale-out.
///
/// # Errors
/// When a program cannot run; failed requests are in the result.
pub async fn run(case: &Case, version: EnvoyVersion) -> Result<ScaleOut> {
    let mut bed = Bed::start(&case.variant.plan(version, case.from, &case.setup())).await?;
    // HTTP/1.1: such a connection is closed as soon as it is told to go, so what is open is what is live.
    let clients = Clients { h1: case.connections, ..Clients::default() };
    let traffic = Traffic::start(bed.address().await?, clients, case.request_interval());
    let connected = async || Ok(open(&bed.stats().await?).iter().sum::<u64>());
    wait::until("all clients to be connected", CONNECT, connected, |count| *count >= case.connections as u64).await?;
    calm_down(&bed, case.variant).await?;
    let samples = scale_out(&mut bed, case).await?;
    let answers = traffic.stop().await?;
    Ok(ScaleOut { samples, requests: answers.requests, failures: answers.reasons.into_iter().collect() })
}

/// The first gateways are new as well, and chance may have made them uneven.
async fn calm_down(bed: &Bed, variant: Variant) -> Result<()> {
    if variant != Variant::Evenkeel {
        sleep(Duration::from_secs(2)).await;
        return Ok(());
    }
    let state = async || Ok(bed.group().await?.map(|group| group.state));
    let balanced = |state: &Option<State>| *state == Some(State::Balanced);
    wait::until("the first gateways to be balanced", EVEN_BEFORE, state, balanced).await.map(drop)
}

async fn scale_out(bed: &mut Bed, case: &Case) -> Result<Vec<Sample>> {
    let gateways = bed.more_gateways(case.to - case.from).await?;
    let before = bed.stats().await?;
    let ended = |stats: &[GatewayStats]| stats.iter().map(|gateway| gateway.closes).sum::<u64>();
    let (start, closed_before) = (Instant::now(), ended(&before));
    bed.add(gateways).await?;
    let mut seen = ScaleOut::default();
    let mut samples = interval(SAMPLE_INTERVAL);
    samples.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while start.elapsed() < LONGEST && !seen.is_over(case.quiet()) {
        samples.tick().await;
        bed.check_running()?;
        let stats = bed.stats().await?;
        let closes = ended(&stats).saturating_sub(closed_before);
        seen.samples.push(Sample { since: start.elapsed(), connections: open(&stats), closes });
    }
    Ok(seen.samples)
}

fn open(stats: &[GatewayStats]) -> Vec<u64> {
    stats.iter().map(|gateway| gateway.connections).collect()
}
