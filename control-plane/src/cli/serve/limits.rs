//! Flags for what clients may take.

use crate::xds::server::Limits;
use clap::Args;
use std::time::Duration;

/// Limits of the xDS port.
#[derive(Args, Debug)]
pub struct LimitArguments {
    /// End streams that are older than this, so that clients spread over replicas; 0s for never
    #[arg(
        long = "max-stream-age",
        value_name = "DURATION",
        default_value = "30m",
        value_parser = humantime::parse_duration
    )]
    stream_age: Duration,
    /// Refuse more discovery streams than this; Envoy opens one per cluster unless it uses the aggregated service
    #[arg(long = "max-streams", value_name = "NUMBER", default_value_t = Limits::default().streams)]
    streams: usize,
    /// Close more connections than this from one address; a proxy needs one
    #[arg(
        long = "max-connections-per-address",
        value_name = "NUMBER",
        default_value_t = Limits::default().connections_per_address
    )]
    connections_per_address: usize,
}

impl LimitArguments {
    /// The limits that the flags ask for.
    pub fn limits(&self) -> Limits {
        Limits {
            stream_age: Some(self.stream_age).filter(|age| !age.is_zero()),
            streams: self.streams,
            connections_per_address: self.connections_per_address,
            ..Limits::default()
        }
    }
}
