//! Where a policy acts: on a gateway, or on one side of the sidecar of a pod.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Result;
use evenkeel_tests::istio::{Proxy, ROOT_NAMESPACE, Role};
use evenkeel_tests::raw_http1::RawHttp1;

/// Where the gateway's pod serves.
const GATEWAY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 244, 100, 1)), 8080);
/// Where the application of the first pod serves, behind its sidecar.
const POD: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 244, 1, 1)), 8080);
/// Where the sidecar of the pod that is a client takes what its application sends.
const EGRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 244, 100, 2)), 80);
/// Where sidecars take what comes in.
const VIRTUAL_INBOUND: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 15006);
const CLIENT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 9, 9, 9)), 5555);

const GATEWAY_OBJECTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: gateway, namespace: istio-system}, spec: {
  selector: {istio: gateway}, ports: [{name: http, port: 8080}]}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gateway, namespace: istio-system}, spec: {
  selector: {istio: gateway},
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, bind: 10.244.100.1, hosts: ['*']}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: istio-system}, spec: {
  hosts: ['*'], gateways: [gateway],
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}}]}]}}
";
/// Nothing redirects connections here: the PROXY protocol says where they were going.
const SIDECAR_OBJECTS: &str = "
{apiVersion: networking.istio.io/v1alpha3, kind: EnvoyFilter, metadata: {name: original-destination, namespace: shop}, spec: {
  workloadSelector: {labels: {app: cart}}, priority: 1,
  configPatches: [{applyTo: LISTENER_FILTER, match: {context: SIDECAR_INBOUND, listener: {name: virtualInbound}},
    patch: {operation: INSERT_FIRST, value: {name: envoy.filters.listener.proxy_protocol, typed_config: {
      '@type': type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol}}}}]}}
";

/// The application of this pod sends to an address of its sidecar, for nothing redirects connections here.
const EGRESS_OBJECTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {
  selector: {app: web}, ports: [{name: http, port: 80}]}}
---
{apiVersion: networking.istio.io/v1, kind: Sidecar, metadata: {name: web, namespace: shop}, spec: {
  workloadSelector: {labels: {app: web}},
  egress: [{port: {number: 80, protocol: HTTP, name: http}, bind: 10.244.100.2, captureMode: NONE, hosts: ['./*']}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: shop}, spec: {
  hosts: [evenkeel.test],
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}}]}]}}
";

/// A proxy that accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Gateway,
    /// Where the sidecar takes what comes to its pod.
    Sidecar,
    /// Where the sidecar of another pod takes what that sends.
    Egress,
}

impl Place {
    /// What there is in the cluster before a policy, beside the pods.
    pub const fn objects(self) -> &'static str {
        match self {
            Self::Gateway => GATEWAY_OBJECTS,
            Self::Sidecar => SIDECAR_OBJECTS,
            Self::Egress => EGRESS_OBJECTS,
        }
    }

    /// The namespace and the name of the Service whose pod it is, and a label of the pod.
    pub const fn service(self) -> (&'static str, &'static str, (&'static str, &'static str)) {
        match self {
            Self::Gateway => (ROOT_NAMESPACE, "gateway", ("istio", "gateway")),
            Self::Sidecar => ("shop", "cart", ("app", "cart")),
            Self::Egress => ("shop", "web", ("app", "web")),
        }
    }

    /// The proxy.
    pub fn proxy(self) -> Proxy {
        let (namespace, service, (key, value)) = self.service();
        let (role, address) = match self {
            Self::Gateway => (Role::Router, GATEWAY.ip()),
            Self::Sidecar => (Role::Sidecar, POD.ip()),
            Self::Egress => (Role::Sidecar, EGRESS.ip()),
        };
        Proxy {
            role,
            address,
            name: format!("{service}-1"),
            namespace: namespace.to_owned(),
            labels: [(key.to_owned(), value.to_owned())].into(),
            dns: None,
        }
    }

    /// A connection of a client.
    pub async fn connect(self) -> Result<RawHttp1> {
        match self {
            Self::Gateway => RawHttp1::connect(GATEWAY).await,
            Self::Sidecar => RawHttp1::connect_by_proxy_protocol(VIRTUAL_INBOUND, CLIENT, POD).await,
            Self::Egress => RawHttp1::connect(EGRESS).await,
        }
    }
}

/// A test for each of the two places that accept connections of clients.
macro_rules! on_each_place {
    ($($test:ident),+ $(,)?) => {
        mod gateway {
            $(#[test] fn $test() -> anyhow::Result<()> {
                evenkeel_tests::network::isolated(|| super::$test(super::Place::Gateway))
            })+
        }
        mod sidecar {
            $(#[test] fn $test() -> anyhow::Result<()> {
                evenkeel_tests::network::isolated(|| super::$test(super::Place::Sidecar))
            })+
        }
    };
}

pub(super) use on_each_place;
