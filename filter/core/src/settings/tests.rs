use proptest::prelude::*;

use super::*;

fn refused(json: &str) -> String {
    Settings::parse(json.as_bytes()).unwrap_err().to_string()
}

#[test]
fn every_field_is_read() {
    let settings = Settings::parse(
        br#"{"inbound": {"maxAge": "30m", "maxRequests": 10000, "jitter": 0.2, "streamGrace": "1h30m"},
             "rebalance": {"group": "istio-system/gateway", "cluster": "evenkeel-rebalance", "interval": "500ms",
                           "maxRate": 1, "signal": "requests"},
             "outbound": {"maxAge": "90s", "maxRequests": 1, "jitter": 0}}"#,
    )
    .unwrap();
    let inbound = settings.inbound.unwrap();
    assert_eq!(inbound.max_age, Some(Duration::from_mins(30)));
    assert_eq!(inbound.max_requests.map(RequestCount::get), Some(10_000));
    assert_eq!(inbound.jitter, Jitter::try_from(0.2).unwrap());
    assert_eq!(inbound.stream_grace, Some(Duration::from_mins(90)));
    let rebalance = settings.rebalance.unwrap();
    assert_eq!((rebalance.group.as_str(), rebalance.cluster.as_str()), ("istio-system/gateway", "evenkeel-rebalance"));
    assert_eq!((rebalance.interval, rebalance.max_rate.get()), (Duration::from_millis(500), 1.0));
    assert_eq!(rebalance.signal, Signal::Requests);
    let outbound = settings.outbound.unwrap();
    assert_eq!(outbound.max_age, Some(Duration::from_secs(90)));
    assert_eq!(outbound.max_requests.map(RequestCount::get), Some(1));
    assert_eq!(outbound.jitter, Jitter::try_from(0.0).unwrap());
}

#[test]
fn what_is_written_is_read_as_the_same() {
    let json = r#"{"inbound":{"maxAge":"30m","maxRequests":10000,"jitter":0.2,"streamGrace":"90m"},"rebalance":{"group":"istio-system/gateway","cluster":"evenkeel-rebalance","interval":"500ms","maxRate":1.0,"signal":"requests"}}"#;
    let settings = Settings::parse(json.as_bytes()).unwrap();
    assert_eq!(serde_json::to_string(&settings).unwrap(), json);
    let json =
        r#"{"outbound":{"jitter":0.0,"destinations":[{"host":"a.b","maxAge":"5m","maxRequests":7,"jitter":0.2}]}}"#;
    assert_eq!(serde_json::to_string(&Settings::parse(json.as_bytes()).unwrap()).unwrap(), json);
    let outbound = Settings { outbound: Some(Outbound::default()), ..Settings::default() };
    assert_eq!(serde_json::to_string(&outbound).unwrap(), r#"{"outbound":{"jitter":0.0}}"#);
}

#[test]
fn of_rebalance_only_group_and_cluster_are_needed() {
    let settings = Settings::parse(br#"{"rebalance": {"group": "a/b", "cluster": "c", "interval": null}}"#).unwrap();
    let rebalance = settings.rebalance.unwrap();
    assert_eq!((rebalance.interval, rebalance.max_rate.get()), (Duration::from_secs(1), 0.2));
    assert_eq!(rebalance.signal, Signal::Connections);
}

#[test]
fn nothing_and_an_empty_object_and_empty_sections_do_nothing() {
    for json in ["", " \n", "{}"] {
        assert_eq!(Settings::parse(json.as_bytes()).unwrap(), Settings::default());
    }
    let settings = Settings::parse(br#"{"inbound": {}, "outbound": {"maxAge": null}}"#).unwrap();
    assert_eq!(settings.inbound, Some(Inbound::default()));
    assert_eq!(settings.outbound, Some(Outbound::default()));
}

#[test]
fn each_error_names_the_field_the_value_and_the_remedy() {
    let cases = [
        (r#"{"inbound": {"maxAge": "30x"}}"#, ["inbound.maxAge", "30x", r#"such as "90s""#]),
        (r#"{"inbound": {"maxAge": 30}}"#, ["inbound.maxAge", "30", r#"such as "90s""#]),
        (r#"{"inbound": {"maxAge": "0s"}}"#, ["inbound.maxAge", "0s", r#"use "100ms" to "365d""#]),
        (r#"{"inbound": {"maxAge": "2y"}}"#, ["inbound.maxAge", "2y", r#"use "100ms" to "365d""#]),
        (r#"{"inbound": {"maxRequests": 0}}"#, ["inbound.maxRequests", "0", "from 1 to 4294967295"]),
        (r#"{"inbound": {"maxRequests": -3}}"#, ["inbound.maxRequests", "-3", "from 1 to 4294967295"]),
        (r#"{"inbound": {"maxRequests": 1.5}}"#, ["inbound.maxRequests", "1.5", "from 1 to 4294967295"]),
        (r#"{"inbound": {"maxRequests": 4294967296}}"#, ["inbound.maxRequests", "4294967296", "from 1 to 4294967295"]),
        (r#"{"inbound": {"maxRequests": "many"}}"#, ["inbound.maxRequests", "many", "from 1 to 4294967295"]),
        (r#"{"inbound": {"jitter": 1}}"#, ["inbound.jitter", "1", "from 0 up to, but not including, 1"]),
        (r#"{"inbound": {"jitter": -0.1}}"#, ["inbound.jitter", "-0.1", "from 0 up to, but not including, 1"]),
        (r#"{"inbound": {"jitter": "20%"}}"#, ["inbound.jitter", "20%", "from 0 up to, but not including, 1"]),
        (r#"{"inbound": {"streamGrace": "soon"}}"#, ["inbound.streamGrace", "soon", r#"such as "90s""#]),
        (r#"{"inbound": {"maxAgee": "30m"}}"#, ["inbound", "maxAgee", "expected one of `maxAge`"]),
        (r#"{"inbound": 5}"#, ["inbound", "5", "expected an object"]),
        (r#"{"outbound": {"maxAge": "10"}}"#, ["outbound.maxAge", "10", r#"such as "90s""#]),
        (r#"{"outbound": {"maxRequests": 0}}"#, ["outbound.maxRequests", "0", "from 1 to 4294967295"]),
        (r#"{"outbound": {"jitter": 2}}"#, ["outbound.jitter", "2", "from 0 up to, but not including, 1"]),
        (r#"{"outbound": {"streamGrace": "1s"}}"#, ["outbound", "streamGrace", "expected one of `maxAge`"]),
        (r#"{"outbound": {"destinations": {}}}"#, ["outbound.destinations", "map", "sequence"]),
        (
            r#"{"outbound": {"destinations": [{"maxAge": "1s"}]}}"#,
            ["outbound.destinations[0]", "missing field", "`host`"],
        ),
        (
            r#"{"outbound": {"destinations": [{"host": "*.a"}]}}"#,
            ["outbound.destinations[0].host", "*.a", "without wildcards"],
        ),
        (
            r#"{"outbound": {"destinations": [{"host": "a", "maxAge": 1}]}}"#,
            ["outbound.destinations[0].maxAge", "1", r#""90s""#],
        ),
        (
            r#"{"outbound": {"destinations": [{"host": "a"}, {"host": "a"}]}}"#,
            ["outbound.destinations", "a is there twice", "once"],
        ),
        (
            r#"{"outbound": {"maxAge": "1h", "destinations": [{"host": "a"}]}}"#,
            ["outbound: ", "caps of their own", "take `maxAge` and `maxRequests` out"],
        ),
        (r#"{"rebalance": {"cluster": "c"}}"#, ["rebalance", "missing field", "`group`"]),
        (r#"{"rebalance": {"group": "a/b"}}"#, ["rebalance", "missing field", "`cluster`"]),
        (r#"{"rebalance": {"group": "gateway"}}"#, ["rebalance.group", "gateway", "NAMESPACE/NAME"]),
        (r#"{"rebalance": {"group": "a/b/c"}}"#, ["rebalance.group", "a/b/c", "NAMESPACE/NAME"]),
        (r#"{"rebalance": {"group": "a/-b"}}"#, ["rebalance.group", "a/-b", "NAMESPACE/NAME"]),
        (r#"{"rebalance": {"group": "a/B"}}"#, ["rebalance.group", "a/B", "NAMESPACE/NAME"]),
        (r#"{"rebalance": {"cluster": ""}}"#, ["rebalance.cluster", r#""""#, "name the Envoy cluster"]),
        (r#"{"rebalance": {"interval": "10ms"}}"#, ["rebalance.interval", "10ms", "leave the field out for 1s"]),
        (r#"{"rebalance": {"maxRate": 0}}"#, ["rebalance.maxRate", "0", "above 0 and up to 1"]),
        (r#"{"rebalance": {"maxRate": 1.1}}"#, ["rebalance.maxRate", "1.1", "above 0 and up to 1"]),
        (r#"{"rebalance": {"maxRate": "all"}}"#, ["rebalance.maxRate", "all", "above 0 and up to 1"]),
        (r#"{"rebalance": {"signal": "cpu"}}"#, ["rebalance.signal", "cpu", "`connections` or `requests`"]),
        (r#"{"rebalance": {"grup": "a/b"}}"#, ["rebalance.grup", "grup", "expected one of `group`"]),
        (r#"{"inbounds": {}}"#, ["inbounds", "unknown field", "`inbound`"]),
        (r#"{"inbound": {}"#, ["plugin configuration", "line 1", "EOF"]),
        ("maxAge: 30m", ["plugin configuration", "line 1", "expected"]),
        ("{} {}", ["trailing", "line 1", "column 4"]),
        ("[]", ["plugin configuration", "sequence", "expected an object"]),
        (r#"{"inbound": ["30m"]}"#, ["inbound", "sequence", "expected an object"]),
    ];
    for (json, parts) in cases {
        let message = refused(json);
        for part in parts {
            assert!(message.contains(part), "{json}: {part:?} is missing in {message:?}");
        }
    }
}

#[test]
fn the_tick_follows_the_shortest_limit() {
    let period = |json: &str| Settings::parse(json.as_bytes()).unwrap().tick_period(None);
    assert_eq!(period("{}"), Duration::from_secs(1));
    assert_eq!(period(r#"{"inbound": {"maxAge": "30m"}}"#), Duration::from_secs(1));
    assert_eq!(period(r#"{"inbound": {"maxAge": "2s"}, "outbound": {"maxAge": "10m"}}"#), Duration::from_millis(100));
    assert_eq!(period(r#"{"outbound": {"maxAge": "200ms"}}"#), Duration::from_millis(50));
    assert_eq!(Settings::default().tick_period(Some(Duration::from_secs(10))), Duration::from_millis(500));
}

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused_without_a_panic(bytes: Vec<u8>) {
        let _ = Settings::parse(&bytes);
    }
}
