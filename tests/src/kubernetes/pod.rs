//! A pod: an object as its kubelet would write it, and a real server at its address.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::Result;
use k8s_openapi::api::core::v1::Pod as PodObject;
use kube::Api;
use kube::api::{DeleteParams, Patch, PatchParams, PostParams};
use serde_json::json;

use super::{Node, PATIENCE};
use crate::backend::{Backend, Options, Record};
use crate::network::Namespace;
use crate::wait;

/// The port at which every pod serves; its name is `http`.
pub const PORT: u16 = 8080;

/// What a kubelet gives a process before it kills it, in seconds.
const GRACE_PERIOD: u32 = 30;

/// A running pod. Dropping it ends the server and leaves the object.
#[derive(Debug)]
pub struct Pod {
    name: String,
    api: Api<PodObject>,
    backend: Backend,
}

impl Pod {
    /// Starts the server in `network`, then creates the object, running and ready.
    pub(super) async fn start(
        api: Api<PodObject>,
        (name, app): (&str, &str),
        (node, address): (&Node, Ipv4Addr),
        network: &Namespace,
    ) -> Result<Self> {
        let options = Options { address: SocketAddr::new(IpAddr::V4(address), PORT), ..Options::default() };
        let backend = network.run(|| Backend::start_with(&options))?;
        create_ready(&api, (name, app), None, node, options.address).await?;
        Ok(Self { name: name.to_owned(), api, backend })
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.backend.address()
    }

    /// What it has served.
    pub fn record(&self) -> &Record {
        self.backend.record()
    }

    /// What its readiness probe says from now on. It serves in any case.
    pub async fn set_ready(&self, ready: bool) -> Result<()> {
        set_ready(&self.api, &self.name, ready).await
    }

    /// Asks for its end: it is terminating from now on, and serves as long as its grace period lasts.
    pub async fn terminate(&self) -> Result<()> {
        self.api.delete(&self.name, &DeleteParams::default()).await?;
        Ok(())
    }

    /// Ends a pod that is terminating as a kubelet does: the server ends when its clients have gone, then the object.
    ///
    /// # Errors
    /// When clients hold on to it for longer than the grace period.
    pub async fn end(self) -> Result<()> {
        let what = format!("the clients of {} to go", self.name);
        let open = async || Ok(self.backend.record().open_connections());
        wait::until(&what, PATIENCE, open, |open| *open == 0).await?;
        self.set_ready(false).await?;
        self.delete_at_once().await
    }

    /// Deletes the object without a grace period, as when a node is lost, and ends the server.
    pub async fn delete_at_once(self) -> Result<()> {
        let at_once = DeleteParams { grace_period_seconds: Some(0), ..DeleteParams::default() };
        self.api.delete(&self.name, &at_once).await?;
        Ok(())
    }
}

/// Creates the object of a pod, running and ready, with this service account; what serves at its address, on the port `http`,
/// is there already.
///
/// # Errors
/// When there is such an object.
pub async fn create_ready(
    api: &Api<PodObject>,
    named: (&str, &str),
    account: Option<&str>,
    node: &Node,
    address: SocketAddr,
) -> Result<()> {
    create_unready(api, named, account, node, address).await?;
    set_ready(api, named.0, true).await
}

/// The same, and it is not ready until [`set_ready`] says so.
///
/// # Errors
/// When there is such an object.
pub async fn create_unready(
    api: &Api<PodObject>,
    (name, app): (&str, &str),
    account: Option<&str>,
    node: &Node,
    address: SocketAddr,
) -> Result<()> {
    let (ip, port) = (address.ip(), address.port());
    let object = serde_json::from_value(json!({
        "metadata": {"name": name, "labels": {"app": app}},
        "spec": {
            "nodeName": node.name,
            "serviceAccountName": account,
            "terminationGracePeriodSeconds": GRACE_PERIOD,
            "containers": [{"name": app, "image": app, "ports": [{"name": "http", "containerPort": port}]}],
        },
    }))?;
    api.create(&PostParams::default(), &object).await?;
    let addresses = json!({"hostIP": node.address, "podIP": ip, "podIPs": [{"ip": ip}]});
    patch_status(api, name, addresses).await
}

/// What the readiness probe of the pod with this name says from now on.
///
/// # Errors
/// When there is no such object.
pub async fn set_ready(api: &Api<PodObject>, name: &str, ready: bool) -> Result<()> {
    let status = if ready { "True" } else { "False" };
    let conditions = ["Ready", "ContainersReady"].map(|kind| json!({"type": kind, "status": status}));
    patch_status(api, name, json!({"phase": "Running", "conditions": conditions})).await
}

async fn patch_status(api: &Api<PodObject>, name: &str, status: serde_json::Value) -> Result<()> {
    let patch = Patch::Strategic(json!({"status": status}));
    api.patch_status(name, &PatchParams::default(), &patch).await?;
    Ok(())
}
