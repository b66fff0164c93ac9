//! A service with five backends, of which some are its endpoints.

use std::fmt::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use evenkeel_tests::backend::{Backend, Options};
use evenkeel_tests::wait;

/// The target of channels to it.
pub const TARGET: &str = "greeter.default:80";
/// A cluster file without it.
pub const NO_SERVICES: &str = "services: []\n";
/// How long anything may take. What it does take is printed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Five backends at 127.0.0.1 to 127.0.0.5, all on the same port, since DNS knows only addresses.
pub struct Greeter {
    backends: Vec<Backend>,
    port: u16,
}

impl Greeter {
    /// Starts the backends.
    pub fn start() -> Result<Self> {
        // Another program may have the port of the first one at one of the other addresses.
        (0..10).fold(Self::on_one_port(), |started, _| started.or_else(|_| Self::on_one_port()))
    }

    fn on_one_port() -> Result<Self> {
        let first = Backend::start()?;
        let port = first.address().port();
        let others = hosts(1..5).into_iter().map(|host| {
            Backend::start_with(&Options { address: SocketAddr::from((host, port)), ..Options::default() })
        });
        Ok(Self { backends: [Ok(first)].into_iter().chain(others).collect::<Result<_>>()?, port })
    }

    /// The port of all backends.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The cluster file in which these backends are the endpoints.
    pub fn cluster_file(&self, backends: Range<u8>) -> String {
        let list = if backends.is_empty() { " []" } else { "" };
        let mut text = format!("services:\n- name: greeter\n  ports: [{{name: grpc, port: 80}}]\n  endpoints:{list}\n");
        for host in hosts(backends) {
            let _ = writeln!(text, "  - {{address: {host}, ports: {{grpc: {}}}}}", self.port);
        }
        text
    }

    /// How many calls each backend has served.
    pub fn served(&self) -> Vec<u64> {
        self.backends.iter().map(|backend| backend.record().total()).collect()
    }

    /// Waits until each of these backends has served so many more calls, and returns how long it took.
    pub async fn all_serve(&self, backends: Range<usize>, calls: u64) -> Result<Duration> {
        let (before, start) = (self.served(), Instant::now());
        let enough = |now: &Vec<u64>| backends.clone().all(|backend| now[backend] >= before[backend] + calls);
        let what = format!("{calls} calls at each of the backends {backends:?} beyond {before:?}");
        wait::until(&what, PATIENCE, async || Ok(self.served()), enough).await?;
        Ok(start.elapsed())
    }

    /// Waits until no backend serves anything for a moment in which a channel makes dozens of calls.
    pub async fn nobody_serves(&self) -> Result<()> {
        let more = async || {
            let before = self.served();
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(self.served() != before)
        };
        wait::until("no more calls to be served", PATIENCE, more, |more| !more).await.map(drop)
    }

    /// The calls that each backend serves while every one of these serves at least `calls`.
    pub async fn shares(&self, backends: Range<usize>, calls: u64) -> Result<Vec<u64>> {
        let before = self.served();
        self.all_serve(backends, calls).await?;
        Ok(self.served().iter().zip(before).map(|(now, before)| now - before).collect())
    }
}

/// The addresses of these backends, from 0.
pub fn hosts(backends: Range<u8>) -> Vec<Ipv4Addr> {
    backends.map(|backend| Ipv4Addr::new(127, 0, 0, backend + 1)).collect()
}

/// The shares of a round robin differ by the calls that are under way, and by where it started.
pub fn ensure_even(shares: &[u64]) -> Result<()> {
    let (least, most) = (shares.iter().min().unwrap_or(&0), shares.iter().max().unwrap_or(&0));
    ensure!(most - least <= most / 5, "not even: {shares:?}");
    Ok(())
}
