//! Asks the admin port.

use crate::admin::GroupList;
use crate::cli::admin::Admin;
use anyhow::{Context, ensure};
use bytes::Bytes;
use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use std::time::Duration;
use tokio::time::timeout;

/// A replica that does not answer within this is not well.
const PATIENCE: Duration = Duration::from_secs(5);

/// The groups, or only one, as the replica at this admin address sees them.
pub async fn fetch(admin_address: &str, group: Option<&str>) -> anyhow::Result<GroupList> {
    let uri = uri(admin_address, &path(group)?)?;
    let answer = timeout(PATIENCE, get(uri)).await;
    let answer = answer.map_err(|_| anyhow::anyhow!("no answer within {PATIENCE:?}")).and_then(|answer| answer);
    answer.with_context(|| {
        format!("--admin-address {admin_address}: is it the admin port of a running `evenkeel serve`?")
    })
}

/// The same, as the pod with this admin port sees them.
pub async fn fetch_through(leader: &Admin, group: Option<&str>) -> anyhow::Result<GroupList> {
    Ok(serde_json::from_str(&leader.get(&path(group)?).await?)?)
}

fn path(group: Option<&str>) -> anyhow::Result<String> {
    let query = group.map(checked).transpose()?.map_or_else(String::new, |group| format!("?group={group}"));
    Ok(format!("/v1/groups{query}"))
}

fn uri(admin_address: &str, path: &str) -> anyhow::Result<Uri> {
    let uri = format!("http://{admin_address}{path}");
    uri.parse()
        .with_context(|| format!("--admin-address {admin_address:?} is no address; use one such as 127.0.0.1:18001"))
}

/// Nothing in it has a meaning in a URI.
fn checked(group: &str) -> anyhow::Result<&str> {
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let named = group.split_once('/').is_some_and(|(namespace, name)| plain(namespace) && plain(name));
    ensure!(named, "{group:?} is no group; name its Service, such as istio-system/istio-ingressgateway");
    Ok(group)
}

async fn get(uri: Uri) -> anyhow::Result<GroupList> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let answer = client.get(uri).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&body));
    Ok(serde_json::from_slice(&body)?)
}
