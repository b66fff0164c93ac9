//! The server in this process, with services that the test sets.

use crate::client::{Endpoints, PATIENCE};
use evenkeel::admin::Readiness;
use evenkeel::model::{Cluster, Endpoint, Service, ServiceName, ServicePort, Services};
use evenkeel::publisher::{Publisher, Steering};
use evenkeel::source::Updates;
use evenkeel::xds::metrics::XdsMetrics;
use evenkeel::xds::server::{Clients, GrpcService, Limits, Readers, Server, Tls, TlsFiles, bind};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub const GATEWAY: &str = "pods/default/gateway:80";

/// How a server is to be.
#[derive(Default)]
pub struct Settings {
    pub limits: Limits,
    pub tls: Option<TlsFiles>,
    pub readers: Option<Readers>,
    pub services: Vec<GrpcService>,
    /// The weights of services that are being rebalanced; none without.
    pub steering: Option<Steering>,
}

/// A running server.
pub struct Running {
    pub address: SocketAddr,
    pub shutdown: CancellationToken,
    pub served: JoinHandle<()>,
    pub clients: Clients,
    pub readiness: Readiness,
    updates: Updates,
    registry: Registry,
}

impl Running {
    /// A server that was told nothing yet.
    pub fn unsynced(settings: Settings) -> Self {
        let mut registry = Registry::default();
        let metrics = XdsMetrics::register(&mut registry);
        let (updates, services) = Updates::new();
        let steering = settings.steering.unwrap_or_else(|| watch::channel(Arc::default()).1);
        let (publisher, snapshots) = Publisher::new(services, steering, metrics.clone());
        let (shutdown, clients, readiness) = (CancellationToken::new(), Clients::default(), Readiness::default());
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let server = Server {
            snapshots,
            metrics: metrics.clone(),
            clients: clients.clone(),
            shutdown: shutdown.clone(),
            ready: readiness.ready(),
            limits: settings.limits,
            tls: settings.tls.map(|files| tls(files, metrics)),
            readers: settings.readers,
            services: settings.services,
        };
        tokio::spawn(publisher.run());
        let serving = tokio::spawn(server.serve(listener));
        Self { address, shutdown, served: serving, clients, readiness, updates, registry }
    }

    /// A server with one service that has these endpoints.
    pub async fn with_gateway(addresses: &[&str]) -> Self {
        Self::with(Limits { stream_age: None, ..Limits::default() }, addresses).await
    }

    /// The same with these limits.
    pub async fn with(limits: Limits, addresses: &[&str]) -> Self {
        Self::started(Settings { limits, ..Settings::default() }, addresses).await
    }

    /// The same, once it serves.
    pub async fn started(settings: Settings, addresses: &[&str]) -> Self {
        let running = Self::unsynced(settings);
        running.set_gateway(addresses);
        while running.metric("xds_snapshots_total") == 0.0 {
            tokio::task::yield_now().await;
        }
        running
    }

    pub fn set_gateway(&self, addresses: &[&str]) {
        self.set([gateway(addresses.iter().map(|address| address.parse().unwrap()))]);
    }

    pub fn set<const N: usize>(&self, services: [Service; N]) {
        self.updates.publish(cluster(services));
    }

    /// Waits until a metric has this value.
    pub async fn wait_for(&self, name: &str, value: f64) {
        let since = Instant::now();
        while (self.metric(name) - value).abs() > f64::EPSILON {
            assert!(since.elapsed() < PATIENCE, "{name} did not become {value} but {}", self.metric(name));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// The value of a metric, all of its labels summed up.
    pub fn metric(&self, name: &str) -> f64 {
        let mut text = String::new();
        encode(&mut text, &self.registry).unwrap();
        sum(&text, name)
    }
}

fn tls(files: TlsFiles, metrics: XdsMetrics) -> Tls {
    let (tls, reloader) = Tls::open(files, metrics).unwrap();
    tokio::spawn(reloader.run());
    tls
}

/// The sum of a metric's samples in Prometheus text.
pub fn sum(text: &str, name: &str) -> f64 {
    let samples = text.lines().filter(|line| line.starts_with(name) && !line.starts_with('#'));
    samples.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
}

/// A cluster of these services.
pub fn cluster<const N: usize>(services: [Service; N]) -> Cluster {
    Cluster { services: Services::from_iter(services), ..Cluster::default() }
}

/// A service `default/gateway` with a port 80 and these endpoints.
pub fn gateway(addresses: impl Iterator<Item = SocketAddr>) -> Service {
    let ports = vec![ServicePort::new("http", 80)];
    let endpoints = addresses.map(endpoint).collect();
    Service { ports, endpoints, ..Service::new(ServiceName::new("default", "gateway")) }
}

/// The same with 5,000 endpoints, some 150 KB, and a last one that tells the rounds apart.
pub fn many_endpoints(round: u16) -> Service {
    gateway(many_addresses(round))
}

/// What a response says when it has those and nothing else.
pub fn only_many_endpoints(round: u16) -> Endpoints {
    [(GATEWAY.to_owned(), many_addresses(round).map(|address| address.to_string()).collect())].into()
}

fn many_addresses(round: u16) -> impl Iterator<Item = SocketAddr> {
    let many = (0..5_000u32).map(|host| SocketAddr::from((Ipv4Addr::from(0x0a00_0000 + host), 80)));
    many.chain([SocketAddr::from(([11, 0, 0, 0], round))])
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
