//! How the process ends: at a signal, and not before everybody was told.

use crate::admin::Readiness;
use anyhow::bail;
use std::pin::pin;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

/// Clients that have not taken the end of their streams by then are cut off.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(3);

/// The time in which the process serves.
#[derive(Clone, Debug, Default)]
pub struct Lifetime {
    /// Says that it is over.
    pub shutdown: CancellationToken,
    /// What has something to give back then.
    pub farewells: TaskTracker,
}

impl Lifetime {
    /// Serves until the signal; then what is served and the farewells have a moment to end.
    pub async fn serve_until(
        self,
        stop: impl Future<Output = &'static str>,
        served: impl Future<Output = ()>,
        readiness: &Readiness,
    ) -> anyhow::Result<()> {
        let mut served = pin!(served);
        tokio::select! {
            () = &mut served => bail!("the xDS server has ended"),
            signal = stop => info!(signal, "stopping"),
        }
        readiness.block("shutdown", "the process is stopping");
        self.shutdown.cancel();
        self.farewells.close();
        if timeout(SHUTDOWN_GRACE, async { tokio::join!(served, self.farewells.wait()) }).await.is_err() {
            warn!("clients that did not take the end of their streams are cut off");
        }
        Ok(())
    }
}

/// Installs the handlers; the result completes at the first SIGTERM or SIGINT.
pub fn stop_signal() -> std::io::Result<impl Future<Output = &'static str>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        }
    })
}
