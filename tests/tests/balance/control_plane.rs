//! The control plane goes away in the middle of a move, and comes back.

use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use tokio::time::sleep;

use super::run::{Run, clients, plan};

/// Longer than any timeout of those who talk to it.
const PAUSE: Duration = Duration::from_secs(20);
/// From three gateways to four takes 0.7 closes per connection behind a blind balancer, by chance up to 1.2. If what was
/// ordered were ordered twice, it would be twice as much.
const MOST_CLOSES: f64 = 1.35;

/// Three gateways have become four, and a part of what has to move has moved.
async fn in_the_middle_of_a_move() -> Result<(Run, u64)> {
    let mut run = Run::start(&plan(EnvoyVersion::NEWEST, 3), clients(160)).await?;
    let (before, drained) = (run.closes().await?, run.drains().await?);
    run.scale_out(1).await?;
    run.is_moving(20, drained).await?;
    Ok((run, before))
}

#[tokio::test]
async fn a_move_goes_on_when_the_control_plane_was_killed_and_started_again() -> Result<()> {
    let (mut run, before) = in_the_middle_of_a_move().await?;
    run.bed.control_plane.kill()?;
    run.requests_pass().await?;
    run.bed.control_plane.restart().await?;
    run.ends_even(before, MOST_CLOSES).await
}

#[tokio::test]
async fn a_move_goes_on_when_the_control_plane_was_stopped_for_twenty_seconds() -> Result<()> {
    let (mut run, before) = in_the_middle_of_a_move().await?;
    run.bed.control_plane.process().pause()?;
    sleep(PAUSE).await;
    run.requests_pass().await?;
    run.bed.control_plane.process().resume()?;
    run.ends_even(before, MOST_CLOSES).await
}
