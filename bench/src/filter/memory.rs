//! What the filter adds to the memory of an Envoy: with nothing to do, and per connection.

use anyhow::{Context, Result, ensure};
use futures::stream::{StreamExt, TryStreamExt, iter};
use serde::Serialize;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::bed::{Bed, Beds};
use super::variant::Variant;
use crate::progress::Progress;

/// Idle connections; the client's and Envoy's ends are below the 20,000 open files of small machines.
const CONNECTIONS: usize = 10_000;
/// How many connections are being opened at a time.
const OPENING: usize = 64;
/// Numbers of workers whose idle Envoys are compared.
const WORKERS: [u32; 3] = [1, 2, 4];
/// What is compared with an Envoy without filter.
const VARIANTS: [Variant; 2] = [Variant::Connection, Variant::Request];

/// The memory part of a report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Memory {
    /// Of an Envoy without connections.
    pub idle: Vec<Idle>,
    /// Of 10,000 connections that have served one request each.
    pub connections: Vec<Connections>,
}

/// An idle Envoy.
#[derive(Clone, Debug, Serialize)]
pub struct Idle {
    /// The variant.
    pub variant: Variant,
    /// `--concurrency`.
    pub workers: u32,
    /// Resident memory without the filter, in bytes.
    pub without_bytes: u64,
    /// What the variant adds, in bytes.
    pub added_bytes: i64,
}

/// An Envoy with two workers and 10,000 idle connections.
#[derive(Clone, Debug, Serialize)]
pub struct Connections {
    /// The variant.
    pub variant: Variant,
    /// How much resident memory grew with the connections without the filter, in bytes.
    pub without_bytes: u64,
    /// What the variant adds to that, in bytes.
    pub added_bytes: i64,
}

/// Measures all of it.
pub async fn measure(beds: &Beds<'_>) -> Result<Memory> {
    let steps = (WORKERS.len() + 1) * (VARIANTS.len() + 1);
    let mut progress = Progress::start("Memory, Envoys", steps as u64)?;
    let mut memory = Memory::default();
    for workers in WORKERS {
        let without = idle(beds, Variant::Plain, workers, &mut progress).await?;
        for variant in VARIANTS {
            let with = idle(beds, variant, workers, &mut progress).await?;
            let added_bytes = with.cast_signed() - without.cast_signed();
            memory.idle.push(Idle { variant, workers, without_bytes: without, added_bytes });
        }
    }
    let without = connected(beds, Variant::Plain, &mut progress).await?;
    for variant in VARIANTS {
        let with = connected(beds, variant, &mut progress).await?;
        let added_bytes = with.cast_signed() - without.cast_signed();
        memory.connections.push(Connections { variant, without_bytes: without, added_bytes });
    }
    Ok(memory)
}

/// Resident memory of an Envoy that nobody talks to.
async fn idle(beds: &Beds<'_>, variant: Variant, workers: u32, progress: &mut Progress) -> Result<u64> {
    let bed = beds.start(variant, workers).await?;
    let bytes = bed.envoy.resident_memory();
    progress.step();
    bytes
}

/// By how much resident memory grows with the connections.
async fn connected(beds: &Beds<'_>, variant: Variant, progress: &mut Progress) -> Result<u64> {
    let bed = beds.start(variant, 2).await?;
    let before = bed.envoy.resident_memory()?;
    let connections = open(&bed).await?;
    let after = bed.envoy.resident_memory()?;
    drop(connections);
    progress.step();
    Ok(after.saturating_sub(before))
}

async fn open(bed: &Bed) -> Result<Vec<TcpStream>> {
    let address = bed.address().await?;
    let opening = iter(0..CONNECTIONS).map(|_| greet(address)).buffer_unordered(OPENING);
    opening.try_collect().await.with_context(|| format!("cannot open {CONNECTIONS} connections"))
}

/// A connection with one request behind it: only then Envoy has chosen its codec.
async fn greet(address: std::net::SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /direct HTTP/1.1\r\nhost: bench\r\n\r\n").await?;
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await?;
    ensure!(answer[..length].starts_with(b"HTTP/1.1 200"), "the answer is {:?}", answer[..length].escape_ascii());
    Ok(stream)
}
