//! The example that users copy works as it stands: only its ports and the module's path are others here.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::backend::Backend;
use evenkeel_tests::envoy::{Envoy, Start};
use evenkeel_tests::gateway::PATIENCE;
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::RawHttp2;
use evenkeel_tests::{EnvoyVersion, artifact, on_each_envoy, wait};
use tempfile::TempDir;

on_each_envoy! {
    it_serves_and_live_connections_follow_an_edit_of_the_limits,
}

const FOLDER: &str = "filter/example";
const ENVOY: &str = "envoy.yaml";
const CONNECTION: &str = "evenkeel.connection.yaml";
const REQUEST: &str = "evenkeel.request.yaml";

async fn it_serves_and_live_connections_follow_an_edit_of_the_limits(version: EnvoyVersion) -> Result<()> {
    let backend = Backend::start()?;
    let example = Example::copy(&backend)?;
    let envoy = Start::new(version).run_file(&example.path(ENVOY)).await?;
    is_taken(&envoy, 1).await?;
    let address = envoy.listener("gateway").await?;
    let (mut http1, mut http2) = (RawHttp1::connect(address).await?, RawHttp2::connect(address).await?);
    for _ in 0..10 {
        assert!(!http1.get("/", &[]).await?.closes_connection());
        http2.exchange("/", &[], PATIENCE).await?;
    }
    assert_eq!(http2.seen().goaways(), []);
    assert_eq!(backend.record().total(), 20);
    assert_eq!(envoy.stat("cluster.backend.upstream_rq_200").await?, 20);

    example.edit(CONNECTION, "\"maxRequests\": 10000,", "\"maxRequests\": 10,")?;
    is_drained(&mut http1, &mut http2).await?;
    envoy.stat_until("wasmcustom.evenkeel.drains_requests", |drains| drains == 2, PATIENCE).await?;
    is_taken(&envoy, 2).await
}

/// What both filters discovered was accepted, so often.
async fn is_taken(envoy: &Envoy, reloads: u64) -> Result<()> {
    let connection = discovery("network_filter.evenkeel.connection", "config_reload");
    envoy.stat_until(&connection, |seen| seen == reloads, PATIENCE).await?;
    let request = discovery("http_filter.evenkeel.request", "config_reload");
    envoy.stat_until(&request, |seen| seen == 1, PATIENCE).await?;
    for filter in ["network_filter.evenkeel.connection", "http_filter.evenkeel.request"] {
        for failure in ["config_fail", "update_rejected", "update_failure"] {
            assert_eq!(envoy.stat(&discovery(filter, failure)).await?, 0, "{filter}: {failure}\n{}", envoy.log_tail());
        }
    }
    Ok(())
}

fn discovery(filter: &str, stat: &str) -> String {
    format!("extension_config_discovery.{filter}.{stat}")
}

/// Both connections are used until the server ends them, and answered until then.
async fn is_drained(http1: &mut RawHttp1, http2: &mut RawHttp2) -> Result<()> {
    let request = async || Ok(http1.get("/", &[]).await?.closes_connection());
    wait::until("the last answer by HTTP/1", PATIENCE, request, |last| *last).await?;
    http1.wait_for_end(PATIENCE).await?;
    let request = async || {
        http2.exchange("/", &[], PATIENCE).await?;
        Ok(http2.seen().goaways().len())
    };
    wait::until("GOAWAY", PATIENCE, request, |goaways| *goaways > 0).await?;
    let seen = http2.until("the end", PATIENCE, |seen| seen.end.is_some()).await?;
    ensure!(seen.resets().is_empty(), "{:?}", seen.resets());
    Ok(())
}

/// A copy of the example's files, as a user makes it.
struct Example {
    folder: TempDir,
}

impl Example {
    fn copy(backend: &Backend) -> Result<Self> {
        let example = Self { folder: tempfile::tempdir()? };
        for file in [ENVOY, CONNECTION, REQUEST] {
            fs::copy(artifact::workspace_folder().join(FOLDER).join(file), example.path(file))?;
        }
        for (port, other) in [(9901, 0), (10000, 0), (8080, backend.address().port())] {
            example.edit(ENVOY, &format!("port_value: {port}}}"), &format!("port_value: {other}}}"))?;
        }
        let module = artifact::wasm()?;
        for file in [CONNECTION, REQUEST] {
            example.edit(file, "../../target/evenkeel.wasm", &module.to_string_lossy())?;
        }
        Ok(example)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    /// Puts a changed file in the place of the old one, by rename. What is replaced is in it once.
    fn edit(&self, file: &str, from: &str, to: &str) -> Result<()> {
        let text = fs::read_to_string(self.path(file))?;
        ensure!(text.matches(from).count() == 1, "{file} does not have {from:?} once:\n{text}");
        let unfinished = self.path("unfinished");
        fs::write(&unfinished, text.replace(from, to))?;
        fs::rename(&unfinished, self.path(file)).with_context(|| format!("cannot replace {file}"))
    }
}
