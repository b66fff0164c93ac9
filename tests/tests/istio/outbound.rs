//! Caps on the connections that a proxy opens, by destination.

use std::time::Duration;

use anyhow::{Result, ensure};
use evenkeel_tests::kubernetes::{Node, Pods};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::{EnvoyVersion, network, wait};

use super::mesh::Mesh;
use super::place::Place;
use super::traffic::{serving, under_load};

const PATIENCE: Duration = Duration::from_secs(20);
const FILTER: &str = "evenkeel.outbound";
const CART: &str = "{host: cart.shop.svc.cluster.local, maxAge: 1s}";
const PAY: &str = "{host: pay.shop.svc.cluster.local, maxAge: 1s}";

/// `/pay` goes to another destination.
fn routes(place: Place) -> String {
    let (namespace, hosts, gateways) = match place {
        Place::Gateway => ("istio-system", "'*'", "gateway"),
        Place::Sidecar | Place::Egress => ("shop", "evenkeel.test", "mesh"),
    };
    format!(
        "{{apiVersion: v1, kind: Service, metadata: {{name: pay, namespace: shop}}, spec: {{
           selector: {{app: pay}}, ports: [{{name: http, port: 80, targetPort: http}}]}}}}
---
{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: cart, namespace: {namespace}}}, spec: {{
           hosts: [{hosts}], gateways: [{gateways}], http: [
           {{match: [{{uri: {{prefix: /pay}}}}], route: [{{destination: {{host: pay.shop.svc.cluster.local}}}}]}},
           {{route: [{{destination: {{host: cart.shop.svc.cluster.local}}}}]}}]}}}}"
    )
}

/// A mesh whose proxy sends to two destinations.
struct Bed {
    mesh: Mesh,
    place: Place,
    _pay: Pods,
}

impl Bed {
    async fn start(place: Place, version: EnvoyVersion) -> Result<Self> {
        let mesh = Mesh::start(place, version).await?;
        let node = Node::new(2);
        node.apply(&mesh.kubernetes).await?;
        mesh.kubernetes.apply(&routes(place)).await?;
        let mut pay = Pods::new(&mesh.kubernetes, "shop", "pay", &[node])?;
        pay.scale(1).await?;
        let bed = Self { mesh, place, _pay: pay };
        let both = async || {
            let mut connection = serving(place).await?;
            bed.paid(&mut connection).await?;
            bed.opened("pay").await
        };
        wait::until("both destinations to be served", PATIENCE, both, |opened| *opened > 0).await?;
        Ok(bed)
    }

    async fn paid(&self, connection: &mut RawHttp1) -> Result<()> {
        let answer = connection.get("/pay", &[]).await?;
        ensure!(answer.status == 200, "{answer:?}");
        Ok(())
    }

    /// What is counted of the connections to a destination.
    async fn count(&self, service: &str, what: &str) -> Result<u64> {
        let cluster = format!("cluster.outbound|80||{service}.shop.svc.cluster.local");
        // Istio marks where its names end.
        let names = [format!("{cluster}.{what}"), format!("{cluster};.{what}")];
        Ok(self.mesh.proxy.stat(&names[0]).await? + self.mesh.proxy.stat(&names[1]).await?)
    }

    /// Connections that were opened to a destination.
    async fn opened(&self, service: &str) -> Result<u64> {
        self.count(service, "upstream_cx_total").await
    }

    /// Waits until several more connections were opened to a destination, with one request after another to `/pay`.
    async fn renews(&self, service: &str, connection: &mut RawHttp1) -> Result<()> {
        let before = self.opened(service).await?;
        let opened = async || {
            self.paid(connection).await?;
            self.opened(service).await
        };
        wait::until("new connections", PATIENCE, opened, |opened| *opened >= before + 4).await.map(drop)
    }
}

/// And a destination comes to the others without a change of any chain.
async fn only_named_destinations_renew_their_connections_and_no_request_fails(
    place: Place,
    version: EnvoyVersion,
) -> Result<()> {
    let bed = Bed::start(place, version).await?;
    let steps = async {
        bed.mesh.apply_policy(&format!("outbound: {{destinations: [{CART}]}}")).await?;
        wait::until("the filter", PATIENCE, async || bed.mesh.has(FILTER).await, |has| *has).await?;
        // All on one connection: each worker of the proxy opens its own.
        let mut live = serving(place).await?;
        bed.renews("cart", &mut live).await?;
        let opened = bed.opened("pay").await?;
        bed.renews("cart", &mut live).await?;
        ensure!(bed.opened("pay").await? == opened, "nobody has said anything of this one");

        bed.mesh.apply_policy(&format!("outbound: {{destinations: [{CART}, {PAY}]}}")).await?;
        bed.renews("pay", &mut live).await?;
        ensure!(!live.get("/", &[]).await?.closes_connection(), "the chain was drained");
        Ok(())
    };
    under_load(place, steps).await?;
    let left = async || bed.count("cart", "upstream_cx_active").await;
    wait::until("idle connections to end", PATIENCE, left, |left| *left == 0).await?;
    ensure!(bed.count("cart", "upstream_cx_destroy_with_active_rq").await? == 0);
    goes_without_a_trace(&bed).await
}

async fn goes_without_a_trace(bed: &Bed) -> Result<()> {
    let steps = async {
        bed.mesh.remove_policy().await?;
        wait::until("the filter to go", PATIENCE, async || bed.mesh.has(FILTER).await, |has| !has).await
    };
    under_load(bed.place, steps).await?;
    ensure!(bed.mesh.istiod.refusals().is_empty(), "{:?}", bed.mesh.istiod.refusals());
    Ok(())
}

#[test]
fn on_a_gateway_only_named_destinations_renew_their_connections_and_no_request_fails() -> Result<()> {
    network::isolated(|| {
        only_named_destinations_renew_their_connections_and_no_request_fails(Place::Gateway, EnvoyVersion::NEWEST)
    })
}

#[test]
fn on_a_sidecar_only_named_destinations_renew_their_connections_and_no_request_fails() -> Result<()> {
    network::isolated(|| {
        only_named_destinations_renew_their_connections_and_no_request_fails(Place::Egress, EnvoyVersion::V1_37)
    })
}

/// Only the renewal is missing then.
#[test]
fn a_module_that_is_missing_leaves_traffic_alone() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start(Place::Egress, EnvoyVersion::NEWEST).await?;
        let sections = format!("outbound: {{destinations: [{CART}]}}");
        let steps = async {
            bed.mesh.apply_with(&sections, std::path::Path::new("/missing.wasm")).await?;
            wait::until("the filter", PATIENCE, async || bed.mesh.has(FILTER).await, |has| *has).await
        };
        under_load(Place::Egress, steps).await?;
        serving(Place::Egress).await.map(drop)
    })
}
