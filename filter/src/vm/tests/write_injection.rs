use super::*;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
const LAST_HEAD: &[u8] = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const GOAWAY: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\0";

/// HEADERS of a response, without content.
fn headers(stream: u8) -> Vec<u8> {
    vec![0, 0, 0, 1, 5, 0, 0, 0, stream]
}

fn capped<'a>(host: &'a FakeHost, inbound: &str) -> Envoy<'a> {
    let mut envoy = Envoy::with_caps_alone(host);
    assert!(envoy.configure(1, CONNECTION, "caps", &format!(r#"{{"inbound": {inbound}}}"#)));
    envoy
}

#[test]
fn the_first_response_after_the_age_says_so_and_no_other_one() {
    let host = FakeHost::default();
    let mut envoy = capped(&host, r#"{"maxAge": "10s"}"#);
    envoy.connect(100, 7, 1);
    envoy.connect(101, 8, 1);
    assert_eq!((envoy.write(100, HEAD), envoy.write(101, SETTINGS)), (HEAD.to_vec(), SETTINGS.to_vec()));
    envoy.tick(1, 10);
    assert_eq!(envoy.write(100, HEAD), LAST_HEAD);
    assert_eq!(envoy.write(101, &headers(1)), [GOAWAY, &headers(1)].concat());
    assert_eq!((envoy.write(100, HEAD), envoy.write(101, &headers(3))), (HEAD.to_vec(), headers(3)));
    assert_eq!(envoy.metric("evenkeel.drains_age"), 2);
}

#[test]
fn the_response_to_the_last_request_says_so() {
    let host = FakeHost::default();
    let mut envoy = capped(&host, r#"{"maxRequests": 2}"#);
    envoy.connect(100, 7, 1);
    envoy.connect(101, 8, 1);
    assert_eq!(envoy.write(100, HEAD), HEAD);
    assert_eq!(envoy.write(100, HEAD), LAST_HEAD);
    envoy.write(101, SETTINGS);
    assert_eq!(envoy.write(101, &headers(1)), headers(1));
    assert_eq!(envoy.write(101, &headers(3)), [GOAWAY, &headers(3)].concat());
    envoy.tick(1, 1);
    assert_eq!((envoy.metric("evenkeel.requests"), envoy.metric("evenkeel.drains_requests")), (4, 2));
    assert_eq!(envoy.write(101, &headers(5)), headers(5), "the tick after it does not say it again");
}

#[test]
fn what_speaks_no_http_is_none_of_its_connections() {
    let host = FakeHost::default();
    let mut envoy = capped(&host, r#"{"maxAge": "10s"}"#);
    envoy.connect(100, 7, 1);
    assert_eq!(envoy.write(100, b"220 mail ESMTP\r\n"), b"220 mail ESMTP\r\n");
    envoy.tick(1, 10);
    assert_eq!(envoy.metric("evenkeel.connections_draining"), 0);
    assert_eq!(envoy.write(100, HEAD), HEAD);
    envoy.vm.closed(100);
    assert_eq!(envoy.metric("evenkeel.connections_live"), 0);
}

#[test]
fn nothing_is_written_to_connections_that_nobody_knows() {
    let host = FakeHost::default();
    let mut envoy = capped(&host, r#"{"maxRequests": 1}"#);
    assert_eq!(envoy.write(100, HEAD), HEAD);
}

#[test]
fn writes_are_forgotten_with_their_connection() {
    let host = FakeHost::default();
    let mut envoy = capped(&host, r#"{"maxAge": "10s"}"#);
    envoy.connect(100, 7, 1);
    envoy.write(100, HEAD);
    envoy.vm.closed(100);
    assert!(envoy.vm.plugins.iter().all(Plugin::has_forgotten_writes));
}

#[test]
fn what_needs_other_filters_is_refused_with_the_remedy() {
    let host = FakeHost::default();
    let mut envoy = Envoy::with_caps_alone(&host);
    let rebalance = r#"{"rebalance": {"group": "shop/cart", "cluster": "evenkeel"}}"#;
    for (root, settings, names) in [
        (CONNECTION, rebalance, r#"rebalance: group "shop/cart""#),
        (CONNECTION, r#"{"outbound": {"maxAge": "10s"}}"#, "outbound:"),
        (CONNECTION, r#"{"inbound": {"streamGrace": "5s"}}"#, "inbound.streamGrace: 5s"),
        (REQUEST, "{}", r#"root_id: "evenkeel.request""#),
        (OUTBOUND, "{}", r#"root_id: "evenkeel.outbound""#),
    ] {
        assert!(!envoy.configure(1, root, "caps", settings), "{settings}");
        let said = host.log.borrow_mut().pop().unwrap();
        assert!(said.contains(names) && said.contains("use evenkeel.wasm"), "{said}");
    }
}
