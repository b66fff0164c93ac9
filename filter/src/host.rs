//! What the filter asks of Envoy: every host call, behind one trait, so that all that follows from them is tested
//! without Envoy.

use std::time::Duration;

use evenkeel_filter_core::{Draw, Time};

use crate::grpc::Call;

/// A proxy-wasm context: a root (one plugin configuration), an accepted connection, or an HTTP stream.
pub type ContextId = u32;

/// A metric that Envoy made for the filter.
pub type MetricId = u32;

/// A gRPC call that is under way.
pub type CallId = u32;

/// The version of a value in shared data; 0 is none.
pub type Version = u32;

/// Severity of a log line, as proxy-wasm numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Severity {
    /// Something the filter did on its own that an operator wants to know.
    Info = 2,
    /// The filter goes on, but not as configured.
    Warn = 3,
    /// The filter refused something.
    Error = 4,
    /// The VM is lost.
    Critical = 5,
}

/// Kind of a metric, as proxy-wasm numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum MetricKind {
    /// Only grows.
    Counter = 0,
    /// Changed by increments of both signs: workers would overwrite each other's absolute values.
    Gauge = 1,
}

/// The host calls. Each acts on the current context, which is the one that Envoy called, until [`Host::enter`].
pub trait Host {
    /// A line in Envoy's log.
    fn log(&self, severity: Severity, line: &str);
    /// The monotonic clock.
    fn now(&self) -> Time;
    /// 64 random bits.
    fn random(&self) -> u64;
    /// A uniform draw.
    fn draw(&self) -> Draw {
        Draw::from_random_bits(self.random())
    }
    /// The value of an attribute, as bytes; none when Envoy has no such attribute here.
    fn property(&self, path: &str) -> Option<Vec<u8>>;
    /// Sets the filter state `wasm.NAME`; on a connection all its requests inherit it.
    fn set_property(&self, name: &str, value: &str);
    /// Makes `context` the current one until the callback returns.
    fn enter(&self, context: ContextId);
    /// Closes the current context's accepted connection after what was written is flushed.
    fn close_connection(&self);
    /// Calls the current root's tick each `period`; never when it is zero.
    fn set_tick_period(&self, period: Duration);
    /// The plugin configuration of the root that is being configured.
    fn plugin_configuration(&self) -> Vec<u8>;
    /// Makes a metric or finds the one that has this name.
    fn define_metric(&self, kind: MetricKind, name: &str) -> MetricId;
    /// Adds to a metric.
    fn increment_metric(&self, metric: MetricId, by: i64);
    /// What all VMs with the same `vm_id` share under `key`.
    fn shared_data(&self, key: &str) -> Option<(Vec<u8>, Version)>;
    /// Replaces it, unless its version is not this one any more, or there is one although `version` is none.
    fn set_shared_data(&self, key: &str, value: &[u8], version: Option<Version>) -> bool;
    /// Begins a gRPC call on behalf of the current root; none when Envoy does not.
    fn call(&self, call: &Call<'_>, timeout: Duration) -> Option<CallId>;
    /// The answer to the call that just has one.
    fn answer(&self) -> Vec<u8>;
    /// What the sender of a gRPC status says of it, in the callback that has one.
    fn status_message(&self) -> String;
}

/// What only the module with the feature `write-injection` asks of Envoy, while Envoy writes to the current connection.
pub trait WriteHost: Host {
    /// At most `max` bytes of what is being written, from `start` on.
    fn written(&self, start: usize, max: usize) -> Vec<u8>;
    /// Puts bytes in front of it; whether Envoy has done so.
    fn prepend(&self, bytes: &[u8]) -> bool;
    /// Puts bytes in the place of all of it; whether Envoy has done so.
    fn replace(&self, bytes: &[u8]) -> bool;
}
