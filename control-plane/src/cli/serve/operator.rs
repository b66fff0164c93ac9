//! Flags for the policies of the cluster.

use crate::cli::mesh::MeshArguments;
use crate::filter_module::FilterModules;
use crate::policy::operator::{PolicyMetrics, Settings};
use crate::policy::render::Module;
use anyhow::Context;
use clap::Args;
use prometheus_client::registry::Registry;

/// Carry out the policies that are in the cluster.
#[derive(Args, Debug)]
pub struct OperatorArguments {
    /// Take policies from the `ConnectionPolicy` objects of the cluster, instead of a file: apply the Istio objects that carry
    /// them out, and write what is to be said of them into their status. Groups that none of them names are only observed
    #[arg(long, conflicts_with_all = ["policies", "file"])]
    policies_from_cluster: bool,
    /// The host name by which Istio's agents reach --filter-address; used with --policies-from-cluster
    #[arg(long, value_name = "HOST", default_value = "evenkeel-filter.evenkeel-system.svc.cluster.local")]
    filter_host: String,
    /// The port of that host
    #[arg(long, value_name = "PORT", default_value_t = 18002)]
    filter_port: u16,
    /// Where proxies fetch the filter, when that is somewhere else: http://, https:// or file://; {sha256} stands for
    /// its hash
    #[arg(long, value_name = "URL", conflicts_with = "filter_host")]
    filter_url: Option<String>,
    #[command(flatten)]
    mesh: MeshArguments,
}

impl OperatorArguments {
    /// What the policies of the cluster become; `None` if they are nobody's concern.
    pub fn settings(
        &self,
        modules: Option<&FilterModules>,
        (namespaces, pod): (&[String], Option<&str>),
        paused: bool,
        registry: &mut Registry,
    ) -> anyhow::Result<Option<Settings>> {
        if !self.policies_from_cluster {
            return Ok(None);
        }
        let modules = modules.context(
            "--policies-from-cluster: this program was built without the filter; name it with --filter-module",
        )?;
        let release = self.mesh.release(self.module(modules)?);
        let metrics = PolicyMetrics::register(registry);
        Ok(Some(Settings { namespaces: namespaces.to_vec(), release, pod: pod.map(str::to_owned), metrics, paused }))
    }

    fn module(&self, modules: &FilterModules) -> anyhow::Result<Module> {
        let (sha256, path) = (modules.current().sha256(), modules.current().path());
        let own = || format!("http://{}:{}{path}", self.filter_host, self.filter_port);
        let url = self.filter_url.as_ref().map_or_else(own, |url| url.replace("{sha256}", sha256));
        Module::new(&url, sha256).context("--filter-url")
    }
}
