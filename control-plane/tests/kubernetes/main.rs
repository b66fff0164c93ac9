//! The Kubernetes source against an API server in this process, for what a real one does only with luck.
#![allow(
    clippy::expect_used,
    clippy::float_cmp,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the whole crate is tests and what they are made of"
)]

mod api_server;
mod followed;
mod lists;
mod program;
mod watches;
