//! Configurations: a wrong one is refused with field, value and remedy, and the last good one goes on ruling; a right
//! one rules live connections too and drains nobody by itself; a module that cannot be loaded leaves traffic alone.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use evenkeel_tests::bootstrap::{Bootstrap, CONNECTION_ROOT, Evenkeel, HttpListener, wasm_plugin};
use evenkeel_tests::envoy::Start;
use evenkeel_tests::gateway::{Gateway, PATIENCE, Plan};
use evenkeel_tests::raw_http1::RawHttp1;
use evenkeel_tests::raw_http2::RawHttp2;
use evenkeel_tests::{EnvoyVersion, artifact, on_each_envoy};
use futures::future::try_join_all;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};

on_each_envoy! {
    by_discovery_every_error_names_field_value_and_remedy,
    inline_every_error_names_field_value_and_remedy,
    an_unknown_root_is_refused_with_the_known_ones,
    the_last_good_configuration_rules_until_a_right_one_comes,
    an_edit_moves_the_limits_of_live_connections_and_drains_nobody,
    ten_edits_in_a_row_make_one_set_of_drains,
    a_configuration_that_is_taken_back_rules_again,
    a_module_that_cannot_be_loaded_leaves_traffic_alone_until_a_good_one_comes,
    a_broken_module_does_not_replace_a_good_one,
    plugins_of_one_vm_keep_their_own_settings_and_connections,
}

/// Wrong configurations, and what the log has to say of each.
const WRONG: [(&str, &str); 22] = [
    (
        r#"{"inbound": {"maxAge": "30x"}}"#,
        r#"inbound.maxAge: "30x" is not a duration: write a number and its unit, such as "90s", "30m" or "1h30m""#,
    ),
    (
        r#"{"inbound": {"maxAge": 30}}"#,
        "inbound.maxAge: invalid type: integer `30`, expected a number and its unit in quotes",
    ),
    (
        r#"{"inbound": {"maxAge": "1ms"}}"#,
        r#"inbound.maxAge: "1ms" is out of range: use "100ms" to "365d", or leave the field out for no limit"#,
    ),
    (
        r#"{"inbound": {"maxRequests": 0}}"#,
        "inbound.maxRequests: 0 is out of range: use a whole number from 1 to 4294967295, or leave the field out",
    ),
    (
        r#"{"inbound": {"maxRequests": "many"}}"#,
        r#"inbound.maxRequests: invalid type: string "many", expected a whole number from 1 to 4294967295"#,
    ),
    (
        r#"{"inbound": {"jitter": 1}}"#,
        "inbound.jitter: 1 is out of range: use a number from 0 up to, but not including, 1",
    ),
    (r#"{"inbound": {"jitter": "low"}}"#, r#"inbound.jitter: invalid type: string "low", expected a number from 0"#),
    (r#"{"inbound": {"streamGrace": "soon"}}"#, r#"inbound.streamGrace: "soon" is not a duration: write a number"#),
    (
        r#"{"inbound": {"streamGrace": "9000d"}}"#,
        r#"inbound.streamGrace: "9000d" is out of range: use "100ms" to "365d""#,
    ),
    (
        r#"{"outbound": {"maxAge": "1 fortnight"}}"#,
        r#"outbound.maxAge: "1 fortnight" is not a duration: write a number"#,
    ),
    (r#"{"outbound": {"maxRequests": -1}}"#, "outbound.maxRequests: -1 is out of range: use a whole number from 1"),
    (r#"{"outbound": {"maxRequests": 1.5}}"#, "outbound.maxRequests: 1.5 is out of range: use a whole number from 1"),
    (r#"{"outbound": {"jitter": -0.1}}"#, "outbound.jitter: -0.1 is out of range: use a number from 0 up to"),
    (r#"{"inbound": {"maxage": "30m"}}"#, "inbound.maxage: unknown field `maxage`, expected one of `maxAge`"),
    (r#"{"outbound": {"streamGrace": "5m"}}"#, "outbound.streamGrace: unknown field `streamGrace`, expected one of"),
    (
        r#"{"rebalance": {"group": "gateway", "cluster": "c"}}"#,
        r#"rebalance.group: "gateway" is not a group: write the"#,
    ),
    (
        r#"{"rebalance": {"group": "a/b", "cluster": "c", "maxRate": 0}}"#,
        "rebalance.maxRate: 0 is out of range: use a number above 0 and up to 1, 0.2 is the default",
    ),
    (r#"{"rebalance": {"group": "a/b"}}"#, "rebalance: missing field `cluster`"),
    (r#"{"inbuond": {}}"#, "inbuond: unknown field `inbuond`, expected one of `inbound`, `rebalance`, `outbound`"),
    (r#"{"inbound": ["30m"]}"#, "inbound: invalid type: sequence, expected an object, such as {}"),
    ("[]", "the plugin configuration is not a settings object: invalid type: sequence, expected an object"),
    (r#"{"inbound": {"#, "the plugin configuration is not a settings object: EOF while parsing an object at line 1"),
];

async fn by_discovery_every_error_names_field_value_and_remedy(version: EnvoyVersion) -> Result<()> {
    let gateway = capped(3).start(version).await?;
    for (wrong, why) in WRONG {
        gateway.refused(|files| files.edit_text(wrong)).await?;
        for root in ["evenkeel.connection", "evenkeel.request"] {
            let line = format!("{root} evenkeel: configuration refused: {why}");
            gateway.envoy.log_until(&line, PATIENCE).await?;
        }
    }
    serves_exactly(&gateway, 3).await
}

async fn inline_every_error_names_field_value_and_remedy(version: EnvoyVersion) -> Result<()> {
    // Two at a time: a start takes little more than the time to compile the module.
    let starts = stream::iter(WRONG).map(|(wrong, why)| inline_is_refused(version, wrong, why));
    starts.buffer_unordered(2).try_collect().await
}

async fn inline_is_refused(version: EnvoyVersion, wrong: &str, why: &str) -> Result<()> {
    let listener = HttpListener::new("inline").evenkeel(&Evenkeel::inline(&artifact::wasm()?, wrong));
    let started = Start::new(version).concurrency(1).run(Bootstrap::new("inline").listener(listener).into_json()).await;
    let error = format!("{:#}", started.err().with_context(|| format!("{wrong} was taken"))?);
    ensure!(error.contains(&format!("configuration refused: {why}")), "no {why:?} in {error}");
    Ok(())
}

async fn an_unknown_root_is_refused_with_the_known_ones(version: EnvoyVersion) -> Result<()> {
    let mut plugin = wasm_plugin(CONNECTION_ROOT, &artifact::wasm()?, "{}");
    plugin["config"]["root_id"] = json!("evenkeel.conection");
    let listener = HttpListener::new("inline").network_filter(json!({"name": "evenkeel", "typed_config": plugin}));
    let started = Start::new(version).run(Bootstrap::new("inline").listener(listener).into_json()).await;
    let error = format!("{:#}", started.err().context("it was taken")?);
    let why = r#"root_id: "evenkeel.conection" is not known: use "evenkeel.connection" for the network filter"#;
    ensure!(error.contains(why), "no {why:?} in {error}");
    Ok(())
}

async fn the_last_good_configuration_rules_until_a_right_one_comes(version: EnvoyVersion) -> Result<()> {
    let gateway = capped(3).start(version).await?;
    serves_exactly(&gateway, 3).await?;
    let mut live = RawHttp1::connect(gateway.address).await?;
    assert!(!live.get("/direct", &[]).await?.closes_connection());
    gateway.refused(|files| files.edit(&json!({"inbound": {"maxRequests": 0}}))).await?;
    serves_exactly(&gateway, 3).await?;
    assert!(!live.get("/direct", &[]).await?.closes_connection());
    gateway.edit(&max_requests(5)).await?;
    serves_exactly(&gateway, 5).await?;
    let last_answers = requests(&mut live, 3).await?;
    assert_eq!(last_answers, [false, false, true], "requests 3 to 5 of a connection that was open all along");
    Ok(())
}

async fn an_edit_moves_the_limits_of_live_connections_and_drains_nobody(version: EnvoyVersion) -> Result<()> {
    let gateway = capped(1000).workers(2).start(version).await?;
    let mut http1 = try_join_all((0..10).map(|_| RawHttp1::connect(gateway.address))).await?;
    let mut http2 = RawHttp2::connect(gateway.address).await?;
    for connection in &mut http1 {
        assert_eq!(requests(connection, 10).await?, [false; 10]);
    }
    for _ in 0..10 {
        http2.exchange("/direct", &[], PATIENCE).await?;
    }
    gateway.edit(&max_requests(15)).await?;
    for connection in &mut http1 {
        assert_eq!(requests(connection, 5).await?, [false, false, false, false, true]);
    }
    for request in 11..=15 {
        assert_eq!(http2.seen().goaways().len(), 0, "a GOAWAY before request {request}");
        http2.exchange("/direct", &[], PATIENCE).await?;
    }
    http2.until("the GOAWAY", PATIENCE, |seen| seen.goaways().len() == 1).await?;
    gateway.stat_becomes("drains_requests", 11).await?;
    assert_eq!(gateway.stat("connections_accepted").await?, 11, "nobody had to come back before");
    Ok(())
}

async fn ten_edits_in_a_row_make_one_set_of_drains(version: EnvoyVersion) -> Result<()> {
    let gateway = Plan::new(json!({"inbound": {"maxAge": "1h"}})).workers(2).start(version).await?;
    let mut connections = try_join_all((0..20).map(|_| RawHttp1::connect(gateway.address))).await?;
    for connection in &mut connections {
        assert!(!connection.get("/direct", &[]).await?.closes_connection());
    }
    // Each of them makes every connection overdue, and each leaves a root behind that ticks.
    for edit in 0..10 {
        gateway.edit(&json!({"inbound": {"maxAge": format!("{}ms", 100 + edit)}})).await?;
    }
    gateway.stat_becomes("connections_draining", 20).await?;
    for connection in &mut connections {
        assert!(connection.get("/direct", &[]).await?.closes_connection());
    }
    gateway.stat_becomes("connections_draining", 0).await?;
    assert_eq!(gateway.stat("drains_age").await?, 20);
    assert_eq!(gateway.stat("connections_accepted").await?, 20);
    Ok(())
}

async fn a_configuration_that_is_taken_back_rules_again(version: EnvoyVersion) -> Result<()> {
    let gateway = capped(6).start(version).await?;
    let mut live = RawHttp1::connect(gateway.address).await?;
    assert_eq!(requests(&mut live, 1).await?, [false]);
    gateway.edit(&max_requests(2)).await?;
    serves_exactly(&gateway, 2).await?;
    gateway.edit(&max_requests(6)).await?;
    serves_exactly(&gateway, 6).await?;
    assert_eq!(requests(&mut live, 5).await?, [false, false, false, false, true]);
    Ok(())
}

async fn a_module_that_cannot_be_loaded_leaves_traffic_alone_until_a_good_one_comes(
    version: EnvoyVersion,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let broken = folder.path().join("broken.wasm");
    fs::write(&broken, "this is no WebAssembly")?;
    for bad in [broken, folder.path().join("missing.wasm")] {
        let gateway = capped(2).module(bad).start(version).await?;
        let mut old = RawHttp1::connect(gateway.address).await?;
        assert_eq!(requests(&mut old, 10).await?, [false; 10]);
        gateway.taken(|files| files.edit_module(&artifact::wasm()?)).await?;
        serves_exactly(&gateway, 2).await?;
        assert_eq!(requests(&mut old, 10).await?, [false; 10], "a connection that is older than the filter");
        gateway.stat_becomes("connections_accepted", 1).await?;
    }
    Ok(())
}

async fn a_broken_module_does_not_replace_a_good_one(version: EnvoyVersion) -> Result<()> {
    let gateway = capped(4).start(version).await?;
    let mut live = RawHttp1::connect(gateway.address).await?;
    assert_eq!(requests(&mut live, 3).await?, [false; 3]);
    gateway.refused(|files| files.edit_module(Path::new("missing.wasm"))).await?;
    assert_eq!(requests(&mut live, 1).await?, [true]);
    serves_exactly(&gateway, 4).await
}

async fn plugins_of_one_vm_keep_their_own_settings_and_connections(version: EnvoyVersion) -> Result<()> {
    let module = artifact::wasm()?;
    let listener = |name: &str, cap: u32| {
        let filters = Evenkeel::inline(&module, max_requests(cap)).named(name).with_request();
        HttpListener::new(name).direct_response("/", "direct\n").evenkeel(&filters)
    };
    let bootstrap = Bootstrap::new("two").listener(listener("public", 3)).listener(listener("internal", 5));
    let envoy = Start::new(version).concurrency(1).run(bootstrap.into_json()).await?;
    let mut public = RawHttp1::connect(envoy.listener("public").await?).await?;
    let mut internal = RawHttp1::connect(envoy.listener("internal").await?).await?;
    assert_eq!(requests(&mut internal, 2).await?, [false, false]);
    assert_eq!(requests(&mut public, 3).await?, [false, false, true]);
    assert_eq!(requests(&mut internal, 3).await?, [false, false, true]);
    envoy.stat_until("wasmcustom.evenkeel.drains_requests", |drains| drains == 2, PATIENCE).await?;
    Ok(())
}

fn capped(cap: u32) -> Plan {
    Plan::new(max_requests(cap)).with_request()
}

fn max_requests(cap: u32) -> Value {
    json!({"inbound": {"maxRequests": cap}})
}

/// A new connection is drained with exactly this request.
async fn serves_exactly(gateway: &Gateway, cap: usize) -> Result<()> {
    let mut connection = RawHttp1::connect(gateway.address).await?;
    let answers = requests(&mut connection, cap).await?;
    ensure!(answers.iter().position(|last| *last) == Some(cap - 1), "not exactly {cap} requests: {answers:?}");
    Ok(())
}

/// Sends so many requests; returns of each whether its answer was said to be the last.
async fn requests(connection: &mut RawHttp1, count: usize) -> Result<Vec<bool>> {
    let mut last_answers = Vec::new();
    for _ in 0..count {
        let answer = connection.get("/direct", &[]).await?;
        ensure!(answer.status == 200, "{answer:?}");
        last_answers.push(answer.closes_connection());
    }
    Ok(last_answers)
}
