//! The table of connections with ten thousand of them open and hundreds of thousands gone by: exact at every moment,
//! and no larger than what is open.

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_tests::gateway::{Gateway, Plan};
use evenkeel_tests::process::{Process, raise_open_files};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, on_each_envoy, wait};
use futures::future::try_join_all;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::interval;

on_each_envoy! {
    ten_thousand_idle_connections_are_counted_exactly_while_others_come_and_go,
    nothing_leaks_over_two_hundred_thousand_connections,
}

const IDLE: u64 = 10_000;
/// Connections that come and go beside them per second, and for how many seconds.
const COMING_AND_GOING: u64 = 1_000;
const SECONDS: u64 = 5;
/// Ten thousand connections take a while to open on a machine that does other things as well.
const PATIENCE: Duration = Duration::from_mins(1);

async fn ten_thousand_idle_connections_are_counted_exactly_while_others_come_and_go(
    version: EnvoyVersion,
) -> Result<()> {
    let gateway = start(version).await?;
    let before = allocated_memory(&gateway).await?;
    let mut client = Holder::start(gateway.address, IDLE).await?;
    come_and_go_at_a_rate(gateway.address).await?;
    agrees_with_envoy(&gateway, IDLE, 0).await?;
    gateway.stat_becomes("connections_accepted", IDLE + COMING_AND_GOING * SECONDS).await?;
    let taken = allocated_memory(&gateway).await?.saturating_sub(before);
    gateway.edit(&max_age("100ms")).await?;
    agrees_with_envoy(&gateway, 0, IDLE).await?;
    assert_eq!(gateway.stat("drains_age").await?, IDLE);
    client.process.kill()?;
    agrees_with_envoy(&gateway, 0, 0).await?;
    // A twentieth for what Envoy keeps once it has needed it: buffers, slabs, statistics.
    let memory = async || allocated_memory(&gateway).await;
    wait::until("memory to be given back", PATIENCE, memory, |now| *now <= before + taken / 20).await.map(drop)
}

/// Each connection is used once: the table of connections and the one of streams both see it come and go.
async fn nothing_leaks_over_two_hundred_thousand_connections(version: EnvoyVersion) -> Result<()> {
    const FIRST: u64 = 50_000;
    const ALL: u64 = 200_000;
    let gateway = start(version).await?;
    come_and_go(gateway.address, FIRST).await?;
    agrees_with_envoy(&gateway, 0, 0).await?;
    let early = gateway.envoy.resident_memory()?;
    come_and_go(gateway.address, ALL - FIRST).await?;
    agrees_with_envoy(&gateway, 0, 0).await?;
    gateway.stat_becomes("connections_accepted", ALL).await?;
    let grown = gateway.envoy.resident_memory()?.saturating_sub(early);
    // A table that forgot nothing would take 200 bytes per connection; what Envoy itself keeps is below 1 MB.
    let allowed = (ALL - FIRST) * 20;
    assert!(grown < allowed, "{grown} bytes more after {ALL} connections than after {FIRST}, {allowed} allowed");
    Ok(())
}

fn max_age(age: &str) -> Value {
    json!({"inbound": {"maxAge": age}})
}

async fn start(version: EnvoyVersion) -> Result<Gateway> {
    raise_open_files(IDLE + 1_000)?;
    Plan::new(max_age("1h")).with_request().workers(2).start(version).await
}

/// A client in a process of its own that holds connections until it is killed.
struct Holder {
    process: Process,
    _folder: TempDir,
}

impl Holder {
    async fn start(gateway: SocketAddr, connections: u64) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let mut command = Command::new(env!("CARGO_BIN_EXE_hold-connections"));
        command.args([gateway.to_string(), connections.to_string()]);
        let mut process = Process::spawn("hold-connections", command, &folder.path().join("log"))?;
        let log = async || process.check_running().map(|()| process.log());
        let all = format!("holding {connections}\n");
        wait::until("all connections to be open", PATIENCE, log, |log| log.contains(&all)).await?;
        Ok(Self { process, _folder: folder })
    }
}

/// Opens connections at a steady rate, uses each once and closes it.
async fn come_and_go_at_a_rate(gateway: SocketAddr) -> Result<()> {
    let mut connections = JoinSet::new();
    let mut ticks = interval(Duration::from_millis(10));
    for _ in 0..SECONDS * 100 {
        ticks.tick().await;
        (0..COMING_AND_GOING / 100).for_each(|_| drop(connections.spawn(one(gateway))));
    }
    while let Some(done) = connections.join_next().await {
        done.context("a client has panicked")??;
    }
    Ok(())
}

/// Opens so many connections, 64 at a time, uses each once and closes it.
async fn come_and_go(gateway: SocketAddr, connections: u64) -> Result<()> {
    const CLIENTS: u64 = 64;
    let client = async |number| {
        for _ in (number..connections).step_by(CLIENTS as usize) {
            one(gateway).await?;
        }
        anyhow::Ok(())
    };
    try_join_all((0..CLIENTS).map(client)).await.map(drop)
}

async fn one(gateway: SocketAddr) -> Result<()> {
    RawHttp1::connect(gateway).await?.get("/direct", &[]).await.map(drop)
}

/// Waits until the filter's gauges are these, and Envoy's own count of connections is their sum.
async fn agrees_with_envoy(gateway: &Gateway, live: u64, draining: u64) -> Result<()> {
    let counts = async || {
        let gauges = (gateway.stat("connections_live").await?, gateway.stat("connections_draining").await?);
        Ok((gauges, gateway.envoy.stat("http.gateway.downstream_cx_active").await?))
    };
    let right = |counts: &_| *counts == ((live, draining), live + draining);
    wait::until("the filter and Envoy to agree", PATIENCE, counts, right).await.map(drop)
}

/// What Envoy's allocator has given out, in bytes; without the memory of the VMs.
async fn allocated_memory(gateway: &Gateway) -> Result<u64> {
    let memory: Value = serde_json::from_str(&gateway.envoy.admin("/memory").await?)?;
    let allocated = memory["allocated"].as_str().context("Envoy says nothing of its memory")?;
    Ok(allocated.parse()?)
}
