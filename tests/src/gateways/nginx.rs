//! A gateway that is an nginx: it closes a connection after a number of requests (`keepalive_requests`), whatever the
//! others have.

mod status;

use std::fmt::Write as _;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use evenkeel_bed::nginx;
use tempfile::TempDir;

use self::status::Status;
use super::gateway::GatewayStats;
use crate::process::Process;
use crate::wait;

/// How long a start may take.
const START: Duration = Duration::from_secs(20);
/// Where it says what it counts, in its folder.
const STATUS: &str = "status.sock";

/// A running nginx; it ends when dropped.
#[derive(Debug)]
pub(super) struct Nginx {
    process: Process,
    status: Status,
    _folder: TempDir,
}

impl Nginx {
    /// Starts one in front of the backends and waits until it serves; returns where.
    ///
    /// # Errors
    /// When the bed is missing, or nginx refuses its configuration: the error has the end of its log.
    pub(super) async fn start(
        pod: IpAddr,
        keepalive_requests: u32,
        backends: &[SocketAddr],
    ) -> Result<(Self, SocketAddr)> {
        let folder = tempfile::tempdir().context("cannot create a folder for nginx")?;
        let address = free_port(pod)?;
        let socket = folder.path().join(STATUS);
        let text = configuration(address, keepalive_requests, backends, &socket);
        fs::write(folder.path().join("nginx.conf"), text).context("cannot write nginx.conf")?;
        let mut process = spawn(folder.path())?;
        let serves = async || Ok(process.check_running().map(|()| socket.exists()));
        wait::until("nginx to start", START, serves, |serves| !matches!(serves, Ok(false))).await??;
        let status = Status::connect(&socket).await?;
        Ok((Self { process, status, _folder: folder }, address))
    }

    /// Fails when it has ended.
    pub(super) fn check_running(&mut self) -> Result<()> {
        self.process.check_running()
    }

    /// What it says now.
    pub(super) async fn stats(&self) -> Result<GatewayStats> {
        self.status.ask().await
    }
}

fn spawn(folder: &Path) -> Result<Process> {
    let mut command = Command::new(nginx::find()?);
    command.arg("-p").arg(folder).args(["-c", "nginx.conf", "-e", "stderr"]).current_dir(folder);
    Process::spawn("nginx", command, &folder.join("log"))
}

/// nginx cannot say which port it was given, so it is not asked for any. Pods have addresses of their own, where nobody
/// else looks for a port.
fn free_port(pod: IpAddr) -> Result<SocketAddr> {
    let probe = TcpListener::bind((pod, 0)).with_context(|| format!("no free port on {pod}"))?;
    Ok(probe.local_addr()?)
}

/// One process, as an Envoy with one worker is, and one that ends with us: workers of a master that was killed would stay.
fn configuration(address: SocketAddr, keepalive_requests: u32, backends: &[SocketAddr], status: &Path) -> String {
    let mut servers = String::new();
    for backend in backends {
        // Writing to a String cannot fail.
        let _ = write!(servers, "server {backend}; ");
    }
    let status = status.display();
    format!(
        "\
daemon off;
master_process off;
pid nginx.pid;
events {{ worker_connections 8192; }}
http {{
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  upstream backends {{ {servers}keepalive 256; }}
  server {{
    listen {address} backlog=4096;
    keepalive_requests {keepalive_requests};
    keepalive_timeout 1h;
    location / {{
      proxy_pass http://backends;
      proxy_http_version 1.1;
      proxy_set_header Connection \"\";
    }}
  }}
  server {{
    listen unix:{status};
    keepalive_requests 1000000000;
    keepalive_timeout 1d;
    location / {{ stub_status; }}
  }}
}}
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_the_limit_and_every_backend() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let backends = [address("127.0.0.1:81"), address("127.0.0.1:82")];
        let text = configuration(address("127.0.0.2:80"), 60, &backends, Path::new("/folder/status.sock"));
        let lines = [
            "listen 127.0.0.2:80 ",
            "keepalive_requests 60;",
            "{ server 127.0.0.1:81; server 127.0.0.1:82; keepalive 256; }",
            "listen unix:/folder/status.sock;",
        ];
        for line in lines {
            assert!(text.contains(line), "{line} in {text}");
        }
    }
}
