//! One run: gateways, clients that keep their connections, and what is seen of both.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel::rebalance::{GroupStatus, State};
use evenkeel_tests::gateways::{Bed, Clients, Plan, Traffic, is_balanced, is_complete};
use evenkeel_tests::{EnvoyVersion, wait};

/// How long a change may take that should be there within half a minute; much longer than any that succeeds.
pub const PATIENCE: Duration = Duration::from_mins(2);
/// Of their connections, gateways let go of at most this share per second.
pub const MAX_RATE: f64 = 0.2;
/// While nothing moves, proxies report once in this time.
const CALM: Duration = Duration::from_secs(10);
/// Nothing is closed for this long when nothing is to move, or nothing any more.
pub const QUIET: Duration = Duration::from_secs(5);
/// A request per client in this time. A connection goes with a request, so this is also the longest that a drain takes.
const REQUEST_INTERVAL: Duration = Duration::from_millis(250);

/// So many gateways behind a random balancer; connections move once endpoints have stood still for a second.
pub fn plan(version: EnvoyVersion, gateways: usize) -> Plan {
    Plan::new(version, gateways).rebalance(MAX_RATE, Duration::from_secs(1))
}

/// Clients of every kind, so many in all.
pub fn clients(count: usize) -> Clients {
    let (h2, grpc) = (count * 3 / 10, count * 2 / 10);
    Clients { h1: count - h2 - grpc, h2, grpc }
}

/// Everything that runs; it ends when dropped.
pub struct Run {
    pub bed: Bed,
    pub traffic: Traffic,
    connections: usize,
}

impl Run {
    /// Starts everything. All gateways report, and all clients are connected, when this returns.
    pub async fn start(plan: &Plan, clients: Clients) -> Result<Self> {
        Self::start_with(plan, clients, REQUEST_INTERVAL).await
    }

    /// As [`Self::start`], with a request per client in this time.
    pub async fn start_with(plan: &Plan, clients: Clients, interval: Duration) -> Result<Self> {
        let bed = Bed::start(plan).await?;
        let reports = async || bed.group().await?.context("nobody reports");
        // Nothing is armed any more then, and clients may spread by chance.
        let calm = |group: &GroupStatus| is_complete(group, plan.gateways) && group.state != State::Settling;
        wait::until("all gateways to report", PATIENCE, reports, calm).await?;
        let traffic = Traffic::start(bed.address().await?, clients, interval);
        bed.fleet.holds(clients.total()).await?;
        Ok(Self { bed, traffic, connections: clients.total() })
    }

    /// As an autoscaler does it: gateways start, and become endpoints once they serve.
    pub async fn scale_out(&mut self, count: usize) -> Result<()> {
        let gateways = self.bed.more_gateways(count).await?;
        self.bed.add(gateways).await
    }

    /// What the control plane says of the group.
    pub async fn group(&self) -> Result<GroupStatus> {
        self.bed.group().await?.context("nobody reports")
    }

    /// Waits until the control plane has heard of so many connections.
    pub async fn hears_of(&self, connections: usize) -> Result<()> {
        let heard = |group: &GroupStatus| group.live == connections as u64;
        wait::until("all connections to be reported", PATIENCE, async || self.group().await, heard).await.map(drop)
    }

    /// Waits until the group is in this state, and returns what it says.
    pub async fn becomes(&self, state: State) -> Result<GroupStatus> {
        let group = async || self.group().await;
        wait::until(&format!("the group to be {state}"), PATIENCE, group, |group| group.state == state).await
    }

    /// Waits until the group stands still in this state, and every member has heard that it may do nothing further.
    pub async fn comes_to_rest(&self, state: State) -> Result<GroupStatus> {
        let resting = self.becomes(state).await?;
        let heard = |group: &GroupStatus| {
            let mut members = group.members.iter().zip(&resting.members);
            members.all(|(now, then)| then.share.is_none() || now.reports > then.reports)
        };
        wait::until("every member to report again", PATIENCE, async || self.group().await, heard).await?;
        Ok(resting)
    }

    /// Waits until connections move, and so many have been told to go since there were `before`.
    pub async fn is_moving(&self, drains: u64, before: u64) -> Result<()> {
        self.becomes(State::Rebalancing).await?;
        let seen = async || self.drains().await;
        wait::until("connections to move", PATIENCE, seen, |seen| *seen >= before + drains).await.map(drop)
    }

    /// Waits until the control plane calls the group balanced with all gateways in it, and the gateways say the same.
    pub async fn becomes_even(&self) -> Result<()> {
        let members = self.bed.fleet.gateways().len();
        let balanced = |group: &GroupStatus| is_balanced(group, members);
        wait::until("the group to be even", PATIENCE, async || self.group().await, balanced).await?;
        self.bed.fleet.holds_evenly(self.connections).await
    }

    /// Waits until the group is even, which must not have taken more than so many closes per connection since there were
    /// `before`, and nothing is closed any more; then ends the clients.
    pub async fn ends_even(self, before: u64, most_closes: f64) -> Result<()> {
        self.becomes_even().await?;
        let closes = self.closes_per_connection(before).await?;
        ensure!(closes < most_closes, "{closes} closes per connection");
        self.nothing_is_closed_for(QUIET).await?;
        self.end().await
    }

    /// The connections that gateways have told to go so far.
    pub async fn drains(&self) -> Result<u64> {
        self.bed.fleet.drains().await
    }

    /// The connections that have ended at gateways so far.
    pub async fn closes(&self) -> Result<u64> {
        self.bed.fleet.closes().await
    }

    /// How many connections have ended since there were `before`, per connection.
    pub async fn closes_per_connection(&self, before: u64) -> Result<f64> {
        Ok((self.closes().await? - before) as f64 / self.connections as f64)
    }

    /// Watches for this long: no connection ends, and none is told to go.
    pub async fn nothing_is_closed_for(&self, time: Duration) -> Result<()> {
        let watched = self.bed.fleet.nothing_is_closed_for(time).await;
        let group = self.bed.group().await?;
        watched.with_context(|| format!("{group:?}"))
    }

    /// Watches until every gateway has reported again at the pace of a calm group, and the control plane has looked at it.
    pub async fn nothing_is_closed(&self) -> Result<()> {
        self.nothing_is_closed_for(CALM + Duration::from_secs(2)).await
    }

    /// A few hundred more requests end, whatever goes on.
    pub async fn requests_pass(&self) -> Result<()> {
        let more = self.traffic.answers().requests + 300;
        let requests = async || Ok(self.traffic.answers().requests);
        wait::until("requests to pass", PATIENCE, requests, |seen| *seen >= more).await.map(drop)
    }

    /// Ends the clients. Everything still runs, and not one request has failed.
    pub async fn end(mut self) -> Result<()> {
        self.bed.check_running()?;
        let answers = self.traffic.stop().await?;
        ensure!(answers.requests > 0 && answers.failed == 0, "{answers:?}");
        Ok(())
    }
}
