//! What the filter adds to the memory of an Envoy: with nothing to do, and per connection.

use std::net::SocketAddr;

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
/// Workers of the Envoys that get the connections.
const WORKERS_OF_CONNECTIONS: u32 = 2;
/// What is compared with an Envoy without filter.
const VARIANTS: [Variant; 2] = [Variant::Connection, Variant::Request];

/// The memory part of a report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Memory {
    /// Of Envoys without connections.
    pub idle: Vec<Comparison>,
    /// Of 10,000 connections that have served one request each.
    pub per_10000_connections: Vec<Comparison>,
}

/// Resident memory of two Envoys that differ by the filter.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Which filters.
    pub variant: Variant,
    /// `--concurrency`.
    pub workers: u32,
    /// Without them, in bytes.
    pub without_bytes: u64,
    /// What they add, in bytes.
    pub added_bytes: i64,
}

/// Measures all of it.
pub async fn measure(beds: &Beds<'_>) -> Result<Memory> {
    let steps = (WORKERS.len() + 1) * (VARIANTS.len() + 1);
    let mut progress = Progress::start("Memory, Envoys", steps as u64)?;
    let mut memory = Memory::default();
    for workers in WORKERS {
        memory.idle.extend(compare(beds, workers, idle, &mut progress).await?);
    }
    memory.per_10000_connections = compare(beds, WORKERS_OF_CONNECTIONS, connections, &mut progress).await?;
    Ok(memory)
}

/// Measures an Envoy without the filter, then one of each variant.
async fn compare(
    beds: &Beds<'_>,
    workers: u32,
    measure: impl AsyncFn(&Bed) -> Result<u64>,
    progress: &mut Progress,
) -> Result<Vec<Comparison>> {
    let mut of = async |variant| {
        let bytes = measure(&beds.start(variant, workers).await?).await?;
        progress.step();
        anyhow::Ok(bytes)
    };
    let without_bytes = of(Variant::Plain).await?;
    let mut compared = Vec::new();
    for variant in VARIANTS {
        let added_bytes = of(variant).await?.cast_signed() - without_bytes.cast_signed();
        compared.push(Comparison { variant, workers, without_bytes, added_bytes });
    }
    Ok(compared)
}

/// Resident memory of an Envoy that nobody talks to.
async fn idle(bed: &Bed) -> Result<u64> {
    bed.envoy.resident_memory()
}

/// By how much resident memory grows with the connections.
async fn connections(bed: &Bed) -> Result<u64> {
    let before = bed.envoy.resident_memory()?;
    let connections = open(bed).await?;
    let after = bed.envoy.resident_memory()?;
    drop(connections);
    Ok(after.saturating_sub(before))
}

async fn open(bed: &Bed) -> Result<Vec<TcpStream>> {
    let address = bed.address().await?;
    let opening = iter(0..CONNECTIONS).map(|_| greet(address)).buffer_unordered(OPENING);
    opening.try_collect().await.with_context(|| format!("cannot open {CONNECTIONS} connections"))
}

/// A connection with one request behind it: only then Envoy has chosen its codec.
async fn greet(address: SocketAddr) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(b"GET /direct HTTP/1.1\r\nhost: bench\r\n\r\n").await?;
    let mut answer = [0; 1024];
    let length = stream.read(&mut answer).await?;
    ensure!(answer[..length].starts_with(b"HTTP/1.1 200"), "the answer is {:?}", answer[..length].escape_ascii());
    Ok(stream)
}
