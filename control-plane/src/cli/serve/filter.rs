//! Flags for the filter's binary and the port that serves it.

use super::listeners::listen;
use crate::filter_module::{self, FilterModule, FilterModules, Limits};
use anyhow::{Context, ensure};
use clap::Args;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

/// What proxies fetch.
#[derive(Args, Debug)]
pub struct FilterArguments {
    /// Address for /filter/SHA256.wasm; port 0 takes a free one. It is opened only when there is a filter to serve
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:18002")]
    filter_address: SocketAddr,
    /// The filter to serve, instead of the one that this program was built with. May be repeated: policies name the
    /// first, and proxies that still ask for another get it. evenkeel-caps.wasm, which a `WasmPlugin` names, is served as well
    /// and is never the first
    #[arg(long, value_name = "FILTER.wasm")]
    filter_module: Vec<PathBuf>,
}

impl FilterArguments {
    /// What is served; `None` when there is nothing.
    pub fn modules(&self) -> anyhow::Result<Option<FilterModules>> {
        let mut modules = self.filter_module.iter().map(|file| read(file)).collect::<anyhow::Result<Vec<_>>>()?;
        modules.extend(FilterModule::embedded().context("the filter that this program was built with")?);
        let is_given = !modules.is_empty();
        let modules = FilterModules::new(modules);
        ensure!(modules.is_some() || !is_given, "--filter-module: policies need evenkeel.wasm as well: add it");
        Ok(modules)
    }

    /// Listens, when there is something to serve.
    pub fn listen(&self, modules: Option<&FilterModules>) -> anyhow::Result<Option<TcpListener>> {
        modules.map(|_| listen("--filter-address", self.filter_address)).transpose()
    }
}

fn read(file: &Path) -> anyhow::Result<FilterModule> {
    let flag = || format!("--filter-module {}", file.display());
    let content = std::fs::read(file).with_context(flag)?;
    FilterModule::new(content).with_context(flag)
}

/// Serves them on their listener, if there is anything.
pub async fn serve(listener: TcpListener, modules: FilterModules) -> std::io::Result<()> {
    filter_module::serve(listener, modules, Limits::default()).await;
    Ok(())
}
