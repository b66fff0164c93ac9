//! Services from the Kubernetes API.
//!
//! Services, EndpointSlices, Pods and Nodes are listed and watched. Nothing is published before all of them have been
//! listed completely; from then on every change is, whatever else goes wrong meanwhile.
//!
//! What decides is plain data: [`object`] reads one object, [`store`] keeps those of one kind, [`index`] knows what a
//! change touches, [`assemble`] makes a service of its parts. [`watch`] has the connections.

mod assemble;
mod backoff;
mod coalesce;
mod connect;
mod destination_rule;
mod endpoint_slice;
mod index;
mod kind;
mod locality;
mod mesh;
mod name;
mod node;
mod object;
mod peer_authentication;
mod pod;
mod port;
mod progress;
mod references;
mod selection;
mod service;
mod shared;
mod store;
#[cfg(test)]
mod testing;
mod watch;
mod workload;

pub(crate) use backoff::Backoff;
pub use connect::{ConnectError, connect};
pub use kind::{Kind, Scope};
pub use progress::Progress;
pub use selection::Selection;
pub(crate) use watch::{is_expired, is_not_found, reason};

use super::metrics::SourceMetrics;
use super::{Updates, until};
use coalesce::Coalesce;
use index::{Index, Indexed};
use kube::Client;
use std::collections::BTreeMap;
use std::time::Instant;
use store::{Change, Store, Update};
use tokio::sync::{mpsc, watch as channel};
use tracing::{info, warn};
use watch::{Event, News, Observed};

/// A watch is ended by the API server and made again this often, so that a connection that is dead without anybody
/// having said so is noticed.
pub(crate) const WATCH_SECONDS: u32 = 60;
/// Events that wait to be taken in.
const EVENTS: usize = 1024;

/// The watched cluster.
#[derive(Debug)]
pub struct KubernetesSource {
    updates: Updates,
    metrics: SourceMetrics,
    progress: channel::Sender<Progress>,
    index: Index,
    coalesce: Coalesce,
    /// What makes no sense, by object.
    defects: BTreeMap<Kind, Store<Vec<String>>>,
    /// The failure of each watch that was reported last, while it lasts.
    failures: BTreeMap<(Kind, Scope), String>,
}

impl KubernetesSource {
    /// A source, and how far its first lists are.
    pub fn new(selection: &Selection, updates: Updates, metrics: SourceMetrics) -> (Self, channel::Receiver<Progress>) {
        let (progress, receiver) = channel::channel(Progress::new(selection.watches()));
        Kind::ALL.into_iter().map(Kind::name).for_each(|kind| metrics.watching(kind));
        let (index, coalesce) = (Index::new(selection.mesh()), Coalesce::default());
        let (defects, failures) = (BTreeMap::new(), BTreeMap::new());
        let source = Self { updates, metrics, progress, index, coalesce, defects, failures };
        (source, receiver)
    }

    /// Follows the cluster for ever.
    pub async fn run(mut self, client: Client, selection: Selection) {
        let (sender, mut events) = mpsc::channel(EVENTS);
        let _watches = selection.watch(&client, &sender);
        let mut batch = Vec::with_capacity(EVENTS);
        loop {
            tokio::select! {
                _ = events.recv_many(&mut batch, EVENTS) => batch.drain(..).for_each(|event| self.take(event)),
                () = until(self.coalesce.due()) => self.publish(),
            }
        }
    }

    fn take(&mut self, Event { kind, scope, news }: Event) {
        match news {
            News::Service(observed) => self.observe(&scope, observed),
            News::EndpointSlice(observed) => self.observe(&scope, observed),
            News::Pod(observed) => self.observe(&scope, observed),
            News::Node(observed) => self.observe(&scope, observed),
            News::PeerAuthentication(observed) => self.observe(&scope, observed),
            News::DestinationRule(observed) => self.observe(&scope, observed),
            News::Failed(reason) => self.failed(kind, scope, reason),
        }
    }

    fn observe<T: Indexed>(&mut self, scope: &Scope, Observed { update, defects }: Observed<T>) {
        let complete = update == Update::ListComplete;
        if update != Update::Restarted {
            self.recovered(T::KIND, scope);
        }
        self.index.update(scope, update);
        self.note(T::KIND, scope, defects);
        if complete {
            self.listed(T::KIND, scope);
        }
        if self.index.has_changed() && self.progress.borrow().is_complete() {
            self.coalesce.changed(Instant::now());
        }
    }

    fn listed(&mut self, kind: Kind, scope: &Scope) {
        self.metrics.listed(kind.name());
        let news = self.progress.send_if_modified(|progress| progress.listed(kind, scope));
        if news && self.progress.borrow().is_complete() {
            info!("everything has been listed");
            self.publish();
        }
    }

    fn publish(&mut self) {
        self.coalesce.published();
        for kind in Kind::ALL {
            self.metrics.objects(kind.name(), self.index.len(kind));
        }
        let cluster = self.index.cluster();
        self.metrics.published(&cluster.services);
        self.updates.publish(cluster);
    }

    fn failed(&mut self, kind: Kind, scope: Scope, reason: String) {
        self.metrics.watch_failed(kind.name());
        self.progress.send_if_modified(|progress| progress.failed(kind, &scope, &reason));
        let watch = (kind, scope);
        if self.failures.get(&watch) != Some(&reason) {
            warn!("{kind}s{} cannot be watched, what is known stays: {reason}", watch.1);
            self.failures.insert(watch, reason);
        }
    }

    fn recovered(&mut self, kind: Kind, scope: &Scope) {
        if !self.failures.is_empty() && self.failures.remove(&(kind, scope.clone())).is_some() {
            info!("{kind}s{scope} can be watched again");
        }
    }

    fn note(&mut self, kind: Kind, scope: &Scope, update: Update<Vec<String>>) {
        let defects = self.defects.entry(kind).or_default();
        let changes = defects.update(scope, update);
        for Change { name, .. } in &changes {
            for defect in defects.get(name).into_iter().flatten() {
                warn!("{kind} {name}: {defect}");
            }
        }
        if !changes.is_empty() {
            self.metrics.malformed(kind.name(), defects.len());
        }
    }
}
