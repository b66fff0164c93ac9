//! The server in this process, with services that the test sets.

use crate::client::{Client, Endpoints, Transport};
use evenkeel::model::{Cluster, Endpoint, Service, ServiceName, ServicePort, Services};
use evenkeel::publisher::Publisher;
use evenkeel::source::Updates;
use evenkeel::xds::metrics::XdsMetrics;
use evenkeel::xds::server::{Server, bind};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const GATEWAY: &str = "pods/default/gateway:80";

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub served: JoinHandle<Result<(), tonic::transport::Error>>,
    updates: Updates,
    registry: Registry,
}

impl Running {
    /// A server that was told nothing yet.
    pub fn unsynced(max_stream_age: Option<Duration>) -> Self {
        let mut registry = Registry::default();
        let metrics = XdsMetrics::register(&mut registry);
        let (updates, services) = Updates::new();
        let (publisher, snapshots) = Publisher::new(services, metrics.clone());
        let shutdown = CancellationToken::new();
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server { snapshots, metrics, shutdown: shutdown.clone(), max_stream_age };
        tokio::spawn(publisher.run());
        Self { address, shutdown, served: tokio::spawn(server.serve(listener)), updates, registry }
    }

    /// A server with one service that has these endpoints, once it serves them.
    pub async fn with_gateway(addresses: &[&str]) -> Self {
        Self::with_age(addresses, None).await
    }

    pub async fn with_age(addresses: &[&str], max_stream_age: Option<Duration>) -> Self {
        let running = Self::unsynced(max_stream_age);
        running.set_gateway(addresses);
        running.synced().await;
        running
    }

    async fn synced(&self) {
        while Client::open(self.address, Transport::EdsSotw).await.is_err() {
            tokio::task::yield_now().await;
        }
    }

    pub fn set_gateway(&self, addresses: &[&str]) {
        self.set([gateway(addresses.iter().map(|address| address.parse().unwrap()))]);
    }

    pub fn set<const N: usize>(&self, services: [Service; N]) {
        self.updates.publish(Cluster { services: Services::from_iter(services), ..Cluster::default() });
    }

    /// The value of a metric, all of its labels summed up.
    pub fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        sum(&text, name)
    }
}

/// The sum of a metric's samples in Prometheus text.
pub fn sum(text: &str, name: &str) -> f64 {
    let samples = text.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

/// A service `default/gateway` with a port 80 and these endpoints.
pub fn gateway(addresses: impl Iterator<Item = SocketAddr>) -> Service {
    let ports = vec![ServicePort::new("http", 80)];
    let endpoints = addresses.map(endpoint).collect();
    Service { ports, endpoints, ..Service::new(ServiceName::new("default", "gateway")) }
}

fn endpoint(address: SocketAddr) -> Endpoint {
    Endpoint::new(address.ip(), Arc::new([("http".to_owned(), address.port())].into()))
}

/// What a response says when it has the gateway with these endpoints and nothing else.
pub fn only_gateway(addresses: &[&str]) -> Endpoints {
    only(GATEWAY, addresses)
}

pub fn only(name: &str, addresses: &[&str]) -> Endpoints {
    [(name.to_owned(), addresses.iter().map(ToString::to_string).collect())].into()
}
