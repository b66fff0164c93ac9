//! What operators see of the groups, and the policies that they write: with the program as it is shipped.

use crate::client::{PATIENCE, channel};
use crate::program::{Program, command, directory};
use evenkeel_proto::rebalance::rebalance_client::RebalanceClient;
use evenkeel_proto::rebalance::{ReportRequest, Signal};
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tonic::Code;

/// Reports ten connections for the one pod of the group, until that is taken: the endpoints may not be known yet.
async fn report(program: &Program) {
    let mut client = RebalanceClient::new(channel(program.xds).await);
    let report = ReportRequest {
        group: "default/gateway".to_owned(),
        instance: 7,
        sequence: 1,
        live: 10,
        signal: Signal::Connections.into(),
        ..ReportRequest::default()
    };
    loop {
        match client.report(report.clone()).await {
            Ok(_) => return,
            Err(early) => assert_eq!(early.code(), Code::Unavailable, "{early}"),
        }
    }
}

fn status(program: &Program, arguments: &[&str]) -> Output {
    status_at(&program.admin.to_string(), arguments)
}

fn status_at(address: &str, arguments: &[&str]) -> Output {
    let mut status = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    status.args(["status", "--admin-address", address]).args(arguments).output().unwrap()
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// The columns of the line that begins with this.
fn columns(table: &str, first: &str) -> Vec<String> {
    let line = table.lines().find(|line| line.split_whitespace().next() == Some(first));
    line.unwrap_or_else(|| panic!("{first}: {table}")).split_whitespace().map(str::to_owned).collect()
}

#[tokio::test]
async fn groups_are_shown_as_a_table_and_as_json() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    assert_eq!(said(&status(&program, &[])), "No proxy has reported yet.\n");
    report(&program).await;
    let table = said(&status(&program, &[]));
    assert_eq!(columns(&table, "GROUP")[..4], ["GROUP", "STATE", "MEMBERS", "LIVE"]);
    let group = columns(&table, "default/gateway");
    assert_eq!(group[2..5], ["1", "10", "0"], "{table}");
    let details = said(&status(&program, &["default/gateway"]));
    assert_eq!(columns(&details, "127.0.0.1")[2..4], ["10", "0"], "{details}");
    let json: serde_json::Value = serde_json::from_str(&said(&status(&program, &["-o", "json"]))).unwrap();
    assert_eq!((&json["leads"], &json["groups"][0]["live"]), (&true.into(), &10.into()));
    let over_http = |query: &str| program.get(&format!("/v1/groups{query}"));
    assert!(over_http("?group=default/gateway").1.contains("127.0.0.1"));
    assert!(over_http("?group=default/other").1.ends_with("\"groups\":[]}"));
    assert!(over_http("?grou=typo").0.contains("400"));
}

#[tokio::test]
async fn groups_are_metrics() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    report(&program).await;
    for (name, value) in [
        ("evenkeel_leader", 1.0),
        ("evenkeel_group_live_connections{group=\"default/gateway\"}", 10.0),
        ("evenkeel_group_members{group=\"default/gateway\"}", 1.0),
        ("evenkeel_group_closes_total{group=\"default/gateway\"}", 0.0),
        ("evenkeel_group_state{group=\"default/gateway\"", 1.0),
        ("evenkeel_reports_total{result=\"ok\"}", 1.0),
        ("evenkeel_reports_total{result=\"permission_denied\"}", 0.0),
    ] {
        program.wait_for(name, value).await;
        assert!(program.get("/metrics").1.contains(name), "{name}");
    }
}

#[test]
fn what_cannot_be_shown_is_told_with_a_remedy() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    let failed = |output: Output| {
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true));
        String::from_utf8(output.stderr).unwrap()
    };
    let unknown = failed(status(&program, &["default/gateway"]));
    assert!(unknown.contains("no proxy has reported for the group \"default/gateway\""), "{unknown}");
    let nameless = failed(status(&program, &["gateway"]));
    assert!(nameless.contains("\"gateway\" is no group; name its Service"), "{nameless}");
    let nobody = failed(status_at("127.0.0.1:1", &[]));
    assert!(nobody.contains("--admin-address 127.0.0.1:1: is it the admin port of a running"), "{nobody}");
    let nowhere = failed(status_at("no address", &[]));
    assert!(nowhere.contains("\"no address\" is no address; use one such as"), "{nowhere}");
}

#[test]
fn whoever_watches_sees_it_again_and_again() {
    let (_directory, file) = directory();
    let program = Program::start(&file);
    let mut watching = Command::new(env!("CARGO_BIN_EXE_evenkeel"))
        .args(["status", "--watch", "--admin-address", &program.admin.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(watching.stdout.take().unwrap()));
    for _ in 0..2 {
        assert_eq!(lines.next().unwrap().unwrap(), "No proxy has reported yet.");
    }
    // It ends when nobody reads any more.
    drop(lines);
    assert!(watching.wait().unwrap().success());
}

async fn state_becomes(program: &Program, accepts: impl Fn(&str) -> bool) {
    let since = Instant::now();
    loop {
        report(program).await;
        let state = columns(&said(&status(program, &[])), "default/gateway")[1].clone();
        if accepts(&state) {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{state}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn write(policies: &Path, text: &str) {
    let unfinished = policies.with_extension("unfinished");
    fs::write(&unfinished, text).unwrap();
    fs::rename(unfinished, policies).unwrap();
}

#[tokio::test]
async fn policies_are_followed_and_the_last_good_ones_stay() {
    let (directory, file) = directory();
    let policies = directory.path().join("policies.yaml");
    write(&policies, "paused: true");
    let program = Program::of(command(&file).arg("--policies").arg(&policies));
    state_becomes(&program, |state| state == "Paused").await;
    write(&policies, "paused: perhaps");
    program.wait_for("evenkeel_policies_last_reload_failed", 1.0).await;
    state_becomes(&program, |state| state == "Paused").await;
    write(&policies, "policies: [{namespace: default, service: gateway, rebalance: {settle: 1s}}]");
    state_becomes(&program, |state| state != "Paused").await;
    program.wait_for("evenkeel_policies_last_reload_failed", 0.0).await;
}

#[test]
fn policies_that_are_wrong_at_the_start_are_an_exit_code_of_1_and_a_reason() {
    let (directory, file) = directory();
    let policies = directory.path().join("policies.yaml");
    fs::write(&policies, "policies: [{namespace: default, service: gateway, rebalance: {maxRate: 7}}]").unwrap();
    let output = command(&file).arg("--policies").arg(&policies).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let reason = String::from_utf8(output.stderr).unwrap();
    assert!(
        reason.contains("policies.yaml: line 1, column 72: policies[0].rebalance.maxRate: 7 is out of range"),
        "{reason}"
    );
}
