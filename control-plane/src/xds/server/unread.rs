//! Cuts off clients that do not read.
//!
//! The transport asks a stream for nothing while its client gives it no room, so the stream cannot notice by itself. A
//! client that takes nothing off the socket does not answer HTTP/2 pings either and is closed by those; this is for one
//! that answers pings and reads no messages.

use super::clients::Clients;
use crate::xds::metrics::XdsMetrics;
use std::convert::Infallible;
use std::time::{Duration, Instant};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

/// Looks so often within the limit.
const LOOKS: u32 = 4;

/// Closes the connections of clients that have not taken a response for so long.
pub(super) async fn cut_off(clients: Clients, limit: Duration, metrics: XdsMetrics) -> Infallible {
    let mut looks = interval((limit / LOOKS).max(Duration::from_millis(1)));
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let Some(then) = Instant::now().checked_sub(limit) else { continue };
        for (client, peer) in clients.unread_before(then) {
            let node = client.node.map_or_else(String::new, |node| node.id);
            warn!(node, peer = %client.peer, "the connection is closed: its client does not read what it is sent");
            metrics.ended("unread");
            peer.close();
        }
    }
}
