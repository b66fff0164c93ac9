//! A gRPC channel that lives as long as a test wants, in a client of the ecosystem.

use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::spawn_blocking;

use super::{Client, Outcome, external};
use crate::process::Process;

/// Much longer than a call takes.
const LAST_CALLS: Duration = Duration::from_mins(1);

/// A channel that sends unary calls, four at a time and with pauses, until it is stopped or dropped.
#[derive(Debug)]
pub struct Channel {
    process: Process,
    _folder: TempDir,
}

/// What a channel is opened to.
#[derive(Clone, Debug)]
pub struct Target {
    client: Client,
    name: String,
    control_plane: Option<SocketAddr>,
}

impl Target {
    /// The target `xds:///NAME`, looked up at this control plane.
    pub fn xds(client: Client, name: &str, control_plane: SocketAddr) -> Self {
        Self { client, name: format!("xds:///{name}"), control_plane: Some(control_plane) }
    }

    /// A target that is looked up at this DNS server.
    pub fn dns(client: Client, name: &str, server: SocketAddr) -> Self {
        Self { client, name: format!("dns://{server}/{name}"), control_plane: None }
    }

    /// Opens a channel that goes on until it is stopped.
    ///
    /// # Errors
    /// When the client is not there (the text names the command).
    pub fn open(&self) -> Result<Channel> {
        self.start(&["--steady", "--concurrency", "4", "--pause-millis", "5"])
    }

    /// What becomes of a call on a channel of its own, and of another one a second after its end.
    pub async fn call_twice(&self) -> Result<Outcome> {
        let channel = self.start(&["--requests", "2", "--pause-millis", "1000"])?;
        channel.end(|process| process.wait(LAST_CALLS).map(drop)).await
    }

    /// The channel balances round robin, unless what it asks for its target knows better.
    fn start(&self, arguments: &[&str]) -> Result<Channel> {
        let folder = tempfile::tempdir()?;
        let mut command = external::program(self.client)?;
        command.args(["--target", &self.name, "--kind", "unary", "--round-robin"]).args(arguments);
        // Of the resolvers of gRPC's C core, this one asks the server that the target names.
        command.env("GRPC_DNS_RESOLVER", "ares");
        if let Some(control_plane) = self.control_plane {
            let file = folder.path().join("bootstrap.json");
            fs::write(&file, bootstrap(control_plane).to_string())?;
            command.env("GRPC_XDS_BOOTSTRAP", file);
        }
        let process = Process::spawn(self.client.name(), command, &folder.path().join("log"))?;
        Ok(Channel { process, _folder: folder })
    }
}

impl Channel {
    /// Stops it when its last calls are answered, and says what became of all calls.
    pub async fn stop(self) -> Result<Outcome> {
        self.end(|process| process.terminate(LAST_CALLS).map(drop)).await
    }

    async fn end(mut self, end: impl FnOnce(&mut Process) -> Result<()> + Send + 'static) -> Result<Outcome> {
        spawn_blocking(move || {
            end(&mut self.process)?;
            external::last_line(&self.process).with_context(|| self.process.log_tail())
        })
        .await
        .context("waiting for the client has panicked")?
    }
}

/// The bootstrap of gRPC's xDS clients, as proposal A27 describes it.
fn bootstrap(control_plane: SocketAddr) -> Value {
    json!({
        "xds_servers": [{
            "server_uri": control_plane.to_string(),
            "channel_creds": [{"type": "insecure"}],
            "server_features": ["xds_v3"],
        }],
        "node": {"id": "grpc-client", "locality": {"region": "europe", "zone": "a"}},
    })
}
