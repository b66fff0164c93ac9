//! One worker's VM: which context is which, and to which plugin each event goes.

use std::time::Duration;

use evenkeel_filter_core::{ConnectionId, Settings, Time};
use rustc_hash::FxHashMap;

use crate::grpc::Failure;
use crate::host::{CallId, ContextId, Host, Severity, WriteHost};
use crate::metrics::Metrics;
use crate::outbound::OutboundPlugins;
use crate::plugin::Plugin;
use crate::write_injection::refusal;

/// `root_id` of the network filter in front of the HTTP connection manager.
pub const CONNECTION: &str = "evenkeel.connection";
/// `root_id` of the HTTP filter that counts requests.
pub const REQUEST: &str = "evenkeel.request";
/// `root_id` of the HTTP filter that gives requests the key of their destination.
pub const OUTBOUND: &str = "evenkeel.outbound";

/// What a module can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// All there is, with other filters that drain.
    Whole,
    /// Caps on accepted connections, without any other filter.
    Caps,
}

impl Module {
    /// What this one was built for.
    pub const BUILT: Self = if cfg!(feature = "write-injection") { Self::Caps } else { Self::Whole };
}

/// Everything that one VM knows. Envoy runs one per worker (and one on the main thread, which accepts nothing).
#[derive(Debug)]
pub struct Vm<H> {
    host: H,
    module: Module,
    metrics: Option<Metrics>,
    plugins: Vec<Plugin>,
    /// The roots of network filters, the superseded ones as well.
    roots: Vec<Root>,
    /// Context of a connection that is not accepted yet -> index of its plugin.
    created: FxHashMap<ContextId, usize>,
    /// Context of an accepted connection -> index of its plugin, and Envoy's own id of the connection.
    connections: FxHashMap<ContextId, (usize, u64)>,
    /// Envoy's id of a connection -> its context: how a request finds its connection.
    contexts: FxHashMap<u64, ContextId>,
    /// Context of an HTTP stream -> context of its connection.
    streams: FxHashMap<ContextId, ContextId>,
    outbound: OutboundPlugins,
    /// The clock as of the last tick or new connection: requests do not ask for it.
    now: Time,
}

/// One configuration of a plugin. Envoy keeps it while connections of it live, and takes it up again, without a word,
/// when an edit brings its configuration back meanwhile.
#[derive(Debug)]
struct Root {
    context: ContextId,
    plugin: usize,
    settings: Settings,
}

impl<H: Host> Vm<H> {
    /// A VM before its first configuration.
    pub fn new(host: H, module: Module) -> Self {
        Self {
            host,
            module,
            metrics: None,
            plugins: Vec::new(),
            roots: Vec::new(),
            created: FxHashMap::default(),
            connections: FxHashMap::default(),
            contexts: FxHashMap::default(),
            streams: FxHashMap::default(),
            outbound: OutboundPlugins::default(),
            now: Time::from_nanoseconds(0),
        }
    }

    /// A root was given its configuration: whether it is accepted. A refused one is told in the log; Envoy tries each
    /// configuration in a throw-away VM first, so this VM goes on with the last good one.
    pub fn configure(&mut self, root: ContextId) -> bool {
        let settings = match Settings::parse(&self.host.plugin_configuration()) {
            Ok(settings) => settings,
            Err(error) => return self.refuse(&error.to_string()),
        };
        let root_id = self.text("plugin_root_id");
        if let Some(why) = refusal(&root_id, &settings).filter(|_| self.module == Module::Caps) {
            return self.refuse(&why);
        }
        match root_id.as_str() {
            CONNECTION => self.adopt(root, settings),
            REQUEST => {}
            OUTBOUND => self.adopt_outbound(root, settings),
            other => return self.refuse(&unknown_root(other)),
        }
        true
    }

    /// A root's timer fired.
    pub fn tick(&mut self, root: ContextId) {
        self.now = self.host.now();
        let acting = self.plugins.iter_mut().find(|plugin| plugin.acts_through(root));
        match (acting, self.metrics) {
            (Some(plugin), Some(metrics)) => plugin.tick(&self.host, &metrics, self.now),
            _ => self.host.set_tick_period(Duration::ZERO),
        }
    }

    /// A context was made under a root. Those of `evenkeel.request` are of no interest, of the others only what plugin they
    /// have: a connection made under a superseded root means that Envoy has taken that one up again.
    pub fn created(&mut self, context: ContextId, parent: ContextId) {
        if self.outbound.created(context, parent) {
            return;
        }
        let Some(root) = self.roots.iter().find(|root| root.context == parent) else { return };
        self.created.insert(context, root.plugin);
        let plugin = &mut self.plugins[root.plugin];
        if !plugin.acts_through(parent) {
            self.host.enter(parent);
            plugin.configure(&self.host, parent, &root.settings);
            self.host.enter(context);
        }
    }

    /// A connection was accepted.
    pub fn opened(&mut self, context: ContextId) {
        let (Some(plugin), Some(id)) = (self.created.remove(&context), self.connection_id()) else { return };
        self.connections.insert(context, (plugin, id));
        self.contexts.insert(id, context);
        self.now = self.host.now();
        self.plugins[plugin].opened(&self.host, ConnectionId(context), self.now);
    }

    /// An accepted connection was closed.
    pub fn closed(&mut self, context: ContextId) {
        let Some((plugin, id)) = self.connections.remove(&context) else { return };
        self.contexts.remove(&id);
        if let Some(metrics) = &self.metrics {
            self.plugins[plugin].closed(&self.host, metrics, ConnectionId(context));
        }
    }

    /// The headers of a request came in. Requests on connections that this VM has not seen being accepted (they are
    /// older than the filter) are left alone.
    pub fn request(&mut self, stream: ContextId) {
        if self.metrics.is_some_and(|metrics| self.outbound.request(&self.host, &metrics, stream)) {
            return;
        }
        let known = |id| {
            let context = *self.contexts.get(&id)?;
            Some((context, self.connections.get(&context)?.0))
        };
        let Some((context, plugin)) = self.connection_id().and_then(known) else { return };
        self.streams.insert(stream, context);
        self.plugins[plugin].request(&self.host, ConnectionId(context), self.now);
    }

    /// So many bytes are being written to an accepted connection.
    pub fn written(&mut self, context: ContextId, size: usize)
    where
        H: WriteHost,
    {
        if let Some(&(plugin, _)) = self.connections.get(&context) {
            self.plugins[plugin].written(&self.host, ConnectionId(context), size);
        }
    }

    /// A call of `root` was answered.
    pub fn answered(&mut self, root: ContextId, call: CallId) {
        let answer = self.host.answer();
        self.concluded(root, call, Ok(answer));
    }

    /// A call of `root` got no answer but this gRPC status.
    pub fn refused(&mut self, root: ContextId, call: CallId, code: u32) {
        let failure = Failure::new(code, &self.host.status_message());
        self.concluded(root, call, Err(failure));
    }

    fn concluded(&mut self, root: ContextId, call: CallId, answer: Result<Vec<u8>, Failure>) {
        self.now = self.host.now();
        let caller = self.plugins.iter_mut().find(|plugin| plugin.awaits(call));
        if let Some(plugin) = caller {
            plugin.answered(&self.host, root, self.now, answer);
        }
    }

    /// A context is gone: a stream, or a root, or a connection that is known to be closed by now.
    pub fn deleted(&mut self, context: ContextId) {
        if let Some(connection) = self.streams.remove(&context) {
            if let Some(&(plugin, _)) = self.connections.get(&connection) {
                self.plugins[plugin].stream_ended(ConnectionId(connection));
            }
            return;
        }
        self.outbound.deleted(context);
        self.created.remove(&context);
        self.roots.retain(|root| root.context != context);
    }

    fn adopt(&mut self, root: ContextId, settings: Settings) {
        self.metrics.get_or_insert_with(|| Metrics::define(&self.host));
        let name = self.host.property("plugin_name").unwrap_or_default();
        let known = self.plugins.iter().position(|plugin| plugin.name() == name);
        let plugin = known.unwrap_or_else(|| {
            self.plugins.push(Plugin::new(name));
            self.plugins.len() - 1
        });
        self.plugins[plugin].configure(&self.host, root, &settings);
        self.roots.retain(|other| other.context != root);
        self.roots.push(Root { context: root, plugin, settings });
    }

    fn adopt_outbound(&mut self, root: ContextId, settings: Settings) {
        self.metrics.get_or_insert_with(|| Metrics::define(&self.host));
        let name = self.host.property("plugin_name").unwrap_or_default();
        self.outbound.configure(root, name, settings);
    }

    fn refuse(&self, why: &str) -> bool {
        self.host.log(Severity::Error, &format!("configuration refused: {why}"));
        false
    }

    fn connection_id(&self) -> Option<u64> {
        Some(u64::from_le_bytes(self.host.property("connection_id")?.try_into().ok()?))
    }

    fn text(&self, path: &str) -> String {
        String::from_utf8_lossy(&self.host.property(path).unwrap_or_default()).into_owned()
    }
}

fn unknown_root(root_id: &str) -> String {
    format!(
        r#"root_id: "{root_id}" is not known: use "{CONNECTION}" for the network filter, "{REQUEST}" or "{OUTBOUND}" for HTTP filters"#
    )
}

#[cfg(test)]
mod tests;
