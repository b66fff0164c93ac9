//! One plugin: its settings, its part of the worker's connections, and the host calls that carry decisions out.
//!
//! Envoy makes a new root context for each new configuration of a plugin and keeps the old one, ticking, while streams
//! of it live. Settings and connections therefore belong to the plugin, which Envoy knows by its `name`, and only its
//! current root acts.

use evenkeel_filter_core::{Action, ConnectionId, Connections, PoolKey, PoolKeys, Settings, Time, Verdict};

use crate::host::{ContextId, Host};
use crate::metrics::{Metrics, Told};

/// The filter state that the drain filter's matcher looks for is `wasm.` and this.
const DRAIN_MARK: &str = "ek_drain";
/// The filter state that the pool-key filter shares with the upstream is `wasm.` and this.
const POOL_KEY: &str = "ek_pool";

/// A plugin of this VM, identified by the `name` in its `PluginConfig`.
#[derive(Debug)]
pub struct Plugin {
    name: Vec<u8>,
    current_root: ContextId,
    connections: Connections,
    pool_keys: PoolKeys,
    told: Told,
}

impl Plugin {
    /// A plugin that has no settings yet.
    pub fn new(name: Vec<u8>) -> Self {
        Self {
            name,
            current_root: 0,
            connections: Connections::default(),
            pool_keys: PoolKeys::default(),
            told: Told::default(),
        }
    }

    /// The `name` in its `PluginConfig`.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// Whether `root` is the root that acts.
    pub fn acts_through(&self, root: ContextId) -> bool {
        self.current_root == root
    }

    /// Puts the settings of a root in force, for open connections as well; `root` is the current context.
    pub fn configure(&mut self, host: &impl Host, root: ContextId, settings: &Settings) {
        self.current_root = root;
        self.connections.configure(settings.inbound.unwrap_or_default());
        self.pool_keys.configure(settings.outbound);
        host.set_tick_period(settings.tick_period());
    }

    /// A connection was accepted; it is the current context.
    pub fn opened(&mut self, host: &impl Host, id: ConnectionId, now: Time) {
        self.connections.opened(id, now, host.draw());
        if let Some(key) = self.pool_keys.opened(id, now, || host.draw()) {
            host.set_property(POOL_KEY, &key.to_string());
        }
    }

    /// A request began on `id`; its stream is the current context.
    pub fn request(&mut self, host: &impl Host, id: ConnectionId, now: Time) {
        if self.connections.request(id, now) == Verdict::Drain {
            host.set_property(DRAIN_MARK, "1");
        }
        if let Some(key) = self.pool_keys.request(id, now, || host.draw()) {
            give(host, id, key);
        }
    }

    /// A stream of `id` ended.
    pub fn stream_ended(&mut self, id: ConnectionId) {
        self.connections.stream_ended(id);
    }

    /// A connection was closed.
    pub fn closed(&mut self, host: &impl Host, metrics: &Metrics, id: ConnectionId) {
        self.connections.closed(id);
        self.pool_keys.closed(id);
        // The root of a removed listener ends with its last connection: no tick would tell of that one.
        if self.connections.is_empty() {
            self.tell(host, metrics);
        }
    }

    /// Looks at every connection.
    pub fn tick(&mut self, host: &impl Host, metrics: &Metrics, now: Time) {
        for (id, action) in self.connections.tick(now) {
            carry_out(host, id, action);
        }
        for (id, key) in self.pool_keys.tick(now, || host.draw()) {
            give(host, id, key);
        }
        self.tell(host, metrics);
    }

    fn tell(&mut self, host: &impl Host, metrics: &Metrics) {
        metrics.tell(host, &mut self.told, self.connections.load(), self.pool_keys.rotated());
    }
}

fn carry_out(host: &impl Host, id: ConnectionId, action: Action) {
    host.enter(id.0);
    match action {
        Action::Drain => host.set_property(DRAIN_MARK, "1"),
        Action::Close => host.close_connection(),
    }
}

fn give(host: &impl Host, id: ConnectionId, key: PoolKey) {
    host.enter(id.0);
    host.set_property(POOL_KEY, &key.to_string());
}
