//! One plugin: its settings, its part of the worker's connections, and the host calls that carry decisions out.
//!
//! Envoy makes a new root context for each new configuration of a plugin and keeps the old one, ticking, while streams
//! of it live. Settings and connections therefore belong to the plugin, which Envoy knows by its `name`, and only its
//! current root acts.

use std::time::Duration;

use evenkeel_filter_core::rebalance::WorkerId;
use evenkeel_filter_core::{
    Action, ConnectionId, Connections, Outbound, Overdue, PoolKey, PoolKeys, Rebalance, Settings, Signal, Time, Verdict,
};

use crate::grpc::Failure;
use crate::host::{CallId, ContextId, Host, WriteHost};
use crate::metrics::{Metrics, Record, Told};
use crate::reporter::{Activity, Reporter};
use crate::write_injection::WriteInjection;

/// The filter state that the drain filter's matcher looks for is `wasm.` and this.
const DRAIN_MARK: &str = "ek_drain";
/// The filter state that the pool-key filter shares with the upstream is `wasm.` and this.
pub const POOL_KEY: &str = "ek_pool";

/// A plugin of this VM, identified by the `name` in its `PluginConfig`.
#[derive(Debug)]
pub struct Plugin {
    name: Vec<u8>,
    current_root: ContextId,
    settings: Settings,
    tick_period: Duration,
    connections: Connections,
    pool_keys: PoolKeys,
    write_injection: WriteInjection,
    reporter: Option<Reporter>,
    /// What the reporters did until now, the one before an edit as well.
    activity: Activity,
    told: Told,
}

impl Plugin {
    /// A plugin that has no settings yet.
    pub fn new(name: Vec<u8>) -> Self {
        Self {
            name,
            current_root: 0,
            settings: Settings::default(),
            tick_period: Duration::ZERO,
            connections: Connections::default(),
            pool_keys: PoolKeys::default(),
            write_injection: WriteInjection::default(),
            reporter: None,
            activity: Activity::default(),
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
        self.settings = settings.clone();
        // Where drains have a rate, an edit that makes many connections overdue at once keeps to it as well.
        let overdue = if settings.rebalance.is_some() { Overdue::Limited } else { Overdue::AtOnce };
        self.connections.configure(host.now(), settings.inbound.unwrap_or_default(), overdue);
        self.pool_keys.configure(settings.outbound.as_ref().and_then(Outbound::rotation));
        self.report_as(host, settings.rebalance.as_ref());
        self.tick_period = Duration::ZERO;
        self.serve(host, settings.rebalance.as_ref().map(|rebalance| rebalance.interval));
    }

    fn report_as(&mut self, host: &impl Host, rebalance: Option<&Rebalance>) {
        self.note_activity();
        let reporter = self.reporter.take();
        self.reporter = rebalance.map(|settings| match reporter {
            Some(reporter) => reporter.configured(settings.clone()),
            None => Reporter::new(&self.name, WorkerId(host.random()), &self.connections, settings.clone()),
        });
    }

    /// Sets the tick period that serves all limits and this report interval; the current root is the current context.
    fn serve(&mut self, host: &impl Host, report_interval: Option<Duration>) {
        let period = self.settings.tick_period(report_interval);
        if period != self.tick_period {
            self.tick_period = period;
            host.set_tick_period(period);
        }
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

    /// So many bytes are being written to `id`, which is the current context.
    pub fn written(&mut self, host: &impl WriteHost, id: ConnectionId, size: usize) {
        self.write_injection.written(host, &mut self.connections, id, size);
    }

    /// A connection was closed.
    pub fn closed(&mut self, host: &impl Host, metrics: &Metrics, id: ConnectionId) {
        self.connections.closed(id);
        self.pool_keys.closed(id);
        self.write_injection.closed(id);
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
        self.rebalance(host, now);
        for (id, key) in self.pool_keys.tick(now, || host.draw()) {
            give(host, id, key);
        }
        self.tell(host, metrics);
    }

    /// Whether nothing is remembered of what was written.
    #[cfg(test)]
    pub fn has_forgotten_writes(&self) -> bool {
        self.write_injection.is_idle()
    }

    /// Whether `call` is a report of this plugin.
    pub fn awaits(&self, call: CallId) -> bool {
        self.reporter.as_ref().is_some_and(|reporter| reporter.awaits(call))
    }

    /// The report that it awaits the answer to has one, or none; its root, `root`, is the current context.
    pub fn answered(&mut self, host: &impl Host, root: ContextId, now: Time, answer: Result<Vec<u8>, Failure>) {
        let Some(reporter) = &mut self.reporter else { return };
        let interval = match answer {
            Ok(message) => reporter.answered(host, now, &message),
            Err(failure) => reporter.refused(host, now, &failure),
        };
        if self.acts_through(root) && interval.is_some() {
            self.serve(host, interval);
        }
    }

    fn rebalance(&mut self, host: &impl Host, now: Time) {
        let Some(reporter) = &mut self.reporter else { return };
        if reporter.settings().signal == Signal::Requests {
            self.connections.measure_request_rates(now);
        }
        // Reports and ticks belong to the root; a connection may have been the current context.
        host.enter(self.current_root);
        let outcome = reporter.tick(host, &self.connections, now, self.tick_period);
        if outcome.interval.is_some() {
            self.serve(host, outcome.interval);
        }
        self.connections.drain(now, &outcome.choice);
        for id in outcome.choice.ids() {
            carry_out(host, id, Action::Drain);
        }
    }

    fn note_activity(&mut self) {
        if let Some(reporter) = &mut self.reporter {
            self.activity.add(reporter.take_activity());
        }
    }

    fn tell(&mut self, host: &impl Host, metrics: &Metrics) {
        self.note_activity();
        let record =
            Record { load: self.connections.load(), keys_rotated: self.pool_keys.rotated(), reports: self.activity };
        metrics.tell(host, &mut self.told, record);
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
