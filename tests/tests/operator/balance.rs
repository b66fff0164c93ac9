//! The section `rebalance` of a policy directs its group, and what the group does is in its status.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_proto::rebalance::rebalance_client::RebalanceClient;
use evenkeel_proto::rebalance::{ReportRequest, Signal};
use evenkeel_tests::kubernetes::{Node, Pods};
use evenkeel_tests::{http_get, network, wait};
use http::{Request, Uri, header};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpSocket;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tonic::transport::{Channel, Endpoint};

use super::bed::{Bed, PATIENCE};

/// How often a proxy reports.
const INTERVAL: Duration = Duration::from_millis(200);

#[test]
fn what_the_group_does_is_in_the_status_and_an_edit_of_the_policy_acts() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let pods = bed.two_pods().await?;
        let control_plane = bed.control_plane().await?;
        bed.apply_policy("even", "cart", "rebalance: {settle: 1s}").await?;
        bed.condition_becomes("even", "Balanced", ("Unknown", "NoReports")).await?;

        let mut proxies = JoinSet::new();
        for address in pods.addresses() {
            proxies.spawn(report(address, control_plane.xds()));
        }
        bed.condition_becomes("even", "Balanced", ("True", "Balanced")).await?;
        let expected = json!(["even", "cart", "Balanced", 1, 0]);
        ensure!(bed.printed().await? == expected, "{}", bed.printed().await?);

        bed.apply_policy("even", "cart", "rebalance: {settle: 1s, paused: true}").await?;
        bed.condition_becomes("even", "Balanced", ("False", "Paused")).await?;
        bed.apply_policy("even", "cart", "rebalance: {settle: 1s}").await?;
        bed.condition_becomes("even", "Balanced", ("True", "Balanced")).await?;

        // Nobody has said any more that connections may move.
        bed.delete_policy("even").await?;
        let groups = async || Ok(http_get::get(control_plane.admin(), "/v1/groups").await?.1);
        let observed = |groups: &String| groups.contains("\"mode\":\"observe\"");
        wait::until("the group to be only observed", PATIENCE, groups, observed).await.map(drop)
    })
}

#[test]
fn a_control_plane_that_is_paused_moves_nothing_whatever_policies_say() -> Result<()> {
    network::isolated(|| async {
        let bed = Bed::start().await?;
        let pods = bed.two_pods().await?;
        let control_plane = bed.control_plane_at(&bed.kubernetes.api_server, &["--paused"]).await?;
        bed.apply_policy("even", "cart", "inbound: {maxAge: 30m}, rebalance: {mode: enforce, settle: 1s}").await?;
        let mut proxies = JoinSet::new();
        for address in pods.addresses() {
            proxies.spawn(report(address, control_plane.xds()));
        }
        bed.condition_becomes("even", "Balanced", ("False", "Paused")).await?;
        bed.is_programmed("even").await
    })
}

/// A proxy with ten connections, beside the server at this address.
async fn report(address: SocketAddr, control_plane: SocketAddr) {
    let mut client = RebalanceClient::new(channel(address, control_plane));
    let mut report = ReportRequest {
        group: "shop/cart".to_owned(),
        instance: u64::from(address.ip().to_string().bytes().map(u32::from).sum::<u32>()),
        node: address.to_string(),
        live: 10,
        signal: Signal::Connections.into(),
        ..ReportRequest::default()
    };
    loop {
        report.sequence += 1;
        // Before this replica leads and knows the endpoints it refuses.
        drop(client.report(report.clone()).await);
        sleep(INTERVAL).await;
    }
}

/// A channel that comes from the address of a pod, as its proxy's does.
fn channel(from: SocketAddr, to: SocketAddr) -> Channel {
    let from = SocketAddr::new(from.ip(), 0);
    let connect = tower::service_fn(move |_: Uri| async move {
        let socket = TcpSocket::new_v4()?;
        socket.bind(from)?;
        Ok::<_, io::Error>(TokioIo::new(socket.connect(to).await?))
    });
    Endpoint::from_static("http://evenkeel").connect_with_connector_lazy(connect)
}

impl Bed {
    /// The pods of the Service `cart`.
    async fn two_pods(&self) -> Result<Pods> {
        let node = Node::new(1);
        node.apply(&self.kubernetes).await?;
        let mut pods = Pods::new(&self.kubernetes, "shop", "cart", &[node])?;
        pods.scale(2).await?;
        Ok(pods)
    }

    /// What `kubectl get connectionpolicies` prints of the first policy, without its age.
    async fn printed(&self) -> Result<Value> {
        let path = "/apis/evenkeel.dev/v1alpha1/namespaces/shop/connectionpolicies";
        let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
        let request = Request::get(path).header(header::ACCEPT, table).body(Vec::new())?;
        let table: Value = self.kubernetes.client().request(request).await?;
        let columns: Vec<_> =
            table["columnDefinitions"].as_array().into_iter().flatten().map(|one| &one["name"]).collect();
        ensure!(json!(columns) == json!(["Name", "SERVICE", "STATE", "IMBALANCE", "CLOSES", "AGE"]), "{columns:?}");
        let cells = table.pointer("/rows/0/cells").and_then(Value::as_array).context("no rows")?;
        Ok(json!(cells[..cells.len() - 1]))
    }
}
