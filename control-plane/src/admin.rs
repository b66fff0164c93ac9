//! What operators and probes ask: `/livez`, `/readyz`, `/metrics`, `/v1/clients`, `/v1/groups`.

mod clients;
mod groups;
mod readiness;

pub use groups::GroupList;
pub use readiness::Readiness;

use crate::rebalance::service::Rebalancer;
use crate::xds::server::Clients;
use axum::Json;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use std::io;
use std::sync::Arc;
use std::time::Instant;
use tokio::net::TcpListener;

/// The admin server.
#[derive(Clone, Debug)]
pub struct Admin {
    /// Why the process is not ready, if so.
    pub readiness: Readiness,
    /// The metrics of all parts.
    pub registry: Arc<Registry>,
    /// The discovery streams that are open.
    pub clients: Clients,
    /// The groups whose connections are kept even.
    pub rebalancer: Rebalancer,
}

impl Admin {
    /// Serves as long as the process lives: while it stops, `/readyz` still says so.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        axum::serve(listener, self.routes()).await
    }

    fn routes(self) -> Router {
        Router::new()
            .route("/livez", get(async || "ok\n"))
            .route("/readyz", get(readyz))
            .route("/metrics", get(metrics))
            .route("/v1/clients", get(clients))
            .route("/v1/groups", get(groups))
            .with_state(self)
    }
}

/// A registry with the prefix of all metrics and what this build is.
pub fn registry() -> Registry {
    let mut registry = Registry::with_prefix("evenkeel");
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    registry.register("build", "The program that runs", build);
    registry
}

async fn readyz(State(admin): State<Admin>) -> (StatusCode, String) {
    match admin.readiness.reasons() {
        reasons if reasons.is_empty() => (StatusCode::OK, "ok\n".to_owned()),
        reasons => (StatusCode::SERVICE_UNAVAILABLE, reasons.join("\n") + "\n"),
    }
}

async fn clients(State(admin): State<Admin>, Query(query): Query<clients::Query>) -> Json<clients::ClientList> {
    Json(clients::ClientList::of(admin.clients.statuses(), &query, Instant::now()))
}

async fn groups(State(admin): State<Admin>, Query(query): Query<groups::Query>) -> Json<GroupList> {
    Json(GroupList::of(&admin.rebalancer, &query))
}

async fn metrics(State(admin): State<Admin>) -> Response {
    let mut text = String::new();
    match encode(&mut text, &admin.registry) {
        Ok(()) => {
            let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(CONTENT_TYPE, content_type)], text).into_response()
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}
