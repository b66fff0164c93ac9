//! Reports over real connections: who is answered, and what a replica that does not lead does.

use crate::certificates::{Authority, Secret};
use crate::client::{Client, PATIENCE, Transport, channel};
use crate::server::{GATEWAY, Running, Settings, gateway, only_gateway};
use evenkeel::model::{Endpoint, Service, Workload};
use evenkeel::rebalance::clock::Clock;
use evenkeel::rebalance::leader::Leadership;
use evenkeel::rebalance::service::{RebalanceMetrics, Rebalancer, grpc_service};
use evenkeel::rebalance::{Policies, Policy};
use evenkeel::source::{Newest, Updates};
use evenkeel::trust::Trust;
use evenkeel::xds::server::{Limits, TlsFiles};
use evenkeel_filter_core::Time;
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use evenkeel_proto::envoy::service::discovery::v3::{DiscoveryRequest, DiscoveryResponse};
use evenkeel_proto::envoy::service::endpoint::v3::endpoint_discovery_service_client::EndpointDiscoveryServiceClient;
use evenkeel_proto::rebalance::rebalance_client::RebalanceClient;
use evenkeel_proto::rebalance::{Directive, ReportRequest, Signal};
use prost::Message;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};
use tonic::{Code, Request, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const INSTANCE: u64 = 7;

/// A server with the rebalance service beside xDS.
struct Bed {
    running: Running,
    leadership: watch::Sender<Leadership>,
    cluster: Updates,
    rebalancer: Rebalancer,
}

impl Bed {
    /// It leads, and knows these endpoints.
    async fn with(settings: Settings, trust: Trust, service: Service) -> Self {
        let bed = Self::unsynced(settings, trust);
        bed.set(service);
        while bed.running.metric("xds_snapshots_total") == 0.0 {
            tokio::task::yield_now().await;
        }
        bed
    }

    fn unsynced(settings: Settings, trust: Trust) -> Self {
        let (leadership, led) = watch::channel(Leadership::ALWAYS);
        let (cluster, newest): (Updates, Newest) = Updates::new();
        let (rebalancer, steering) = Rebalancer::new(Clock::start(), led, RebalanceMetrics::default());
        let services = vec![grpc_service(rebalancer.clone(), trust)];
        let quick = Policy { settle: Duration::from_millis(100), ..Policy::default() };
        let policies = Arc::new(Policies { default: quick, ..Policies::default() });
        tokio::spawn(rebalancer.clone().run(newest, watch::channel(policies).1));
        let running = Running::unsynced(Settings { services, steering: Some(steering), ..settings });
        Self { running, leadership, cluster, rebalancer }
    }

    fn set(&self, service: Service) {
        self.cluster.publish(crate::server::cluster([service.clone()]));
        self.running.set([service]);
    }

    async fn client(&self) -> RebalanceClient<Channel> {
        RebalanceClient::new(channel(self.running.address).await)
    }
}

fn loopback() -> Service {
    gateway(["127.0.0.1:80".parse().unwrap()].into_iter())
}

fn report() -> ReportRequest {
    ReportRequest {
        group: "default/gateway".to_owned(),
        instance: INSTANCE,
        sequence: 1,
        node: "gateway-1".to_owned(),
        live: 10,
        signal: Signal::Connections.into(),
        ..ReportRequest::default()
    }
}

/// The answer once the endpoints are known.
async fn answered(client: &mut RebalanceClient<Channel>, report: &ReportRequest) -> Result<Directive, Status> {
    loop {
        match client.report(report.clone()).await {
            Err(early) if early.message().contains("have not been read") => tokio::task::yield_now().await,
            answer => return answer.map(tonic::Response::into_inner),
        }
    }
}

#[tokio::test]
async fn a_pod_that_calls_from_its_own_address_is_answered_and_is_seen() {
    let bed = Bed::with(Settings::default(), Trust::default(), loopback()).await;
    let directive = answered(&mut bed.client().await, &report()).await.unwrap();
    assert_eq!((directive.instance, directive.drains), (INSTANCE, 0));
    assert!(directive.revision > 0);
    let [group] = <[_; 1]>::try_from(bed.rebalancer.statuses()).unwrap();
    assert_eq!((group.group.as_str(), group.live, group.members.len()), ("default/gateway", 10, 1));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_reason() {
    let bed = Bed::with(Settings::default(), Trust::default(), loopback()).await;
    let mut client = bed.client().await;
    answered(&mut client, &report()).await.unwrap();
    let mut refused = async |wrong: ReportRequest| client.report(wrong).await.unwrap_err();
    let stranger = refused(ReportRequest { addresses: vec!["10.0.0.9".to_owned()], ..report() }).await;
    assert_eq!(stranger.code(), Code::PermissionDenied);
    assert!(stranger.message().contains("10.0.0.9"), "{stranger}");
    assert_eq!(
        refused(ReportRequest { group: "default/no".to_owned(), ..report() }).await.code(),
        Code::PermissionDenied
    );
    assert_eq!(refused(ReportRequest { instance: 0, ..report() }).await.code(), Code::InvalidArgument);
    let large = ReportRequest { node: "x".repeat(100_000), ..report() };
    assert_eq!(refused(large).await.code(), Code::OutOfRange);
}

#[tokio::test]
async fn health_and_reflection_tell_of_it() {
    const SERVICE: &str = "evenkeel.rebalance.v1.Rebalance";
    let bed = Bed::with(Settings::default(), Trust::default(), loopback()).await;
    let mut health = HealthClient::new(channel(bed.running.address).await);
    let asked = HealthCheckRequest { service: SERVICE.to_owned() };
    assert_eq!(health.check(asked).await.unwrap().into_inner().status(), ServingStatus::Serving);
    let mut reflection = ServerReflectionClient::new(channel(bed.running.address).await);
    let asked = Some(MessageRequest::FileContainingSymbol(SERVICE.to_owned()));
    let request = ServerReflectionRequest { host: String::new(), message_request: asked };
    let mut answers = reflection.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
    let answer = answers.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::FileDescriptorResponse(file)) = answer else { panic!("{answer:?}") };
    assert!(String::from_utf8_lossy(&file.file_descriptor_proto[0]).contains("ReportRequest"));
}

#[tokio::test]
async fn nobody_is_answered_before_the_endpoints_are_known() {
    let bed = Bed::unsynced(Settings::default(), Trust::default());
    let early = bed.client().await.report(report()).await.unwrap_err();
    assert_eq!((early.code(), early.message()), (Code::Unavailable, "the endpoints have not been read completely yet"));
}

#[tokio::test]
async fn a_replica_that_does_not_lead_says_so_and_ends_the_connection_when_its_streams_have_ended() {
    let bed = Bed::with(Settings::default(), Trust::default(), loopback()).await;
    let mut reporting = bed.client().await;
    answered(&mut reporting, &report()).await.unwrap();
    bed.leadership.send_replace(Leadership::NONE);

    let shared = channel(bed.running.address).await;
    let mut endpoints = Client::open_on(shared.clone(), Transport::EdsDelta).await.unwrap();
    endpoints.subscribe(GATEWAY).await;
    assert_eq!(endpoints.accepted().await, only_gateway(&["127.0.0.1:80"]));
    let refused = RebalanceClient::new(shared).report(report()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("does not lead"), "{refused}");
    // The connection takes no new calls, and the stream on it goes on.
    bed.set(gateway(["127.0.0.2:80".parse().unwrap()].into_iter()));
    assert_eq!(endpoints.accepted().await, only_gateway(&["127.0.0.2:80"]));
    drop((reporting, endpoints));
    bed.running.wait_for("xds_connections ", 0.0).await;
}

#[tokio::test]
async fn a_replica_knows_of_groups_only_while_it_leads_and_learns_anew_with_each_term() {
    let bed = Bed::with(Settings::default(), Trust::default(), loopback()).await;
    let mut client = bed.client().await;
    answered(&mut client, &report()).await.unwrap();
    assert!(bed.rebalancer.leads() && bed.rebalancer.statuses().len() == 1);
    bed.leadership.send_replace(Leadership::NONE);
    assert!(!bed.rebalancer.leads() && bed.rebalancer.statuses().is_empty());
    bed.leadership.send_replace(Leadership::until(1, Time::NEVER));
    assert!(bed.rebalancer.leads() && bed.rebalancer.statuses().is_empty());
    answered(&mut client, &report()).await.unwrap();
    assert_eq!(bed.rebalancer.statuses().len(), 1);
    // Its time is over although nobody has said so.
    bed.leadership.send_replace(Leadership::until(1, Time::from_nanoseconds(0)));
    assert_eq!(client.report(report()).await.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_connection_without_streams_ends_at_once() {
    let bed = Bed::with(Settings::default(), Trust::default(), loopback()).await;
    bed.leadership.send_replace(Leadership::NONE);
    let mut client = bed.client().await;
    assert_eq!(client.report(report()).await.unwrap_err().code(), Code::Unavailable);
    bed.running.wait_for("xds_connections ", 0.0).await;
    bed.leadership.send_replace(Leadership::ALWAYS);
    let mut client = bed.client().await;
    answered(&mut client, &report()).await.unwrap();
    bed.running.wait_for("xds_connections ", 1.0).await;
}

#[tokio::test]
async fn a_connection_that_only_reports_is_not_silent() {
    let limits = Limits { silence: Duration::from_secs(1), ..Limits::default() };
    let bed = Bed::with(Settings { limits, ..Settings::default() }, Trust::default(), loopback()).await;
    let mut client = bed.client().await;
    answered(&mut client, &report()).await.unwrap();
    let mut silent = TcpStream::connect(bed.running.address).await.unwrap();
    let end = async { while !matches!(silent.read(&mut [0; 64]).await, Ok(0) | Err(_)) {} };
    timeout(PATIENCE, end).await.expect("the silent one is not ended");
    answered(&mut client, &ReportRequest { sequence: 2, ..report() }).await.unwrap();
    assert!((bed.running.metric("xds_connections ") - 1.0).abs() < f64::EPSILON);
}

/// A gateway at other addresses than that of the caller, whose pods have the service account `gateway`.
fn elsewhere(addresses: &[&str]) -> Service {
    let workload = Arc::new(Workload {
        namespace: "istio-system".to_owned(),
        service_account: "gateway".to_owned(),
        ..Workload::default()
    });
    let service = gateway(addresses.iter().map(|address| address.parse().unwrap()));
    let known = |endpoint| Endpoint { workload: Some(workload.clone()), ..endpoint };
    Service { endpoints: service.endpoints.into_iter().map(known).collect(), ..service }
}

fn for_elsewhere() -> ReportRequest {
    ReportRequest { addresses: vec!["10.0.0.1".to_owned()], ..report() }
}

#[tokio::test]
async fn a_certificate_proves_for_which_pods_somebody_speaks() {
    let authority = Authority::new();
    let secret = Secret::with(&authority.issue("evenkeel"), &authority.pem());
    let files = TlsFiles {
        certificate: secret.file("tls.crt"),
        key: secret.file("tls.key"),
        client_ca: Some(secret.file("ca.crt")),
    };
    let settings = Settings { tls: Some(files), ..Settings::default() };
    let bed = Bed::with(settings, Trust::default(), elsewhere(&["10.0.0.1:80"])).await;
    let answer = async |uri: &str| {
        let (certificate, key) = authority.issue_to_uri(uri);
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem())).domain_name("evenkeel");
        let tls = tls.identity(Identity::from_pem(certificate, key));
        let endpoint = Channel::from_shared(format!("https://{}", bed.running.address)).unwrap();
        let channel = endpoint.tls_config(tls).unwrap().connect().await.unwrap();
        answered(&mut RebalanceClient::new(channel), &for_elsewhere()).await.map_err(|status| status.code())
    };
    assert!(answer("spiffe://cluster.local/ns/istio-system/sa/gateway").await.is_ok());
    for other in ["ns/istio-system/sa/other", "ns/default/sa/gateway"] {
        assert_eq!(answer(&format!("spiffe://cluster.local/{other}")).await, Err(Code::PermissionDenied), "{other}");
    }
    assert_eq!(answer("spiffe://elsewhere/ns/istio-system/sa/gateway").await, Err(Code::PermissionDenied));
}

#[tokio::test]
async fn a_sidecar_is_believed_only_if_there_is_one() {
    for (forwarded, expected) in [(true, Ok(())), (false, Err(Code::PermissionDenied))] {
        let trust = Trust { forwarded, ..Trust::default() };
        let bed = Bed::with(Settings::default(), trust, elsewhere(&["10.0.0.1:80"])).await;
        let mut client = bed.client().await;
        // Until the endpoints are known.
        let _ = answered(&mut client, &for_elsewhere()).await;
        assert_eq!(
            client.report(through_sidecar(for_elsewhere())).await.map(drop).map_err(|status| status.code()),
            expected
        );
    }
}

/// As the sidecar of the control plane passes on what the gateway's has sent.
fn through_sidecar(report: ReportRequest) -> Request<ReportRequest> {
    let header = "By=spiffe://cluster.local/ns/a/sa/b;Hash=ab;Subject=\"\";URI=spiffe://cluster.local/ns/istio-system/sa/gateway";
    let mut request = Request::new(report);
    request.metadata_mut().insert("x-forwarded-client-cert", header.parse().unwrap());
    request
}

/// Follows one resource, and says the weights of its hosts whenever they come.
async fn weights_of(bed: &Bed, name: &str) -> (mpsc::Sender<DiscoveryRequest>, Streaming<DiscoveryResponse>) {
    let (requests, receiver) = mpsc::channel(1);
    let resource_names = vec![name.to_owned()];
    let first = DiscoveryRequest { node: Some(Node::default()), resource_names, ..DiscoveryRequest::default() };
    requests.send(first).await.unwrap();
    let mut client = EndpointDiscoveryServiceClient::new(channel(bed.running.address).await);
    let responses = client.stream_endpoints(ReceiverStream::new(receiver)).await.unwrap();
    (requests, responses.into_inner())
}

fn weights(response: &DiscoveryResponse) -> Vec<u32> {
    let assignment = ClusterLoadAssignment::decode(response.resources[0].value.clone()).unwrap();
    let hosts = assignment.endpoints.into_iter().flat_map(|locality| locality.lb_endpoints);
    hosts.map(|host| host.load_balancing_weight.unwrap().value).collect()
}

#[tokio::test]
async fn balancers_that_take_the_steered_view_hear_where_connections_are_missing() {
    let trust = Trust { forwarded: true, ..Trust::default() };
    let bed = Bed::with(Settings::default(), trust, elsewhere(&["10.0.0.1:80", "10.0.0.2:80"])).await;
    let mut client = bed.client().await;
    let _ = answered(&mut client, &report()).await;
    let (requests, mut steered) = weights_of(&bed, "steer/default/gateway:80").await;
    let equal = timeout(PATIENCE, steered.message()).await.unwrap().unwrap().unwrap();
    assert_eq!(weights(&equal), [1, 1]);
    let (version_info, response_nonce) = (equal.version_info, equal.nonce);
    let resource_names = vec!["steer/default/gateway:80".to_owned()];
    let accepted = DiscoveryRequest { version_info, response_nonce, resource_names, ..DiscoveryRequest::default() };
    requests.send(accepted).await.unwrap();

    let reporting = async {
        for sequence in 1.. {
            for (instance, address, live) in [(1, "10.0.0.1", 200), (2, "10.0.0.2", 0)] {
                let interval = Some(Duration::from_millis(100).try_into().unwrap());
                let addresses = vec![address.to_owned()];
                let report = ReportRequest { instance, sequence, addresses, live, interval, ..report() };
                client.report(through_sidecar(report)).await.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::select! {
        () = reporting => unreachable!("it reports for ever"),
        response = timeout(PATIENCE, steered.message()) => {
            let weights = weights(&response.expect("no weights").unwrap().unwrap());
            assert!(weights[1] > weights[0] && weights[0] >= 1, "{weights:?}");
        }
    }
}
