//! The proxy-wasm filter: a thin edge between Envoy and `evenkeel-filter-core`, which decides.
//!
//! Three roots of one module share one VM per worker:
//!
//! - `evenkeel.connection`, a NETWORK filter in front of the HTTP connection manager: its stream context is the
//!   connection. It keeps the table and acts on its tick; it costs nothing per request. With the section `rebalance` it
//!   reports to the control plane.
//! - `evenkeel.request`, an HTTP filter: it counts requests and active streams for the same table.
//! - `evenkeel.outbound`, an HTTP filter that needs neither: it gives requests to capped destinations their pool key.
//!
//! Draining is a mark in filter state (`wasm.ek_drain` = `1`), which a Lua filter behind a matcher turns into
//! `drainConnectionUponCompletion()`: no host call drains, and Envoy strips a `connection: close` that a filter sets.
//!
//! With the feature `write-injection` it is another module, `target/evenkeel-caps.wasm`, for who cannot add that Lua filter (an
//! Istio `WasmPlugin`): `evenkeel.connection` alone, with `inbound` alone, which puts the news into what is written to the
//! client. Envoy then calls it for every write of every connection, so the other module does not have that.

#[cfg(target_arch = "wasm32")]
mod abi;
pub mod grpc;
pub mod host;
mod metrics;
mod outbound;
mod plugin;
mod reporter;
pub mod vm;
mod write_injection;
