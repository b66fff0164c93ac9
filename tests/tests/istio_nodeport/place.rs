//! Where connections are accepted: by gateways, or by the sidecars of an application.

use anyhow::Result;
use evenkeel_tests::istio::{ROOT_NAMESPACE, Role};
use evenkeel_tests::kubernetes::{Kubernetes, Node, Pods};
use evenkeel_tests::network::NodeNetwork;

const GATEWAY_OBJECTS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: gateway, namespace: istio-system}, spec: {
  type: NodePort, selector: {app: gateway}, ports: [{name: http, port: 80, targetPort: 8080, nodePort: 30080}]}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gateway, namespace: istio-system}, spec: {
  selector: {app: gateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: istio-system}, spec: {
  hosts: ['*'], gateways: [gateway],
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}}]}]}}
";

const SIDECAR_OBJECTS: &str = "
{apiVersion: v1, kind: Namespace, metadata: {name: shop}}
---
{apiVersion: v1, kind: Service, metadata: {name: cart, namespace: shop}, spec: {
  type: NodePort, selector: {app: cart}, ports: [{name: http, port: 80, targetPort: http, nodePort: 30080}]}}
";

/// Whose pods are behind the node port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A gateway's, which pass requests on to an application elsewhere.
    Gateways,
    /// An application's, each with a sidecar that takes what comes to the pod.
    Sidecars,
}

impl Place {
    /// What there is in the cluster before a policy, beside nodes and pods.
    pub const fn objects(self) -> &'static str {
        match self {
            Self::Gateways => GATEWAY_OBJECTS,
            Self::Sidecars => SIDECAR_OBJECTS,
        }
    }

    /// The namespace and the name of the Service with the node port; the name is the label `app` of its pods, too.
    pub const fn service(self) -> (&'static str, &'static str) {
        match self {
            Self::Gateways => (ROOT_NAMESPACE, "gateway"),
            Self::Sidecars => ("shop", "cart"),
        }
    }

    /// What the proxies are in the mesh.
    pub const fn role(self) -> Role {
        match self {
            Self::Gateways => Role::Router,
            Self::Sidecars => Role::Sidecar,
        }
    }

    /// The port at which the proxies accept connections.
    pub const fn port(self) -> u16 {
        match self {
            Self::Gateways => 8080,
            Self::Sidecars => 15006,
        }
    }

    /// What the statistics of a proxy begin with that are about the application.
    pub const fn upstream(self) -> &'static str {
        match self {
            Self::Gateways => "cluster.outbound|80||cart.shop.svc.cluster.local;",
            Self::Sidecars => "cluster.inbound|8080||;",
        }
    }

    /// The application behind gateways, on this node.
    pub async fn behind(self, kubernetes: &Kubernetes, network: &NodeNetwork, node: u8) -> Result<Option<Pods>> {
        if self == Self::Sidecars {
            return Ok(None);
        }
        let mut pods = Pods::on(kubernetes, "shop", "cart", vec![(Node::new(node), network.node(node)?)]);
        pods.scale(2).await?;
        Ok(Some(pods))
    }

    /// A policy for the Service, which has its name.
    pub fn policy(self) -> String {
        let (namespace, name) = self.service();
        format!(
            "{{apiVersion: evenkeel.dev/v1alpha1, kind: ConnectionPolicy,
               metadata: {{name: {name}, namespace: {namespace}}},
               spec: {{targetRefs: [{{kind: Service, name: {name}}}], rebalance: {{settle: 2s}}}}}}"
        )
    }
}
