//! A source that follows such an API server, and what it publishes.

use crate::api_server::ApiServer;
use evenkeel::model::{Cluster, ServiceName};
use evenkeel::source::kubernetes::{KubernetesSource, Progress, Selection};
use evenkeel::source::metrics::SourceMetrics;
use evenkeel::source::{Newest, Updates};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Long enough for a machine that does many other things, too.
const PATIENCE: Duration = Duration::from_mins(1);

pub struct Followed {
    pub newest: Newest,
    pub progress: watch::Receiver<Progress>,
    registry: Registry,
    source: JoinHandle<()>,
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.source.abort();
    }
}

impl Followed {
    pub fn all(server: &ApiServer) -> Self {
        Self::selected(server, Selection::default())
    }

    pub fn selected(server: &ApiServer, selection: Selection) -> Self {
        let mut registry = Registry::default();
        let (updates, newest) = Updates::new();
        let metrics = SourceMetrics::register(&mut registry);
        let (source, progress) = KubernetesSource::new(&selection, updates, metrics);
        let source = tokio::spawn(source.run(server.client(), selection));
        Self { newest, progress, registry, source }
    }

    /// Waits until what is published is like this.
    pub async fn wait_for(&mut self, like_this: impl Fn(&Cluster) -> bool) -> Arc<Cluster> {
        let published = |cluster: &Option<Arc<Cluster>>| cluster.as_deref().is_some_and(&like_this);
        let found = timeout(PATIENCE, self.newest.wait_for(published)).await;
        found.expect("it was not published").unwrap().clone().unwrap()
    }

    /// Waits until the service `default/web` has exactly these endpoints.
    pub async fn wait_for_web(&mut self, addresses: &[&str]) {
        self.wait_for(|cluster| web(cluster) == addresses).await;
    }

    /// Waits until the first lists are told to be like this.
    pub async fn wait_for_progress(&mut self, text: &str) {
        let told = |progress: &Progress| progress.to_string() == text;
        let found = timeout(PATIENCE, self.progress.wait_for(told)).await.map(|found| drop(found.unwrap()));
        assert!(found.is_ok(), "{}", *self.progress.borrow());
    }

    pub fn is_unpublished(&self) -> bool {
        self.newest.borrow().is_none()
    }

    /// The value of a metric, such as `source_lists_total{kind="Pod"}`.
    pub fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    }
}

/// Waits until something is so that nobody tells of.
pub async fn eventually(mut is_so: impl FnMut() -> bool) {
    let wait = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.expect("it did not come to be so");
}

/// The endpoints of `default/web`, sorted; none if there is no such service.
pub fn web(cluster: &Cluster) -> Vec<String> {
    let service = cluster.services.get(&ServiceName::new("default", "web"));
    let mut addresses: Vec<String> =
        service.iter().flat_map(|service| &service.endpoints).map(|endpoint| endpoint.address.to_string()).collect();
    addresses.sort();
    addresses
}

pub fn service(namespace: &str, name: &str) -> Value {
    json!({
        "metadata": { "name": name, "namespace": namespace },
        "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": 80 }] },
    })
}

/// A slice of the service of this name.
pub fn slice(namespace: &str, name: &str, service: &str, addresses: &[&str]) -> Value {
    let endpoints: Vec<Value> = addresses.iter().map(|address| json!({ "addresses": [address] })).collect();
    json!({
        "metadata": { "name": name, "namespace": namespace, "labels": { "kubernetes.io/service-name": service } },
        "addressType": "IPv4",
        "ports": [{ "name": "http", "port": 8080 }],
        "endpoints": endpoints,
    })
}

/// A slice of `default/web`.
pub fn web_slice(name: &str, addresses: &[&str]) -> Value {
    slice("default", name, "web", addresses)
}

/// An API server with the service `default/web` and one slice.
pub fn api_server() -> ApiServer {
    let server = ApiServer::new();
    server.apply("services", service("default", "web"));
    server.apply("endpointslices", web_slice("a", &["10.0.0.1"]));
    server
}
