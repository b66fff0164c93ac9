//! Lists what Evenkeel watches, page by page, and decodes it: the least that any client has to do.

use std::env;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;
use evenkeel_tests::process::{Process, usage};
use k8s_openapi::api::core::v1::{Node, Pod, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, Resource};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

/// Objects of a page; what `kubectl` and watches ask for, too.
const PAGE: u32 = 500;
/// How long one list of everything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// The command line of the process that lists.
#[derive(Debug, Args)]
pub struct Options {
    /// How to reach the API server.
    #[arg(long, value_name = "FILE")]
    kubeconfig: PathBuf,
}

/// What that process says.
#[derive(Debug, Serialize, Deserialize)]
struct Said {
    services: usize,
    slices: usize,
    peak: u64,
}

/// One list of everything.
#[derive(Clone, Copy, Debug)]
pub struct BareList {
    /// From the start of the process to its end.
    pub complete: Duration,
    /// Its largest resident memory, in bytes.
    pub peak: u64,
}

impl BareList {
    /// Starts a process that lists, and waits for its end.
    pub fn measure(kubeconfig: &Path, services: u32) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("log");
        let mut command = Command::new(env::current_exe()?);
        command.arg("bare-list").arg("--kubeconfig").arg(kubeconfig);
        let begun = Instant::now();
        let mut process = Process::spawn("the bare list", command, &log)?;
        let ended = process.wait(PATIENCE)?;
        let complete = begun.elapsed();
        ensure!(ended.success(), "it has failed: {}", process.log_tail());
        let said: Said = serde_json::from_slice(&fs::read(&log)?).context("its output")?;
        let expected = services as usize;
        ensure!(said.slices == expected && said.services >= expected, "it has found {said:?}, not {expected} of each");
        Ok(Self { complete, peak: said.peak })
    }
}

/// Lists everything at once, as Evenkeel does, in a process of its own.
pub fn run(options: &Options) -> Result<ExitCode> {
    let lists = Builder::new_multi_thread().enable_all().build()?.block_on(list(&options.kubeconfig))?;
    let peak = usage::peak_resident_memory(process::id())?;
    println!("{}", serde_json::to_string(&Said { services: lists.0.len(), slices: lists.1.len(), peak })?);
    // To give memory back is no part of the work.
    process::exit(0)
}

async fn list(kubeconfig: &Path) -> Result<(Vec<Service>, Vec<EndpointSlice>, Vec<Pod>, Vec<Node>)> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let client = Client::try_from(config)?;
    let services = tokio::spawn(all::<Service>(client.clone()));
    let slices = tokio::spawn(all::<EndpointSlice>(client.clone()));
    let pods = tokio::spawn(all::<Pod>(client.clone()));
    let nodes = tokio::spawn(all::<Node>(client));
    Ok((services.await??, slices.await??, pods.await??, nodes.await??))
}

async fn all<K>(client: Client) -> Result<Vec<K>>
where
    K: Resource<DynamicType = ()> + Clone + DeserializeOwned + Debug,
{
    let api: Api<K> = Api::all(client);
    let (mut objects, mut page) = (Vec::new(), ListParams::default().limit(PAGE));
    loop {
        let list = api.list(&page).await?;
        objects.extend(list.items);
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page = page.continue_token(&token),
            None => return Ok(objects),
        }
    }
}
