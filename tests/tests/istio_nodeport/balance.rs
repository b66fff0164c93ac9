//! Pods are added, without a policy and with one.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::{EnvoyVersion, network};

use super::bed::Bed;
use super::place::Place;

/// How long it is watched that nothing helps by itself.
const UNEVEN: Duration = Duration::from_secs(15);

/// Behind a blind balancer a step from two to four takes 0.90 closes per connection at least; chance, with so few
/// connections, has its part.
const MOST_CLOSES: f64 = 1.25;

async fn without_a_policy_new_pods_stay_empty(place: Place) -> Result<()> {
    let mut bed = Bed::start(place, EnvoyVersion::NEWEST, None).await?;
    bed.members.scale(4).await?;
    bed.stays_uneven_for(UNEVEN).await?;
    bed.end().await
}

async fn with_a_policy_new_pods_get_their_share(place: Place) -> Result<()> {
    let mut bed = Bed::start(place, EnvoyVersion::V1_37, Some(&place.policy())).await?;
    let before = bed.drained().await?;
    bed.members.scale(4).await?;
    bed.becomes_even().await?;
    let open: u64 = bed.open().await?.iter().sum();
    let closes = (bed.drained().await? - before) as f64 / open as f64;
    ensure!(closes < MOST_CLOSES, "{closes} closes per connection");
    bed.end().await
}

macro_rules! on_each_place {
    ($($test:ident),+ $(,)?) => {
        mod gateways {
            $(#[test] fn $test() -> super::Result<()> {
                super::network::isolated(|| super::$test(super::Place::Gateways))
            })+
        }
        mod sidecars {
            $(#[test] fn $test() -> super::Result<()> {
                super::network::isolated(|| super::$test(super::Place::Sidecars))
            })+
        }
    };
}

on_each_place! { without_a_policy_new_pods_stay_empty, with_a_policy_new_pods_get_their_share }
