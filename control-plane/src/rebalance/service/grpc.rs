//! `evenkeel.rebalance.v1.Rebalance` over gRPC.

use super::{Rebalancer, Refusal};
use crate::rebalance::groups::Refused;
use crate::trust::{Caller, Evidence, Trust};
use crate::xds::server::{GrpcService, Peer};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request as HttpRequest, State};
use axum::response::Response as HttpResponse;
use axum::routing::any;
use evenkeel_proto::REBALANCE_FILE_DESCRIPTOR_SET;
use evenkeel_proto::rebalance::rebalance_server::{Rebalance, RebalanceServer, SERVICE_NAME};
use evenkeel_proto::rebalance::{Directive, ReportRequest};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::codegen::Service;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, async_trait};

/// Reports have some hundred bytes. Larger ones are refused, in bytes.
const MAX_REPORT_SIZE: usize = 64 << 10;
/// Reports at one time. Each is answered at once, so those that are open wait for their clients to send them.
const REPORTS: usize = 10_000;
/// A report that takes longer to arrive is refused.
const PATIENCE: Duration = Duration::from_secs(10);

/// The service, for the listener that serves xDS.
pub fn grpc_service(rebalancer: Rebalancer, trust: Trust) -> GrpcService {
    let reports = Reports { rebalancer, trust: Arc::new(trust) };
    let server = RebalanceServer::new(reports).max_decoding_message_size(MAX_REPORT_SIZE);
    let calls = Calls { server, permits: Arc::new(Semaphore::new(REPORTS)) };
    let routes = Router::new().route(&format!("/{SERVICE_NAME}/{{*method}}"), any(limited)).with_state(calls);
    GrpcService { name: SERVICE_NAME, descriptors: REBALANCE_FILE_DESCRIPTOR_SET, routes }
}

/// The methods, and how many calls of them may be open.
#[derive(Clone)]
struct Calls {
    server: RebalanceServer<Reports>,
    permits: Arc<Semaphore>,
}

#[derive(Clone)]
struct Reports {
    rebalancer: Rebalancer,
    trust: Arc<Trust>,
}

#[async_trait]
impl Rebalance for Reports {
    async fn report(&self, request: Request<ReportRequest>) -> Result<Response<Directive>, Status> {
        let peer = request.extensions().get::<Peer>().ok_or_else(|| Status::internal("the connection is not known"))?;
        let caller = self.caller(peer, request.metadata());
        let answer = self.rebalancer.report(&caller, request.get_ref());
        if matches!(answer, Err(Refusal::NotLeading)) {
            // The Service leads to the leader, but only new connections.
            peer.end();
        }
        answer.map(Response::new).map_err(|refusal| status(&refusal))
    }
}

impl Reports {
    fn caller(&self, peer: &Peer, metadata: &MetadataMap) -> Caller {
        self.trust.caller(peer.address().ip(), Evidence::new(peer.uri_names(), metadata.as_ref()))
    }
}

fn status(refusal: &Refusal) -> Status {
    let reason = refusal.to_string();
    match refusal {
        Refusal::NotLeading | Refusal::NotSynced | Refusal::Refused(Refused::Unavailable(_)) => {
            Status::unavailable(reason)
        }
        Refusal::Refused(Refused::InvalidArgument(_)) => Status::invalid_argument(reason),
        Refusal::Refused(Refused::PermissionDenied(_)) => Status::permission_denied(reason),
    }
}

/// Calls whose client does not send what it has announced must neither pile up nor stay. This is no middleware: each report
/// would pay for its boxes.
async fn limited(State(mut calls): State<Calls>, request: HttpRequest) -> HttpResponse {
    let Ok(_permit) = calls.permits.try_acquire() else {
        return Status::resource_exhausted("too many reports at one time; report later").into_http();
    };
    match timeout(PATIENCE, calls.server.call(request)).await {
        Ok(Ok(response)) => response.map(Body::new),
        Ok(Err(never)) => match never {},
        Err(_) => Status::deadline_exceeded("the report did not arrive in time").into_http(),
    }
}
