//! The measurement: rounds of bursts, every variant in both protocols once per round, in random order.

use std::time::Duration;

use anyhow::Result;
use rand::seq::SliceRandom;

use super::bed::{Bed, Beds};
use super::load::{Load, Protocol};
use super::processors::Processors;
use super::samples::{Sample, Samples};
use super::variant::{REQUESTS_PER_KEY, Variant};
use crate::progress::Progress;

/// Requests of one burst. Short, so that a round is over before the machine's speed has changed much: neighbours on a
/// shared machine make values a second apart differ by more than the filter does.
const BURST: u32 = 400;
/// Requests before a burst: they bring this Envoy's code and data back into the caches.
const RUN_UP: u32 = 200;
/// Rounds before the first that counts: V8 compiles what is used often a second time, better.
const WARM_UP: u32 = 10;
/// The filter tells its metrics once a second.
const PATIENCE: Duration = Duration::from_secs(5);

/// One Envoy and one protocol.
struct Subject<'a> {
    bed: &'a Bed,
    protocol: Protocol,
    load: Load,
}

/// Measures CPU time per request, in microseconds, of every variant in both protocols.
pub async fn measure(beds: &Beds<'_>, processors: Processors, rounds: u32) -> Result<Samples> {
    let started = start_all(beds, processors).await?;
    let mut subjects = connect(&started).await?;
    let mut samples = Samples::default();
    let mut progress = Progress::start("CPU per request, rounds", u64::from(WARM_UP + rounds))?;
    for round in 0..WARM_UP + rounds {
        let values = play(&mut subjects).await?;
        if round >= WARM_UP {
            samples.extend(values);
        }
        progress.step();
    }
    for bed in &started {
        check_filter(bed, WARM_UP + rounds).await?;
    }
    Ok(samples)
}

async fn connect(started: &[Bed]) -> Result<Vec<Subject<'_>>> {
    let mut subjects = Vec::new();
    for bed in started {
        for protocol in Protocol::ALL {
            subjects.push(Subject { bed, protocol, load: bed.load(protocol).await? });
        }
    }
    Ok(subjects)
}

/// One round: in random order, but what is compared stays close together.
async fn play(subjects: &mut [Subject<'_>]) -> Result<Vec<Sample>> {
    subjects.shuffle(&mut rand::rng());
    subjects.sort_by_key(|subject| subject.protocol);
    let mut values = Vec::with_capacity(subjects.len());
    for subject in subjects {
        let spent = burst(subject.bed, &mut subject.load).await?;
        let microseconds = spent.as_secs_f64() * 1e6 / f64::from(BURST);
        values.push(Sample { variant: subject.bed.variant, protocol: subject.protocol, microseconds });
    }
    Ok(values)
}

async fn start_all(beds: &Beds<'_>, processors: Processors) -> Result<Vec<Bed>> {
    let mut started = Vec::new();
    for variant in Variant::ALL {
        let mut bed = beds.start(variant, 1).await?;
        processors.bind_envoy(bed.envoy.process().id())?;
        started.push(bed);
    }
    Ok(started)
}

/// CPU time of one burst.
async fn burst(bed: &Bed, load: &mut Load) -> Result<Duration> {
    load.send(RUN_UP).await?;
    let before = bed.envoy.cpu_time()?;
    load.send(BURST).await?;
    Ok(bed.envoy.cpu_time()?.saturating_sub(before))
}

/// The filter must have seen the load: else what was measured is an Envoy without it.
async fn check_filter(bed: &Bed, rounds: u32) -> Result<()> {
    let connections: usize = Protocol::ALL.iter().map(|protocol| protocol.shape().0).sum();
    let requests = u64::from(rounds) * u64::from(RUN_UP + BURST) * Protocol::ALL.len() as u64;
    let expect = async |stat, value| bed.envoy.stat_until(stat, |seen| seen == value, PATIENCE).await;
    if matches!(bed.variant, Variant::Connection | Variant::Request) {
        expect("wasmcustom.evenkeel.connections_live", connections as u64).await?;
    }
    if bed.variant == Variant::Request {
        expect("wasmcustom.evenkeel.requests", requests).await?;
    }
    if bed.variant == Variant::Outbound {
        let destinations = Protocol::ALL.len() as u64;
        let rotated = (requests / destinations - 1) / u64::from(REQUESTS_PER_KEY) * destinations;
        expect("wasmcustom.evenkeel.keys_rotated", rotated).await?;
    }
    Ok(())
}
