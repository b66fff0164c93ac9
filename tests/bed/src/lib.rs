//! Beds: the real programs that tests, the demo and the benchmarks run against.
//!
//! A bed is prepared once by `cargo xtask bed NAME` into the user's cache folder, so that a clean clone finds it.
//! Whoever needs one asks for its path and gets an error that names the command when it is missing.
#![forbid(unsafe_code)]

pub mod artifact;
pub mod cache;
pub mod clients;
pub mod digest;
pub mod envoy;
mod go_tool;
pub mod helm;
pub mod image;
pub mod istio;
pub mod kubelet;
pub mod kubernetes;
pub mod nginx;
pub mod program;

pub use envoy::EnvoyVersion;
