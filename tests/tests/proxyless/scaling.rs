//! Backends come and go while a channel is open.

use anyhow::{Result, ensure};
use evenkeel_tests::client::Client;
use evenkeel_tests::client::channel::Target;
use evenkeel_tests::control_plane::ControlPlane;
use evenkeel_tests::dns::DnsServer;

use super::greeter::{Greeter, TARGET, ensure_even, hosts};

with_each_client! {
    a_scale_out_from_two_to_five_reaches_all_five_evenly,
    the_same_client_with_dns_stays_on_two,
    five_to_none_to_three,
    a_control_plane_that_dies_fails_no_call_and_is_followed_again,
}

async fn a_scale_out_from_two_to_five_reaches_all_five_evenly(client: Client) -> Result<()> {
    let greeter = Greeter::start()?;
    let control_plane = ControlPlane::start(&greeter.cluster_file(0..2)).await?;
    let channel = Target::xds(client, TARGET, control_plane.xds()).open()?;
    greeter.all_serve(0..2, 20).await?;
    control_plane.edit(&greeter.cluster_file(0..5))?;
    let took = greeter.all_serve(2..5, 1).await?;
    println!("{}: all five serve {took:?} after the file changed", client.name());
    ensure_even(&greeter.shares(0..5, 200).await?)?;
    let outcome = channel.stop().await?;
    ensure!(outcome.failed == 0, "{outcome:?}");
    Ok(())
}

/// What `xds:///` is for: a client that resolves names does so again only when it loses a connection.
async fn the_same_client_with_dns_stays_on_two(client: Client) -> Result<()> {
    let greeter = Greeter::start()?;
    let dns = DnsServer::start(&hosts(0..2)).await?;
    let target = Target::dns(client, &format!("greeter.test:{}", greeter.port()), dns.address());
    let channel = target.open()?;
    greeter.all_serve(0..2, 20).await?;
    dns.set(&hosts(0..5));
    ensure_even(&greeter.shares(0..2, 1_000).await?[..2])?;
    ensure!(greeter.served()[2..] == [0, 0, 0], "{:?}", greeter.served());
    // Whoever asks now is told of all five.
    let newer = target.open()?;
    greeter.all_serve(2..5, 20).await?;
    for channel in [channel, newer] {
        let outcome = channel.stop().await?;
        ensure!(outcome.failed == 0, "{outcome:?}");
    }
    Ok(())
}

async fn five_to_none_to_three(client: Client) -> Result<()> {
    let greeter = Greeter::start()?;
    let control_plane = ControlPlane::start(&greeter.cluster_file(0..5)).await?;
    let channel = Target::xds(client, TARGET, control_plane.xds()).open()?;
    greeter.all_serve(0..5, 20).await?;
    control_plane.edit(&greeter.cluster_file(0..0))?;
    greeter.nobody_serves().await?;
    control_plane.edit(&greeter.cluster_file(2..5))?;
    let took = greeter.all_serve(2..5, 1).await?;
    println!("{}: all three serve {took:?} after the file changed", client.name());
    let shares = greeter.shares(2..5, 100).await?;
    ensure!(shares[..2] == [0, 0], "{shares:?}");
    ensure_even(&shares[2..])?;
    let outcome = channel.stop().await?;
    println!("{}: {:?}", client.name(), outcome.errors);
    ensure!(outcome.failed > 0 && outcome.errors.keys().all(|error| is_unavailable(error)), "{outcome:?}");
    Ok(())
}

/// As Go and as Python write it.
fn is_unavailable(error: &str) -> bool {
    error.contains("code = Unavailable") || error.contains("StatusCode.UNAVAILABLE")
}

async fn a_control_plane_that_dies_fails_no_call_and_is_followed_again(client: Client) -> Result<()> {
    let greeter = Greeter::start()?;
    let mut control_plane = ControlPlane::start(&greeter.cluster_file(0..2)).await?;
    let channel = Target::xds(client, TARGET, control_plane.xds()).open()?;
    greeter.all_serve(0..2, 20).await?;
    control_plane.kill()?;
    greeter.all_serve(0..2, 200).await?;
    control_plane.restart().await?;
    control_plane.edit(&greeter.cluster_file(0..5))?;
    let took = greeter.all_serve(2..5, 20).await?;
    println!("{}: all five serve {took:?} after the file changed", client.name());
    let outcome = channel.stop().await?;
    ensure!(outcome.failed == 0, "{outcome:?}");
    Ok(())
}
