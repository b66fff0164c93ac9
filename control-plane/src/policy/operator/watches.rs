//! The objects of the API server that matter, as they are now.

use super::kinds;
use crate::source::kubernetes::{Backoff, WATCH_SECONDS, is_expired, is_not_found, reason};
use futures::StreamExt;
use kube::api::{ApiResource, DynamicObject};
use kube::runtime::reflector::Store;
use kube::runtime::reflector::store::Writer;
use kube::runtime::watcher::{Config, Error, Event, watcher};
use kube::{Api, Client};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// Whether a kind that does not exist has been installed meanwhile is asked this often.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// What the objects that are made for policies say.
const LABEL: &str = "app.kubernetes.io/managed-by=evenkeel";

/// The objects of all kinds; the watches end with it.
#[derive(Debug)]
pub struct Watches {
    kinds: BTreeMap<String, Vec<Watched>>,
    changes: watch::Receiver<()>,
    tasks: JoinSet<()>,
}

/// The objects of one kind and namespace, or of all namespaces.
#[derive(Debug)]
struct Watched {
    store: Store<DynamicObject>,
    is_listed: watch::Receiver<bool>,
}

impl Watches {
    /// Watches what there is in these namespaces; in all if there is none.
    pub fn start(client: &Client, namespaces: &[String]) -> Self {
        let (sender, changes) = watch::channel(());
        let mut watches = Self { kinds: BTreeMap::new(), changes, tasks: JoinSet::new() };
        for (resource, config) in watched_kinds() {
            for api in apis(client, namespaces, &resource) {
                watches.watch(api, config.clone(), &resource, sender.clone());
            }
        }
        watches
    }

    /// Waits until something changes.
    pub async fn changed(&mut self) {
        if self.changes.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// All objects of a kind; `None` while they have not been listed completely.
    pub fn objects(&self, resource: &ApiResource) -> Option<Vec<Arc<DynamicObject>>> {
        let watched = self.kinds.get(&resource.kind)?;
        let is_complete = watched.iter().all(|watched| *watched.is_listed.borrow());
        is_complete.then(|| watched.iter().flat_map(|watched| watched.store.state()).collect())
    }

    fn watch(&mut self, api: Api<DynamicObject>, config: Config, resource: &ApiResource, changed: watch::Sender<()>) {
        let writer = Writer::new(resource.clone());
        let (listed, is_listed) = watch::channel(false);
        let watched = Watched { store: writer.as_reader(), is_listed };
        self.kinds.entry(resource.kind.clone()).or_default().push(watched);
        let task = Watch { api, config, resource: resource.clone(), writer, listed, changed, problem: None };
        self.tasks.spawn(task.run());
    }
}

fn watched_kinds() -> Vec<(ApiResource, Config)> {
    let all = || Config::default().timeout(WATCH_SECONDS);
    let read = [(kinds::policy(), all()), (kinds::service(), all())].into_iter();
    read.chain(kinds::owned().into_iter().map(|resource| (resource, all().labels(LABEL)))).collect()
}

fn apis(client: &Client, namespaces: &[String], resource: &ApiResource) -> Vec<Api<DynamicObject>> {
    if namespaces.is_empty() {
        return vec![Api::all_with(client.clone(), resource)];
    }
    let api = |namespace: &String| Api::namespaced_with(client.clone(), namespace, resource);
    namespaces.iter().map(api).collect()
}

/// The task of one watch.
struct Watch {
    api: Api<DynamicObject>,
    config: Config,
    resource: ApiResource,
    writer: Writer<DynamicObject>,
    listed: watch::Sender<bool>,
    changed: watch::Sender<()>,
    /// What was logged last, while it lasts.
    problem: Option<String>,
}

impl Watch {
    async fn run(mut self) {
        let mut backoff = Backoff::default();
        loop {
            self.run_until_expired(&mut backoff).await;
        }
    }

    /// A watcher goes on asking from where it has got, also when the answer is that this is too long ago: it ends then.
    async fn run_until_expired(&mut self, backoff: &mut Backoff) {
        let mut events = pin!(watcher(self.api.clone(), self.config.clone()));
        while let Some(event) = events.next().await {
            match event {
                Ok(event) => self.take(event),
                Err(error) => {
                    self.note(Some(self.words(&error)));
                    let wait =
                        if is_not_found(&error) { LOOK_AGAIN } else { backoff.failed(Instant::now(), rand::random()) };
                    tokio::time::sleep(wait).await;
                    if is_expired(&error) {
                        return;
                    }
                }
            }
        }
    }

    fn take(&mut self, mut event: Event<DynamicObject>) {
        if let Event::Apply(object) | Event::InitApply(object) = &mut event {
            trim(object, &self.resource);
        }
        self.writer.apply_watcher_event(&event);
        match event {
            Event::Init | Event::InitApply(_) => return,
            Event::InitDone => drop(self.listed.send_replace(true)),
            Event::Apply(_) | Event::Delete(_) => {}
        }
        self.note(None);
        self.changed.send_replace(());
    }

    fn words(&self, error: &Error) -> String {
        let ApiResource { group, version, .. } = &self.resource;
        if is_not_found(error) {
            return format!("the API server does not serve {group}/{version}: install its custom resource definitions");
        }
        reason(error)
    }

    fn note(&mut self, problem: Option<String>) {
        if self.problem == problem {
            return;
        }
        let kind = &self.resource.kind;
        if let Some(problem) = &problem {
            warn!("{kind} objects cannot be watched for policies, what is known stays: {problem}");
        } else {
            info!("{kind} objects can be watched for policies again");
        }
        self.problem = problem;
    }
}

/// Leaves what is looked at: of Services there are many, and of what was made for a policy only the owner matters.
fn trim(object: &mut DynamicObject, resource: &ApiResource) {
    object.metadata.managed_fields = None;
    match resource.kind.as_str() {
        "ConnectionPolicy" => {}
        "Service" => {
            object.metadata.annotations = None;
            let kept =
                ["selector", "type", "clusterIP"].map(|name| (name.to_owned(), object.data["spec"][name].take()));
            object.data = json!({"spec": kept.into_iter().collect::<Map<_, _>>()});
        }
        _ => object.data = Value::Null,
    }
}
