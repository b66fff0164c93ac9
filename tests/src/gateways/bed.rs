//! The gateways with a control plane that takes their endpoints from a file.

use std::ffi::OsString;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use evenkeel::rebalance::GroupStatus;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::fleet::Fleet;
use super::gateway::{Gateway, GatewayStats};
use super::plan::Plan;
use super::service::{cluster_file, policies_file};
use super::status;
use crate::control_plane::ControlPlane;

/// Everything that runs; it ends when dropped.
#[derive(Debug)]
pub struct Bed {
    /// All but the control plane.
    pub fleet: Fleet,
    /// The control plane.
    pub control_plane: ControlPlane,
    policies: TempDir,
}

impl Bed {
    /// Starts everything.
    ///
    /// # Errors
    /// When a program is missing (the text names the command that makes it) or refuses its configuration.
    pub async fn start(plan: &Plan) -> Result<Self> {
        let policies = tempfile::tempdir()?;
        write_policy(policies.path(), &plan.policy)?;
        let flags = [OsString::from("--policies"), policies.path().join(POLICIES).into()];
        // It knows no gateway yet.
        let control_plane = ControlPlane::start_with(&cluster_file(&[]), &flags).await?;
        let leader = watch::channel(control_plane.xds()).1;
        let fleet = Fleet::start(plan, &[control_plane.xds()], leader).await?;
        let mut bed = Self { fleet, control_plane, policies };
        let gateways = bed.more_gateways(plan.gateways).await?;
        bed.add(gateways).await?;
        Ok(bed)
    }

    /// Where clients connect.
    pub async fn address(&self) -> Result<SocketAddr> {
        self.fleet.address().await
    }

    /// Fails when a program has ended; the error shows how, and the end of its log.
    pub fn check_running(&mut self) -> Result<()> {
        self.control_plane.process().check_running().context("the control plane")?;
        self.fleet.check_running()
    }

    /// What every gateway says now, in the order of their start.
    pub async fn stats(&self) -> Result<Vec<GatewayStats>> {
        self.fleet.stats().await
    }

    /// What the control plane says of the group of the gateways; `None` while nobody has reported.
    pub async fn group(&self) -> Result<Option<GroupStatus>> {
        status::of(&self.control_plane).await
    }

    /// The group has this `rebalance` in its policy from now on.
    pub fn policy(&self, rebalance: &Value) -> Result<()> {
        write_policy(self.policies.path(), rebalance)
    }

    /// Starts more gateways, which nobody knows yet. Borrows nothing, so that the bed can be watched meanwhile.
    pub fn more_gateways(&self, count: usize) -> impl Future<Output = Result<Vec<Gateway>>> + use<> {
        self.fleet.more_gateways(count)
    }

    /// Makes gateways endpoints by writing them into the control plane's file, and waits until the NodePort has them.
    pub async fn add(&mut self, gateways: Vec<Gateway>) -> Result<()> {
        self.fleet.add(gateways);
        self.edit().await
    }

    /// The newest gateways are endpoints no more. They serve as long as they are kept.
    pub async fn remove(&mut self, count: usize) -> Result<Vec<Gateway>> {
        let removed = self.fleet.remove(count);
        self.edit().await?;
        Ok(removed)
    }

    async fn edit(&self) -> Result<()> {
        let addresses: Vec<_> = self.fleet.gateways().iter().map(Gateway::address).collect();
        self.control_plane.edit(&cluster_file(&addresses))?;
        self.fleet.is_known().await
    }
}

const POLICIES: &str = "policies.yaml";

/// By rename, as `kubectl` and editors do.
fn write_policy(folder: &Path, rebalance: &Value) -> Result<()> {
    let unfinished = folder.join("policies.unfinished");
    fs::write(&unfinished, policies_file(rebalance))?;
    Ok(fs::rename(unfinished, folder.join(POLICIES))?)
}
