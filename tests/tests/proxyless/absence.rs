//! Services that do not exist, yet or any more.

use std::time::Instant;

use anyhow::{Result, ensure};
use evenkeel_tests::client::Client;
use evenkeel_tests::client::channel::Target;
use evenkeel_tests::control_plane::ControlPlane;

use super::greeter::{Greeter, NO_SERVICES, TARGET};

with_each_client! {
    a_service_that_does_not_exist_fails_the_call_and_names_what_is_missing,
    a_service_that_comes_later_is_found,
    a_deleted_service_fails_calls_until_it_is_back,
}

async fn a_service_that_does_not_exist_fails_the_call_and_names_what_is_missing(client: Client) -> Result<()> {
    let control_plane = ControlPlane::start(&Greeter::start()?.cluster_file(0..1)).await?;
    for target in ["missing.default:80", "greeter.default:81"] {
        let start = Instant::now();
        let outcome = Target::xds(client, target, control_plane.xds()).call_twice().await?;
        println!("{}: after {:?}: {:?}", client.name(), start.elapsed(), outcome.errors);
        ensure!(outcome.failed == 2, "{outcome:?}");
        ensure!(outcome.errors.keys().all(|error| error.to_lowercase().contains("unavailable")), "{outcome:?}");
        // grpc-go tells its balancer first that there are no addresses and then why, so its first call may know no more.
        ensure!(outcome.errors.keys().any(|error| error.contains(target)), "{outcome:?}");
    }
    Ok(())
}

async fn a_service_that_comes_later_is_found(client: Client) -> Result<()> {
    let greeter = Greeter::start()?;
    let control_plane = ControlPlane::start(NO_SERVICES).await?;
    let channel = Target::xds(client, TARGET, control_plane.xds()).open()?;
    // The answer is a set of no listeners, which the client accepts.
    let accepted = "evenkeel_xds_acks_total{type=\"Listener\"}";
    control_plane.metric_becomes(accepted, 1.0, super::greeter::PATIENCE).await?;
    control_plane.edit(&greeter.cluster_file(0..2))?;
    greeter.all_serve(0..2, 20).await?;
    channel.stop().await.map(drop)
}

async fn a_deleted_service_fails_calls_until_it_is_back(client: Client) -> Result<()> {
    let greeter = Greeter::start()?;
    let control_plane = ControlPlane::start(&greeter.cluster_file(0..2)).await?;
    let channel = Target::xds(client, TARGET, control_plane.xds()).open()?;
    greeter.all_serve(0..2, 20).await?;
    control_plane.edit(NO_SERVICES)?;
    greeter.nobody_serves().await?;
    control_plane.edit(&greeter.cluster_file(0..2))?;
    greeter.all_serve(0..2, 20).await?;
    let outcome = channel.stop().await?;
    println!("{}: {:?}", client.name(), outcome.errors);
    ensure!(outcome.failed > 0, "{outcome:?}");
    Ok(())
}
