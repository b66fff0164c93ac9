//! Tells clients to go by what is written to them, where no filter drains: for the module that does caps alone.
//!
//! Only the feature `write-injection` makes Envoy call it. What is due is known as everywhere else; what is different is how
//! the client hears of it, and that requests are counted by their responses.

use evenkeel_filter_core::write_injection::{Insertion, Write, Writes};
use evenkeel_filter_core::{ConnectionId, Connections, Settings};
use rustc_hash::FxHashMap;

use crate::host::WriteHost;
use crate::vm::CONNECTION;

/// The connections of one plugin, as far as something was written on them.
#[derive(Debug, Default)]
pub struct WriteInjection {
    writes: FxHashMap<ConnectionId, Writes>,
}

impl WriteInjection {
    /// So many bytes are being written to a connection, which is the current context.
    ///
    /// A connection that cannot be told to go, as it speaks no HTTP (any more), is none that caps are for.
    pub fn written(&mut self, host: &impl WriteHost, connections: &mut Connections, id: ConnectionId, size: usize) {
        let writes = self.writes.entry(id).or_default();
        if writes.are_opaque() {
            return;
        }
        let write = Written { host, size };
        let seen = writes.next(&write);
        if writes.are_opaque() {
            connections.closed(id);
            return;
        }
        connections.had_requests(id, seen.requests);
        if let Some(insertion) = seen.room
            && connections.is_draining(id)
            && write.insert(insertion)
        {
            writes.told();
        }
    }

    /// A connection was closed.
    pub fn closed(&mut self, id: ConnectionId) {
        self.writes.remove(&id);
    }

    /// Whether nothing is remembered of any connection.
    #[cfg(test)]
    pub fn is_idle(&self) -> bool {
        self.writes.is_empty()
    }
}

/// What Envoy is writing.
struct Written<'a, H> {
    host: &'a H,
    size: usize,
}

impl<H: WriteHost> Write for Written<'_, H> {
    fn size(&self) -> usize {
        self.size
    }

    fn bytes(&self, start: usize, max: usize) -> Vec<u8> {
        self.host.written(start, max)
    }
}

impl<H: WriteHost> Written<'_, H> {
    /// Whether Envoy has taken it. It takes bytes in front of a write, but none into its middle.
    fn insert(&self, Insertion { at, bytes }: Insertion) -> bool {
        if at == 0 {
            return self.host.prepend(bytes);
        }
        let mut all = self.host.written(0, self.size);
        if all.len() < at {
            return false;
        }
        all.splice(at..at, bytes.iter().copied());
        self.host.replace(&all)
    }
}

/// What of these settings a module that does caps alone cannot do, with the remedy.
pub fn refusal(root_id: &str, settings: &Settings) -> Option<String> {
    let grace = settings.inbound.and_then(|inbound| inbound.stream_grace);
    let refused = [
        (root_id != CONNECTION).then(|| format!("root_id: {root_id:?} is")),
        settings.rebalance.as_ref().map(|rebalance| format!("rebalance: group {:?} is", rebalance.group.to_string())),
        settings.outbound.as_ref().map(|_| "outbound: caps on opened connections are".to_owned()),
        grace.map(|grace| format!("inbound.streamGrace: {grace:?} is")),
    ];
    let what = refused.into_iter().flatten().next()?;
    Some(format!(
        "{what} not for this module, which has caps on accepted connections alone: take it away, or use evenkeel.wasm"
    ))
}
