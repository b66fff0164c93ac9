//! gRPC health checking (`grpc.health.v1`), for probes and for balancers in front of this server.

use super::services::{DISCOVERY, GrpcService};
use std::convert::Infallible;
use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Says of the server, and of each of its services, whether it serves.
#[derive(Debug)]
pub(super) struct Health {
    reporter: HealthReporter,
    /// The server as a whole, which the empty name stands for, and each service.
    names: Vec<&'static str>,
    ready: watch::Receiver<bool>,
}

impl Health {
    /// Says what is so now.
    pub(super) async fn new(ready: watch::Receiver<bool>, services: &[GrpcService]) -> Self {
        let names = [""].into_iter().chain(DISCOVERY).chain(services.iter().map(|service| service.name)).collect();
        let mut health = Self { reporter: HealthReporter::new(), names, ready };
        health.tell().await;
        health
    }

    /// The service that clients ask.
    pub(super) fn service(&self) -> HealthServer<HealthService> {
        HealthServer::new(HealthService::from_health_reporter(self.reporter.clone()))
    }

    /// Goes on saying what is so.
    pub(super) async fn follow(mut self) -> Infallible {
        while self.ready.changed().await.is_ok() {
            self.tell().await;
        }
        std::future::pending().await
    }

    async fn tell(&mut self) {
        let serves = *self.ready.borrow_and_update();
        let status = if serves { ServingStatus::Serving } else { ServingStatus::NotServing };
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}
