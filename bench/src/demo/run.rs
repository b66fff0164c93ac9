//! One run: clients on the first gateways, then the scale-out, then watching.

use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::gateways::{Bed, Traffic};
use evenkeel_tests::{EnvoyVersion, wait};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, sleep};

use super::frame::Frame;
use super::outcome::Outcome;
use super::plan::{GATEWAYS, Plan, SAMPLE_INTERVAL};
use super::screen::Screen;
use crate::gateways::timeline::{Moment, Timeline};
use crate::gateways::variant::Variant;

/// How long all clients may take to connect.
const CONNECT: Duration = Duration::from_secs(15);

/// Does one run.
///
/// # Errors
/// When a program cannot run; failed requests are in the outcome.
pub async fn run(plan: &Plan, version: EnvoyVersion, variant: Variant) -> Result<Outcome> {
    let bed = Bed::start(&variant.plan(version, GATEWAYS[0], &plan.setup)).await?;
    let traffic = Traffic::start(bed.address().await?, plan.clients, plan.request_interval);
    wait_for_clients(&bed, plan.clients.total() as u64).await?;
    let screen = Screen::new(GATEWAYS[1], plan.clients.total())?;
    let mut run = Run::new(bed, traffic, screen);
    run.scale_out(plan.before).await?;
    run.watching("4 gateways: the new ones fill up only if connections move", sleep(plan.after)).await?;
    run.end(plan.window).await
}

async fn wait_for_clients(bed: &Bed, clients: u64) -> Result<()> {
    let connected = async || Ok(bed.stats().await?.iter().map(|stats| stats.connections).sum::<u64>());
    wait::until("all clients to be connected", CONNECT, connected, |count| *count >= clients).await.map(drop)
}

/// A run under way.
struct Run {
    bed: Bed,
    traffic: Traffic,
    screen: Screen,
    timeline: Timeline,
    start: Instant,
    samples: Interval,
}

impl Run {
    fn new(bed: Bed, traffic: Traffic, screen: Screen) -> Self {
        let mut samples = interval(SAMPLE_INTERVAL);
        samples.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Self { bed, traffic, screen, timeline: Timeline::default(), start: Instant::now(), samples }
    }

    /// As an autoscaler does it: the new gateways start, and become endpoints once they serve.
    async fn scale_out(&mut self, before: Duration) -> Result<()> {
        self.watching("2 gateways hold all connections", sleep(before)).await?;
        let more = self.bed.more_gateways(GATEWAYS[1] - GATEWAYS[0]);
        let gateways = self.watching("2 more gateways are starting", more).await??;
        self.timeline.scaled_out(self.start.elapsed());
        self.bed.add(gateways).await
    }

    /// Samples and shows until `what` is done.
    async fn watching<T>(&mut self, status: &str, what: impl Future<Output = T>) -> Result<T> {
        let mut what = std::pin::pin!(what);
        loop {
            tokio::select! {
                done = &mut what => return Ok(done),
                _ = self.samples.tick() => self.sample(status).await?,
            }
        }
    }

    async fn sample(&mut self, status: &str) -> Result<()> {
        self.bed.check_running()?;
        let gateways = self.bed.stats().await?;
        self.timeline.push(Moment { at: self.start.elapsed(), gateways });
        let answers = self.traffic.answers();
        if let Some(frame) = Frame::latest(&self.timeline, status, answers.requests, answers.failed) {
            self.screen.show(&frame);
        }
        Ok(())
    }

    async fn end(self, window: Duration) -> Result<Outcome> {
        drop(self.screen);
        let answers = self.traffic.stop().await?;
        let outcome = Outcome::of_gateways(&self.timeline, window);
        let reasons = answers.reasons.into_iter().collect();
        Ok(Outcome { requests: answers.requests, failed: answers.failed, reasons, ..outcome })
    }
}
