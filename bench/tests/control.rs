//! `bench control` as users start it, in short.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;
use evenkeel_tests::artifact;
use evenkeel_tests::process::Process;
use serde_json::Value;

/// Longer than it takes on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

#[test]
fn in_short_every_proxy_is_answered_and_the_cost_is_told() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let json = folder.path().join("rows.json");
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel-bench"));
    command.args(["control", "--quick", "--json"]).arg(&json);
    // What it costs is not asked here, so it need not be built as it is released.
    command.env("EVENKEEL_RELEASED_BINARY", artifact::control_plane()?);
    let mut process = Process::spawn("bench control", command, &folder.path().join("log"))?;
    let status = process.wait(PATIENCE)?;
    assert!(status.success(), "{status}\n{}", process.log());
    assert!(process.log().contains("Reports to one control plane"), "{}", process.log());
    let rows: Value = serde_json::from_slice(&fs::read(json)?)?;
    let row = &rows[0];
    assert_eq!(row["proxies"], 100, "{rows}");
    assert!(row["reports_per_s"].as_f64() > Some(10.0), "each proxy reports each second: {rows}");
    assert!(row["rss_mb"].as_f64() > Some(1.0), "{rows}");
    Ok(())
}
