//! Another version of the filter, on a gateway that serves.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use evenkeel_bed::artifact;
use evenkeel_tests::{EnvoyVersion, network, wait};
use tempfile::TempDir;

use super::caps::{last_answer, stays};
use super::mesh::Mesh;
use super::place::Place;
use super::traffic::serving;

const PATIENCE: Duration = Duration::from_secs(20);

/// A connection of before keeps the module, and with it the settings, that it came under; a new one gets the new module.
async fn a_new_module_drains_nobody_and_serves_new_connections(version: EnvoyVersion) -> Result<()> {
    let mesh = Mesh::start(Place::Gateway, version).await?;
    let mut before = serving(Place::Gateway).await?;
    mesh.apply_policy("inbound: {maxAge: 1h}").await?;
    // To add a filter drains each connection of its chain, once.
    last_answer(&mut before).await?;
    let mut live = serving(Place::Gateway).await?;
    let folder = tempfile::tempdir()?;
    let next = next_module(&folder)?;
    mesh.apply_with("inbound: {maxAge: 1h}", &next).await?;
    runs(&mesh, &next).await?;
    stays(&mut live).await?;
    let mut new = serving(Place::Gateway).await?;
    ensure!(mesh.drains("age").await == 0, "the new module has drained somebody");
    mesh.apply_with("inbound: {maxAge: 1s}", &next).await?;
    last_answer(&mut new).await?;
    ensure!(mesh.drains("age").await == 1, "somebody else has been drained");
    stays(&mut live).await?;
    ensure!(mesh.istiod.refusals().is_empty(), "{:?}", mesh.istiod.refusals());
    Ok(())
}

/// The filter in other bytes: with a section of its own, which every runtime ignores, at its end.
fn next_module(folder: &TempDir) -> Result<PathBuf> {
    const CUSTOM_SECTION: [u8; 7] = *b"\0\x05\x04next";
    let bytes = [fs::read(artifact::wasm()?)?.as_slice(), &CUSTOM_SECTION].concat();
    let path = folder.path().join("next.wasm");
    fs::write(&path, bytes)?;
    Ok(path)
}

/// Waits until the proxy has this module.
async fn runs(mesh: &Mesh, module: &Path) -> Result<()> {
    let module = module.to_str().context("the path of the module is not UTF-8")?;
    let discovered = async || mesh.proxy.admin("/config_dump?resource=ecds_filters").await;
    wait::until("the new module", PATIENCE, discovered, |dump| dump.contains(module)).await.map(drop)
}

#[test]
fn on_envoy_1_37_a_new_module_drains_nobody_and_serves_new_connections() -> Result<()> {
    network::isolated(|| a_new_module_drains_nobody_and_serves_new_connections(EnvoyVersion::V1_37))
}

#[test]
fn on_the_newest_envoy_a_new_module_drains_nobody_and_serves_new_connections() -> Result<()> {
    network::isolated(|| a_new_module_drains_nobody_and_serves_new_connections(EnvoyVersion::NEWEST))
}
