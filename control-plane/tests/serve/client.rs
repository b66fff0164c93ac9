//! One client for all four transports.

use evenkeel_proto::CLUSTER_LOAD_ASSIGNMENT;
use evenkeel_proto::envoy::config::core::v3::Node;
use evenkeel_proto::envoy::config::core::v3::address::Address::SocketAddress;
use evenkeel_proto::envoy::config::core::v3::socket_address::PortSpecifier::PortValue;
use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;
use evenkeel_proto::envoy::config::endpoint::v3::lb_endpoint::HostIdentifier;
use evenkeel_proto::envoy::service::discovery::v3::aggregated_discovery_service_client::AggregatedDiscoveryServiceClient;
use evenkeel_proto::envoy::service::discovery::v3::{
    DeltaDiscoveryRequest, DeltaDiscoveryResponse, DiscoveryRequest, DiscoveryResponse,
};
use evenkeel_proto::envoy::service::endpoint::v3::endpoint_discovery_service_client::EndpointDiscoveryServiceClient;
use evenkeel_proto::google::protobuf::Any;
use evenkeel_proto::google::rpc::Status as RpcStatus;
use prost::Message;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr as Address;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use tonic::{Request, Status, Streaming};

/// Longer than anything here takes; whoever waits longer waits in vain.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The ways to ask for endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    EdsSotw,
    EdsDelta,
    AdsSotw,
    AdsDelta,
}

pub const TRANSPORTS: [Transport; 4] =
    [Transport::EdsSotw, Transport::EdsDelta, Transport::AdsSotw, Transport::AdsDelta];

impl Transport {
    pub fn is_delta(self) -> bool {
        matches!(self, Self::EdsDelta | Self::AdsDelta)
    }
}

enum Stream {
    Sotw(mpsc::Sender<DiscoveryRequest>, Streaming<DiscoveryResponse>),
    Delta(mpsc::Sender<DeltaDiscoveryRequest>, Streaming<DeltaDiscoveryResponse>),
}

/// A client that remembers what a client has to.
pub struct Client {
    stream: Stream,
    wanted: BTreeSet<String>,
    introduced: bool,
    nonce: String,
    /// What a client that comes back says it still has.
    pub versions: BTreeMap<String, String>,
}

/// The endpoints in a response: resource name to `address:port`.
pub type Endpoints = BTreeMap<String, Vec<String>>;

pub async fn channel(address: Address) -> Channel {
    Channel::from_shared(format!("http://{address}")).unwrap().connect().await.unwrap()
}

impl Client {
    pub async fn open(address: Address, transport: Transport) -> Result<Self, Status> {
        Self::open_on(channel(address).await, transport).await
    }

    pub async fn open_on(channel: Channel, transport: Transport) -> Result<Self, Status> {
        let stream = Stream::open(channel, transport).await?;
        let (wanted, versions) = (BTreeSet::new(), BTreeMap::new());
        Ok(Self { stream, wanted, introduced: false, nonce: String::new(), versions })
    }

    /// Wants one more name.
    pub async fn subscribe(&mut self, name: &str) {
        self.wanted.insert(name.to_owned());
        self.send(Some(name), None).await;
    }

    pub async fn accept(&mut self) {
        self.send(None, None).await;
    }

    pub async fn reject(&mut self) {
        self.send(None, Some(RpcStatus { message: "not to my taste".to_owned(), ..RpcStatus::default() })).await;
    }

    /// Waits for a response and accepts it.
    pub async fn accepted(&mut self) -> Endpoints {
        let endpoints = self.response().await.unwrap();
        self.accept().await;
        endpoints
    }

    /// Waits for a response, or for the end of the stream.
    pub async fn response(&mut self) -> Result<Endpoints, Status> {
        let response = timeout(PATIENCE, self.next()).await.expect("no response");
        response.transpose().unwrap_or_else(|| Err(Status::ok("ended")))
    }

    async fn next(&mut self) -> Result<Option<Endpoints>, Status> {
        let assignments: Vec<Any> = match &mut self.stream {
            Stream::Sotw(_, responses) => {
                let Some(response) = responses.message().await? else { return Ok(None) };
                self.nonce = response.nonce;
                response.resources
            }
            Stream::Delta(_, responses) => {
                let Some(response) = responses.message().await? else { return Ok(None) };
                assert_eq!(response.removed_resources, [""; 0]);
                self.nonce = response.nonce;
                let versions =
                    response.resources.iter().map(|resource| (resource.name.clone(), resource.version.clone()));
                self.versions.extend(versions);
                response.resources.into_iter().map(|resource| resource.resource.unwrap()).collect()
            }
        };
        Ok(Some(assignments.into_iter().map(endpoints).collect()))
    }

    async fn send(&mut self, added: Option<&str>, error_detail: Option<RpcStatus>) {
        let node = (!self.introduced).then(|| Node { id: "test".to_owned(), ..Node::default() });
        let (type_url, response_nonce) = (CLUSTER_LOAD_ASSIGNMENT.to_owned(), self.nonce.clone());
        match &self.stream {
            Stream::Sotw(requests, _) => {
                let resource_names = self.wanted.iter().cloned().collect();
                let version_info = String::new();
                let request =
                    DiscoveryRequest { version_info, node, resource_names, type_url, response_nonce, error_detail };
                requests.send(request).await.unwrap();
            }
            Stream::Delta(requests, _) => {
                let request = DeltaDiscoveryRequest {
                    node,
                    type_url,
                    resource_names_subscribe: added.map(str::to_owned).into_iter().collect(),
                    resource_names_unsubscribe: Vec::new(),
                    initial_resource_versions: if self.introduced { BTreeMap::new() } else { self.versions.clone() },
                    response_nonce,
                    error_detail,
                };
                requests.send(request).await.unwrap();
            }
        }
        self.introduced = true;
    }
}

impl Stream {
    async fn open(channel: Channel, transport: Transport) -> Result<Self, Status> {
        let mut eds = EndpointDiscoveryServiceClient::new(channel.clone());
        let mut ads = AggregatedDiscoveryServiceClient::new(channel);
        let (sotw, sotw_requests) = requests();
        let (delta, delta_requests) = requests();
        Ok(match transport {
            Transport::EdsSotw => Self::Sotw(sotw, eds.stream_endpoints(sotw_requests).await?.into_inner()),
            Transport::EdsDelta => Self::Delta(delta, eds.delta_endpoints(delta_requests).await?.into_inner()),
            Transport::AdsSotw => Self::Sotw(sotw, ads.stream_aggregated_resources(sotw_requests).await?.into_inner()),
            Transport::AdsDelta => {
                Self::Delta(delta, ads.delta_aggregated_resources(delta_requests).await?.into_inner())
            }
        })
    }
}

fn requests<T>() -> (mpsc::Sender<T>, Request<ReceiverStream<T>>) {
    let (sender, receiver) = mpsc::channel(16);
    (sender, Request::new(ReceiverStream::new(receiver)))
}

#[allow(clippy::needless_pass_by_value)]
fn endpoints(any: Any) -> (String, Vec<String>) {
    assert_eq!(any.type_url, CLUSTER_LOAD_ASSIGNMENT);
    let assignment = ClusterLoadAssignment::decode(any.value).unwrap();
    let endpoints = assignment.endpoints.into_iter().flat_map(|locality| locality.lb_endpoints);
    let addresses = endpoints.map(|endpoint| {
        let Some(HostIdentifier::Endpoint(endpoint)) = endpoint.host_identifier else { panic!("no endpoint") };
        let Some(SocketAddress(address)) = endpoint.address.unwrap().address else { panic!("no address") };
        let Some(PortValue(port)) = address.port_specifier else { panic!("no port") };
        format!("{}:{port}", address.address)
    });
    (assignment.cluster_name, addresses.collect())
}
