//! The server over real sockets, with real gRPC clients: in this process, and as the program that is shipped.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the whole crate is tests and what they are made of"
)]

mod beside;
mod certificates;
mod client;
mod clients;
mod filter;
mod flags;
mod lifecycle;
mod limits;
mod program;
mod rebalance;
mod server;
mod status;
mod tls;
mod transports;
