//! The gateway: its objects, its agent, and connections of its clients.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Result, ensure};
use evenkeel_tests::istio::{Agent, Proxy, Role};
use evenkeel_tests::kubernetes::{Kubernetes, Node, create_ready};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::wait;
use kube::Api;

use super::bed::PATIENCE;

/// Where it takes requests.
pub const ADDRESS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 244, 100, 1)), 8080);

const OBJECTS: &str = "
{apiVersion: v1, kind: Service, metadata: {name: gateway, namespace: shop}, spec: {
  selector: {app: gateway}, ports: [{name: http, port: 8080}]}}
---
{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gateway, namespace: shop}, spec: {
  selector: {app: gateway},
  servers: [{port: {number: 8080, name: http, protocol: HTTP}, bind: 10.244.100.1, hosts: ['*']}]}}
---
{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: cart, namespace: shop}, spec: {
  hosts: ['*'], gateways: [gateway],
  http: [{route: [{destination: {host: cart.shop.svc.cluster.local, port: {number: 80}}}]}]}}
";

/// Everything but its proxy.
pub async fn create(kubernetes: &Kubernetes, node: &Node) -> Result<()> {
    kubernetes.apply(OBJECTS).await?;
    let pods = Api::namespaced(kubernetes.client(), "shop");
    create_ready(&pods, ("gateway-1", "gateway"), Some("gateway"), node, ADDRESS).await
}

/// Its agent, with certificates for this account.
pub fn agent(account: &str) -> Agent {
    let proxy = Proxy {
        role: Role::Router,
        address: ADDRESS.ip(),
        name: "gateway-1".to_owned(),
        namespace: "shop".to_owned(),
        labels: [("app".to_owned(), "gateway".to_owned())].into(),
        dns: None,
    };
    Agent::new(proxy, account, 1)
}

/// A new connection that has been served.
pub async fn connect() -> Result<RawHttp1> {
    let connect = async || {
        let mut connection = RawHttp1::connect(ADDRESS).await?;
        stays(&mut connection).await.map(|()| connection)
    };
    wait::until("the gateway to serve", PATIENCE, connect, |_| true).await
}

/// Serves another request, and goes on.
pub async fn stays(connection: &mut RawHttp1) -> Result<()> {
    let answer = connection.get("/", &[]).await?;
    ensure!(answer.status == 200 && !answer.closes_connection(), "{answer:?}");
    Ok(())
}
