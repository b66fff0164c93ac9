//! One persistent client.

mod wire;

use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use self::wire::{Sender, Sent};
use super::{Counts, Steady};
use crate::client::REQUEST_TIMEOUT;

/// Requests at the asked rate until told to stop.
pub(super) async fn client(what: Steady, delay: Duration, counts: Arc<Counts>, mut stopped: watch::Receiver<bool>) {
    let mut ticks = interval_at(Instant::now() + delay, what.period());
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut client = PersistentClient { what, counts, sender: None };
    loop {
        tokio::select! {
            biased;
            // The sender gone means that nobody waits for us any more.
            _ = stopped.changed() => return,
            _ = ticks.tick() => client.request().await,
        }
    }
}

struct PersistentClient {
    what: Steady,
    counts: Arc<Counts>,
    sender: Option<Sender>,
}

impl PersistentClient {
    async fn request(&mut self) {
        let result = timeout(REQUEST_TIMEOUT, self.exchange()).await;
        self.counts.ended(result.unwrap_or_else(|_| Err("no answer in time".to_owned())));
    }

    /// A request that the connection gave back unsent goes out on a new one, as every pool does it.
    async fn exchange(&mut self) -> Result<(), String> {
        let id = next_id();
        loop {
            let mut sender = self.connected().await?;
            match sender.send(&id).await {
                Sent::Answered => {
                    self.sender = Some(sender);
                    return Ok(());
                }
                Sent::Unsent => self.counts.told_to_go(),
                Sent::Failed(reason) => {
                    self.counts.told_to_go();
                    return Err(reason);
                }
            }
        }
    }

    /// The connection of before unless the server has told it to go, else a new one.
    async fn connected(&mut self) -> Result<Sender, String> {
        if let Some(mut sender) = self.sender.take() {
            if sender.ready().await {
                return Ok(sender);
            }
            self.counts.told_to_go();
        }
        let sender = Sender::connect(self.what.target, self.what.protocol).await;
        self.counts.dialled();
        sender.map_err(|error| format!("dial: {error:#}"))
    }
}

fn next_id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("steady-{}-{}", process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
