//! Gateways are added, without a policy and with one.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::{EnvoyVersion, network};

use super::bed::Bed;

/// How long it is watched that nothing helps by itself.
const UNEVEN: Duration = Duration::from_secs(15);

/// Behind a blind balancer a step from two to four takes 0.90 closes per connection at least; chance, with so few
/// connections, has its part.
const MOST_CLOSES: f64 = 1.25;

#[test]
fn without_a_policy_new_gateways_stay_empty() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(EnvoyVersion::NEWEST, None).await?;
        bed.gateways.scale(4).await?;
        bed.stays_uneven_for(UNEVEN).await?;
        bed.end().await
    })
}

#[test]
fn with_a_policy_new_gateways_get_their_share() -> Result<()> {
    network::isolated(|| async {
        let mut bed = Bed::start(EnvoyVersion::V1_37, Some(POLICY)).await?;
        let before = bed.drained().await?;
        bed.gateways.scale(4).await?;
        bed.becomes_even().await?;
        let open: u64 = bed.open().await?.iter().sum();
        let closes = (bed.drained().await? - before) as f64 / open as f64;
        ensure!(closes < MOST_CLOSES, "{closes} closes per connection");
        bed.end().await
    })
}

const POLICY: &str = "
{apiVersion: evenkeel.dev/v1alpha1, kind: ConnectionPolicy, metadata: {name: gateway, namespace: istio-system}, spec: {
  targetRefs: [{kind: Service, name: gateway}], rebalance: {settle: 2s}}}
";
