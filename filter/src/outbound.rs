//! The root `evenkeel.outbound`: requests to a destination that has caps of its own get the key of that destination.
//!
//! It needs nothing of connections: Envoy knows the cluster of a request when its headers come in, and a key in the filter
//! state of the stream is enough for the filter that shares it with the upstream.

use evenkeel_filter_core::{Destination, DestinationKeys, Settings};
use rustc_hash::FxHashMap;

use crate::host::{ContextId, Host};
use crate::metrics::{Metrics, Record, Told};
use crate::plugin::POOL_KEY;

/// The cluster of the request's route. (The attribute `cluster_name` has no value before a host is chosen.)
const CLUSTER_NAME: &str = "xds\0cluster_name";

/// Every plugin of this VM that runs the root.
#[derive(Debug, Default)]
pub struct OutboundPlugins {
    plugins: Vec<OutboundPlugin>,
    /// Their configurations, the superseded ones as well.
    roots: Vec<Root>,
    /// Context of a stream whose headers have not come in yet -> index of its plugin.
    streams: FxHashMap<ContextId, usize>,
}

/// One plugin, identified by the `name` in its `PluginConfig`: keys live on over edits.
#[derive(Debug)]
struct OutboundPlugin {
    name: Vec<u8>,
    current_root: ContextId,
    keys: DestinationKeys,
    told: Told,
}

#[derive(Debug)]
struct Root {
    context: ContextId,
    plugin: usize,
    destinations: Vec<Destination>,
}

impl OutboundPlugins {
    /// Puts the settings of a root in force. Of them only the destinations matter here.
    pub fn configure(&mut self, root: ContextId, name: Vec<u8>, settings: Settings) {
        let destinations = settings.outbound.unwrap_or_default().destinations;
        let known = self.plugins.iter().position(|plugin| plugin.name == name);
        let plugin = known.unwrap_or_else(|| {
            self.plugins.push(OutboundPlugin::new(name));
            self.plugins.len() - 1
        });
        self.plugins[plugin].configure(root, &destinations);
        self.roots.retain(|other| other.context != root);
        self.roots.push(Root { context: root, plugin, destinations });
    }

    /// A context was made under a root: whether it is a stream of one of these plugins. One under a superseded root means
    /// that Envoy has taken that one up again.
    pub fn created(&mut self, stream: ContextId, parent: ContextId) -> bool {
        let Some(root) = self.roots.iter().find(|root| root.context == parent) else { return false };
        self.streams.insert(stream, root.plugin);
        let plugin = &mut self.plugins[root.plugin];
        if plugin.current_root != parent {
            plugin.configure(parent, &root.destinations);
        }
        true
    }

    /// The headers of a request came in; its stream is the current context: whether it is one of these plugins'.
    pub fn request(&mut self, host: &impl Host, metrics: &Metrics, stream: ContextId) -> bool {
        let Some(plugin) = self.streams.remove(&stream) else { return false };
        self.plugins[plugin].request(host, metrics);
        true
    }

    /// Whether no root and no stream is left.
    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        self.roots.is_empty() && self.streams.is_empty()
    }

    /// A context is gone.
    pub fn deleted(&mut self, context: ContextId) {
        self.streams.remove(&context);
        self.roots.retain(|root| root.context != context);
    }
}

impl OutboundPlugin {
    fn new(name: Vec<u8>) -> Self {
        Self { name, current_root: 0, keys: DestinationKeys::default(), told: Told::default() }
    }

    fn configure(&mut self, root: ContextId, destinations: &[Destination]) {
        self.current_root = root;
        self.keys.configure(destinations);
    }

    /// Where the route leads to no cluster, nothing goes out.
    fn request(&mut self, host: &impl Host, metrics: &Metrics) {
        let Some(cluster) = host.property(CLUSTER_NAME).and_then(|name| String::from_utf8(name).ok()) else { return };
        let rotated = self.keys.rotated();
        let Some(key) = self.keys.request(&cluster, || host.now(), || host.draw()) else { return };
        host.set_property(POOL_KEY, &key.to_string());
        if self.keys.rotated() != rotated {
            let record = Record { keys_rotated: self.keys.rotated(), ..Record::default() };
            metrics.tell(host, &mut self.told, record);
        }
    }
}
