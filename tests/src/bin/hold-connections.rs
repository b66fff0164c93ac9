//! A client that opens connections, uses each once and then holds them until it is killed.
//!
//! A process of its own, so that it can be killed without a word and has its own limit of open files.
#![forbid(unsafe_code)]

use std::env;
use std::net::SocketAddr;

use anyhow::{Context, Result};
use evenkeel_tests::process::raise_open_files;
use evenkeel_tests::raw_http1::RawHttp1;
use futures::{StreamExt, TryStreamExt, stream};

/// How many are opened at a time.
const AT_A_TIME: usize = 100;

/// `hold-connections ADDRESS COUNT`; says `holding COUNT` when all are open.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let usage = "usage: hold-connections ADDRESS COUNT";
    let mut arguments = env::args().skip(1);
    let address: SocketAddr = arguments.next().context(usage)?.parse().context(usage)?;
    let count: usize = arguments.next().context(usage)?.parse().context(usage)?;
    raise_open_files(count as u64 + 100)?;
    let opening = stream::iter(0..count).map(|_| open(address)).buffer_unordered(AT_A_TIME);
    let held: Vec<RawHttp1> = opening.try_collect().await?;
    println!("holding {}", held.len());
    std::future::pending().await
}

async fn open(address: SocketAddr) -> Result<RawHttp1> {
    let mut connection = RawHttp1::connect(address).await?;
    connection.get("/direct", &[]).await?;
    Ok(connection)
}
