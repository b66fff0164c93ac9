//! What the filter decides, without Envoy: which connection drains, when, and why.
//!
//! Nothing here knows the proxy-wasm ABI, reads a clock or draws a random number: time and chance come in as
//! arguments, decisions go out as values. The filter (crate `evenkeel-filter`) carries them out in Envoy.
//!
//! - [`settings`]: the plugin configuration, parsed and checked.
//! - [`caps`]: the formula that turns a limit, a jitter and a draw into one connection's own limit.
//! - [`connections`]: the table of accepted connections: **the decision to drain is made here**.
//! - [`rebalance`]: one Envoy's side of the balance: what its workers report together, what they drain because they may.
//! - [`pool_key`]: outbound connections: the key that new requests go out under, and when it is replaced; [`pool_keys`]
//!   is the one of all destinations, [`destination_keys`] has one for each destination with caps of its own.
//! - [`write_injection`]: where a write to a client has room for the news that its connection ends, if nobody else drains.

#![forbid(unsafe_code)]

pub mod caps;
pub mod connections;
pub mod destination_keys;
pub mod duration;
pub mod pool_key;
pub mod pool_keys;
pub mod rebalance;
pub mod settings;
mod time;
pub mod write_injection;

pub use caps::Draw;
pub use connections::{Action, ConnectionId, Connections, Overdue, Verdict};
pub use destination_keys::DestinationKeys;
pub use pool_key::PoolKey;
pub use pool_keys::PoolKeys;
pub use settings::{Destination, Inbound, Outbound, Rebalance, Settings, SettingsError, Signal};
pub use time::Time;
