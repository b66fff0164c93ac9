//! Asks an Envoy.

use crate::check::Envoy;
use crate::cli::admin::Admin;
use anyhow::Context;

/// Everything that is checked.
pub async fn envoy(admin: &Admin) -> anyhow::Result<Envoy> {
    let config_dump = get(admin, "/config_dump?include_eds").await?;
    let (clusters, stats) = (get(admin, "/clusters?format=json").await?, get(admin, "/stats").await?);
    Ok(Envoy::parse(&config_dump, Some(&clusters), Some(&stats))?)
}

/// The answer to GET.
pub async fn get(admin: &Admin, path: &str) -> anyhow::Result<String> {
    admin.get(path).await.with_context(|| match admin {
        Admin::Address(address) => format!("--admin {address}: is it the admin port of a running Envoy? GET {path}"),
        Admin::Pod(_, pod, port) => format!("pod {pod}: is {port} the admin port of an Envoy in it? GET {path}"),
    })
}
