//! Gateways that cannot reach the control plane.

use anyhow::{Context, Result, ensure};
use evenkeel::rebalance::{GroupStatus, State};
use evenkeel_tests::gateways::is_complete;
use evenkeel_tests::{EnvoyVersion, wait};

use super::run::{PATIENCE, QUIET, Run, clients, plan};

/// In the middle of a move, two of four go silent: too few are left to go on. With three of them it goes on.
#[tokio::test]
async fn a_group_waits_for_two_thirds_of_its_members_and_then_goes_on() -> Result<()> {
    let mut run = Run::start(&plan(EnvoyVersion::NEWEST, 3), clients(160)).await?;
    let (before, drained) = (run.closes().await?, run.drains().await?);
    run.scale_out(1).await?;
    run.is_moving(5, drained).await?;
    cut(&run, &[0, 1]);
    let group = run.comes_to_rest(State::Incomplete).await?;
    ensure!(group.reason.contains("2 of 4 ready endpoints report; silent: 127.0.0.2, 127.0.0.3"), "{group:?}");
    run.nothing_is_closed_for(QUIET).await?;

    run.bed.fleet.gateways()[1].reports().mend();
    let group = the_others_are_even(&run).await?;
    ensure!(group.members[0].share.is_none(), "the silent one is no member: {group:?}");
    run.bed.fleet.gateways()[0].reports().mend();
    wait::until("all to report", PATIENCE, async || run.group().await, |group| is_complete(group, 4)).await?;
    run.becomes(State::Balanced).await?;
    let closes = run.closes_per_connection(before).await?;
    ensure!(closes < 1.5, "{closes} closes per connection");
    run.end().await
}

fn cut(run: &Run, gateways: &[usize]) {
    for number in gateways {
        run.bed.fleet.gateways()[*number].reports().cut();
    }
}

/// Waits until the group has come to rest with three of four.
async fn the_others_are_even(run: &Run) -> Result<GroupStatus> {
    let rests = |group: &GroupStatus| {
        group.state == State::Balanced && group.members.iter().filter(|member| member.share.is_some()).count() == 3
    };
    let group = wait::until("three of four to be even", PATIENCE, async || run.group().await, rests).await;
    group.context("without the first gateway")
}
