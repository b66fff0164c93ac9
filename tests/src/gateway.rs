//! A gateway as users run it: one Envoy whose listener has Evenkeel's filters.

mod plan;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Result;
use serde_json::Value;

pub use self::plan::Plan;
use crate::bootstrap::OUTBOUND_ROOT;
use crate::envoy::Envoy;
use crate::extension_config::ExtensionConfig;
use crate::wait;

/// How long an observation may take that should hold within a second or two.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The listener's name; its stats are `http.gateway.`.
const LISTENER: &str = "gateway";
/// What the stats of extension discovery start with.
const DISCOVERY: &str = "extension_config_discovery";
/// The cluster of all paths but `/direct`.
pub const CLUSTER: &str = "backend";
/// The cluster that reports go to.
pub const CONTROL_PLANE: &str = "evenkeel-rebalance";

/// Makes one module per supported Envoy, with one test per named function: `envoy_1_37::it_drains` calls
/// `it_drains(EnvoyVersion::V1_37)`.
#[macro_export]
macro_rules! on_each_envoy {
    ($($test:ident),+ $(,)?) => {
        $crate::on_each_envoy! { @version envoy_1_37 V1_37 $($test)+ }
        $crate::on_each_envoy! { @version envoy_1_40 V1_40 $($test)+ }
    };
    (@version $module:ident $version:ident $($test:ident)+) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() -> anyhow::Result<()> {
                    super::$test($crate::EnvoyVersion::$version).await
                }
            )+
        }
    };
}

/// A running gateway; it ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    /// The Envoy.
    pub envoy: Envoy,
    /// Where its filters' configuration comes from.
    pub files: ExtensionConfig,
    /// Where it accepts connections.
    pub address: SocketAddr,
    discovered: Vec<String>,
}

impl Gateway {
    /// The counter or gauge `wasmcustom.evenkeel.NAME`.
    pub async fn stat(&self, name: &str) -> Result<u64> {
        self.envoy.stat(&filter_stat(name)).await
    }

    /// Waits until the filter's counter or gauge is `value`: it follows with the filter's tick.
    ///
    /// # Errors
    /// After [`PATIENCE`]; the text has the last value.
    pub async fn stat_becomes(&self, name: &str, value: u64) -> Result<()> {
        self.envoy.stat_until(&filter_stat(name), |seen| seen == value, PATIENCE).await.map(drop)
    }

    /// Waits until the filter has seen `count` connections in all, and none of them is left.
    ///
    /// # Errors
    /// After [`PATIENCE`].
    pub async fn all_have_ended(&self, count: u64) -> Result<()> {
        self.stat_becomes("connections_accepted", count).await?;
        self.stat_becomes("connections_draining", 0).await?;
        self.stat_becomes("connections_live", 0).await
    }

    /// Gives the filters that know connections new settings and returns when Envoy has taken them.
    ///
    /// # Errors
    /// When Envoy has not taken them after [`PATIENCE`].
    pub async fn edit(&self, settings: &Value) -> Result<()> {
        self.taken_where(|filter| !filter.ends_with(OUTBOUND_ROOT), |files| files.edit(settings)).await
    }

    /// Gives `evenkeel.outbound` new settings and returns when Envoy has taken them.
    ///
    /// # Errors
    /// When Envoy has not taken them after [`PATIENCE`].
    pub async fn edit_outbound(&self, settings: &Value) -> Result<()> {
        self.taken_where(|filter| filter.ends_with(OUTBOUND_ROOT), |files| files.edit_outbound(settings)).await
    }

    /// Changes the files and returns when Envoy has taken the change for all filters.
    ///
    /// # Errors
    /// When Envoy has not taken them after [`PATIENCE`].
    pub async fn taken<T>(&self, change: impl FnOnce(&ExtensionConfig) -> Result<T>) -> Result<()> {
        self.taken_where(|_| true, change).await
    }

    async fn taken_where<T>(
        &self,
        changes: impl Fn(&str) -> bool,
        change: impl FnOnce(&ExtensionConfig) -> Result<T>,
    ) -> Result<()> {
        let before = self.discovery("version").await?;
        change(&self.files)?;
        let has_changed = |(filter, (after, before)): (&String, (&u64, &u64))| !changes(filter) || after != before;
        let differs = |after: &Vec<u64>| self.discovered.iter().zip(after.iter().zip(&before)).all(has_changed);
        let versions = async || self.discovery("version").await;
        wait::until("Envoy to take the change", PATIENCE, versions, differs).await.map(drop)
    }

    /// Changes the files and returns when Envoy has refused the change for all filters.
    ///
    /// # Errors
    /// When Envoy has not refused them after [`PATIENCE`].
    pub async fn refused<T>(&self, change: impl FnOnce(&ExtensionConfig) -> Result<T>) -> Result<()> {
        let before = self.discovery("update_rejected").await?;
        change(&self.files)?;
        let grew = |after: &Vec<u64>| after.iter().zip(&before).all(|(after, before)| after > before);
        let refusals = async || self.discovery("update_rejected").await;
        wait::until("Envoy to refuse the change", PATIENCE, refusals, grew).await.map(drop)
    }

    /// The counter of extension discovery called `name`, of each filter. A version is the hash of its text.
    async fn discovery(&self, name: &str) -> Result<Vec<u64>> {
        let mut values = Vec::new();
        for filter in &self.discovered {
            values.push(self.envoy.stat(&format!("{filter}.{name}")).await?);
        }
        Ok(values)
    }
}

impl Drop for Gateway {
    /// The harness shows what a test has printed when it fails.
    fn drop(&mut self) {
        eprintln!("the end of Envoy's log:\n{}", self.envoy.log_tail());
    }
}

fn filter_stat(name: &str) -> String {
    format!("wasmcustom.evenkeel.{name}")
}
