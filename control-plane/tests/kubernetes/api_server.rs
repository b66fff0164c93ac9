//! An API server that does what it is told: it forgets, refuses, stalls and cuts off when a test wants it to.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use futures::{Stream, stream};
use http::{StatusCode, Uri};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

/// How requests for one kind go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They are refused.
    Forbidden,
    /// They are not answered until this is taken back.
    Stalled,
    /// The same, but for the first page of a list.
    StalledAfterFirstPage,
    /// The version to watch from is gone, says the answer to the request and not an event.
    GoneAtOnce,
    /// The first list is gone between two pages.
    GoneBetweenPages,
}

/// A request that was answered or is about to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub path: String,
    pub query: BTreeMap<String, String>,
}

#[derive(Clone)]
pub struct ApiServer {
    world: Arc<Mutex<World>>,
    /// Wakes whoever waits for something to happen.
    happened: Arc<watch::Sender<()>>,
}

#[derive(Default)]
struct World {
    version: u64,
    /// By plural of the kind, then by namespace and name.
    objects: BTreeMap<String, BTreeMap<String, Value>>,
    /// With the version that each made.
    events: Vec<(u64, String, Value)>,
    /// Events up to this version are forgotten.
    forgotten: u64,
    cuts: u64,
    faults: BTreeMap<String, Fault>,
    requests: Vec<Request>,
}

impl ApiServer {
    pub fn new() -> Self {
        Self { world: Arc::default(), happened: Arc::new(watch::channel(()).0) }
    }

    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.routes(), "default")
    }

    pub fn routes(&self) -> Router {
        Router::new().fallback(answer).with_state(self.clone())
    }

    /// Makes or changes an object.
    pub fn apply(&self, plural: &str, mut object: Value) {
        let key = key(&object);
        let mut world = self.world();
        world.version += 1;
        if object["metadata"].is_object() {
            object["metadata"]["resourceVersion"] = json!(world.version.to_string());
        }
        let known = world.objects.entry(plural.to_owned()).or_default().insert(key, object.clone());
        world.tell(plural, if known.is_some() { "MODIFIED" } else { "ADDED" }, &object);
        drop(world);
        self.happened.send_replace(());
    }

    /// Deletes an object; `name` is `namespace/name`.
    pub fn delete(&self, plural: &str, name: &str) {
        let mut world = self.world();
        world.version += 1;
        let mut object = world.objects.get_mut(plural).and_then(|objects| objects.remove(name)).unwrap();
        object["metadata"]["resourceVersion"] = json!(world.version.to_string());
        world.tell(plural, "DELETED", &object);
        drop(world);
        self.happened.send_replace(());
    }

    /// Requests for this kind go wrong from now on, or not any more.
    pub fn fault(&self, plural: &str, fault: Option<Fault>) {
        match fault {
            Some(fault) => drop(self.world().faults.insert(plural.to_owned(), fault)),
            None => drop(self.world().faults.remove(plural)),
        }
        self.happened.send_replace(());
    }

    /// Ends all watches.
    pub fn cut(&self) {
        self.world().cuts += 1;
        self.happened.send_replace(());
    }

    /// Forgets what happened until now, as a compaction does. Nobody can watch from earlier than this.
    pub fn forget(&self) {
        let mut world = self.world();
        world.version += 1;
        world.forgotten = world.version;
        world.events.clear();
        drop(world);
        self.happened.send_replace(());
    }

    /// The requests so far for objects of this kind.
    pub fn requests(&self, plural: &str) -> Vec<Request> {
        self.world().requests.iter().filter(|request| request.path.ends_with(plural)).cloned().collect()
    }

    /// How many of them were for the first page of a list.
    pub fn lists(&self, plural: &str) -> usize {
        let is_list =
            |request: &&Request| !request.query.contains_key("watch") && !request.query.contains_key("continue");
        self.requests(plural).iter().filter(is_list).count()
    }

    /// How many of them were to watch.
    pub fn watches(&self, plural: &str) -> usize {
        self.requests(plural).iter().filter(|request| request.query.contains_key("watch")).count()
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap()
    }

    /// Waits while requests like this one are not answered.
    async fn stall(&self, plural: &str, first_page: bool) {
        let mut happened = self.happened.subscribe();
        loop {
            match self.world().faults.get(plural) {
                Some(Fault::Stalled) => {}
                Some(Fault::StalledAfterFirstPage) if !first_page => {}
                _ => return,
            }
            happened.changed().await.unwrap();
        }
    }
}

impl World {
    fn tell(&mut self, plural: &str, kind: &str, object: &Value) {
        self.events.push((self.version, plural.to_owned(), json!({ "type": kind, "object": object })));
    }

    fn list(&self, plural: &str, prefix: &str, limit: usize, after: &str) -> Value {
        let none = BTreeMap::new();
        let objects = self.objects.get(plural).unwrap_or(&none);
        let rest = || objects.iter().filter(|(key, _)| key.as_str() > after && key.starts_with(prefix));
        let page: Vec<_> = rest().take(limit).collect();
        let last = page.last().map(|(key, _)| (*key).clone()).filter(|_| rest().nth(limit).is_some());
        let items: Vec<&Value> = page.iter().map(|(_, object)| *object).collect();
        let metadata = json!({ "resourceVersion": self.version.to_string(), "continue": last.unwrap_or_default() });
        json!({ "kind": "List", "apiVersion": "v1", "metadata": metadata, "items": items })
    }

    /// The first event after this version.
    fn next(&self, plural: &str, prefix: &str, after: u64) -> Option<(u64, Value)> {
        if after < self.forgotten {
            return Some((u64::MAX, json!({ "type": "ERROR", "object": status(410, "too old resource version") })));
        }
        let wanted = |event: &&(u64, String, Value)| {
            event.0 > after && event.1 == plural && key(&event.2["object"]).starts_with(prefix)
        };
        self.events.iter().find(wanted).map(|(version, _, event)| (*version, event.clone()))
    }
}

/// Namespace and name.
fn key(object: &Value) -> String {
    let part = |name: &str| object["metadata"][name].as_str().unwrap_or_default();
    format!("{}/{}", part("namespace"), part("name"))
}

fn status(code: u16, message: &str) -> Value {
    let (kind, api_version) = ("Status", "v1");
    json!({ "kind": kind, "apiVersion": api_version, "metadata": {}, "status": "Failure", "message": message, "code": code })
}

fn refuse(code: StatusCode, message: &str) -> Response {
    (code, status(code.as_u16(), message).to_string()).into_response()
}

async fn answer(State(server): State<ApiServer>, uri: Uri, Query(query): Query<BTreeMap<String, String>>) -> Response {
    let segments: Vec<&str> = uri.path().split('/').collect();
    let plural = (*segments.last().unwrap()).to_owned();
    let namespace = segments.iter().position(|segment| *segment == "namespaces").map(|at| segments[at + 1]);
    let prefix = namespace.map_or_else(String::new, |namespace| format!("{namespace}/"));
    server.world().requests.push(Request { path: uri.path().to_owned(), query: query.clone() });
    server.happened.send_replace(());
    server.stall(&plural, !query.contains_key("continue")).await;
    let fault = server.world().faults.get(&plural).copied();
    match (fault, query.contains_key("watch"), query.get("continue")) {
        (Some(Fault::Forbidden), ..) => refuse(StatusCode::FORBIDDEN, "not allowed"),
        (Some(Fault::GoneAtOnce), true, _) => {
            server.fault(&plural, None);
            refuse(StatusCode::GONE, "too old resource version")
        }
        (Some(Fault::GoneBetweenPages), false, Some(_)) => {
            server.fault(&plural, None);
            refuse(StatusCode::GONE, "the continue parameter is too old")
        }
        (_, true, _) => watch_response(server, plural, prefix, &query),
        (_, false, after) => {
            let limit = query.get("limit").map_or(usize::MAX, |limit| limit.parse().unwrap());
            let after = after.cloned().unwrap_or_default();
            server.world().list(&plural, &prefix, limit, &after).to_string().into_response()
        }
    }
}

fn watch_response(server: ApiServer, plural: String, prefix: String, query: &BTreeMap<String, String>) -> Response {
    let after = query["resourceVersion"].parse().unwrap();
    Body::from_stream(events(server, plural, prefix, after)).into_response()
}

fn events(
    server: ApiServer,
    plural: String,
    prefix: String,
    after: u64,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let (cuts, happened) = (server.world().cuts, server.happened.subscribe());
    stream::unfold((server, after, happened), move |(server, after, mut happened)| {
        let (plural, prefix) = (plural.clone(), prefix.clone());
        async move {
            loop {
                let next = server.world().next(&plural, &prefix, after);
                if server.world().cuts != cuts || after == u64::MAX {
                    return None;
                }
                if let Some((version, event)) = next {
                    return Some((Ok(Bytes::from(format!("{event}\n"))), (server, version, happened)));
                }
                happened.changed().await.unwrap();
            }
        }
    })
}
