//! What is logged, and how.

use clap::{Args, ValueEnum};
use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// The Kubernetes client logs every failed request and the whole of an answer that it cannot read; what goes wrong is
/// told by the source.
const DEFAULT: &str = "info,kube_client=off,kube_runtime=off";

/// Flags for the log, which goes to standard error.
#[derive(Args, Debug)]
pub struct LogArguments {
    /// What to log: error, warn, info, debug or trace, also per module, such as `info,evenkeel::xds=debug`
    #[arg(long = "log", env = "RUST_LOG", global = true, default_value = DEFAULT, value_name = "FILTER")]
    filter: String,
    /// How to write the log
    #[arg(long = "log-format", global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One line for people
    Text,
    /// One JSON object per line
    Json,
}

impl LogArguments {
    /// Starts logging for the whole process.
    pub fn start(&self) -> anyhow::Result<()> {
        let filter = EnvFilter::try_new(&self.filter)
            .map_err(|error| anyhow::anyhow!("--log {:?}: {error}; use a level such as `info`", self.filter))?;
        let colours = std::io::stderr().is_terminal();
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours);
        let started = match self.format {
            Format::Text => log.try_init(),
            Format::Json => log.json().flatten_event(true).try_init(),
        };
        started.map_err(|error| anyhow::anyhow!("the log cannot be started: {error}"))
    }
}
