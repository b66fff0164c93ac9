use super::*;
use proptest::prelude::*;

const GATEWAY: &str = "spiffe://cluster.local/ns/istio-system/sa/gateway";
const OTHER: &str = "spiffe://cluster.local/ns/default/sa/other";

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn identities(trust: &Trust, from: &str, evidence: Evidence<'_>) -> Vec<String> {
    trust.caller(address(from), evidence).identities.iter().map(ToString::to_string).collect()
}

fn forwarding() -> Trust {
    Trust { forwarded: true, ..Trust::default() }
}

/// What is taken of this header when it comes from our sidecar.
fn of_header(header: &str) -> Vec<String> {
    identities(&forwarding(), "127.0.0.6", Evidence { forwarded: Some(header), ..Evidence::default() })
}

#[test]
fn an_address_has_one_form() {
    let caller = Trust::default().caller(address("::ffff:10.0.0.1"), Evidence::default());
    assert_eq!(caller, Caller { address: address("10.0.0.1"), identities: Vec::new() });
}

#[test]
fn a_certificate_proves_the_service_accounts_of_our_trust_domain() {
    let names = [GATEWAY, "spiffe://elsewhere/ns/istio-system/sa/gateway", "https://example.com"].map(str::to_owned);
    let evidence = Evidence { uri_names: &names, ..Evidence::default() };
    assert_eq!(identities(&Trust::default(), "10.0.0.1", evidence), [GATEWAY]);
    let elsewhere = Trust { domain: "elsewhere".to_owned(), ..Trust::default() };
    assert_eq!(identities(&elsewhere, "10.0.0.1", evidence), [names[1].as_str()]);
}

#[test]
fn only_service_accounts_have_the_form() {
    for uri in [
        "",
        "spiffe://",
        "spiffe://a/ns/b/sa/",
        "spiffe://a/ns/b/sa/c/d",
        "spiffe://a/sa/c/ns/b",
        "SPIFFE://a/ns/b/sa/c",
    ] {
        assert_eq!(
            uri.parse::<SpiffeId>().unwrap_err().to_string().split(' ').next(),
            Some(format!("{uri:?}").as_str())
        );
    }
    assert!(
        "spiffe://a/ns/b/sa/c?d".parse::<SpiffeId>().is_err() && "spiffe://a/ns//sa/c".parse::<SpiffeId>().is_err()
    );
}

#[test]
fn a_header_counts_only_from_our_own_sidecar_and_only_if_there_is_one() {
    let header = format!("URI={GATEWAY}");
    let evidence = Evidence { forwarded: Some(&header), ..Evidence::default() };
    for sidecar in ["127.0.0.1", "127.0.0.6", "::1", "::6", "::ffff:127.0.0.1"] {
        assert_eq!(identities(&forwarding(), sidecar, evidence), [GATEWAY], "{sidecar}");
        assert_eq!(identities(&Trust::default(), sidecar, evidence), [""; 0], "{sidecar}");
    }
    for other in ["10.0.0.1", "::7", "fd00::1"] {
        assert_eq!(identities(&forwarding(), other, evidence), [""; 0], "{other}");
    }
}

#[test]
fn the_last_element_of_a_header_is_the_one_that_is_proven() {
    assert_eq!(of_header(&format!("By=spiffe://x;Hash=ab;Subject=\"CN=a,O=\\\"b\\\"\";URI={GATEWAY}")), [GATEWAY]);
    assert_eq!(of_header(&format!("By=x;URI={GATEWAY},By=x;URI={OTHER}")), [OTHER]);
    assert_eq!(of_header(&format!("By=x;URI={GATEWAY}, By=x;Hash=ab")), [""; 0]);
    assert_eq!(of_header(&format!("By=x;URI={GATEWAY};URI={OTHER};DNS=a")), [GATEWAY, OTHER]);
    assert_eq!(of_header(&format!("uri=\"{GATEWAY}\"")), [GATEWAY]);
}

#[test]
fn a_header_of_another_form_proves_nothing() {
    let uri = format!("URI={GATEWAY}");
    for header in
        ["", "=", ";", ",", &format!("{uri};"), &format!("{uri},"), &format!("{uri};a"), &format!("a b;{uri}")]
    {
        assert_eq!(of_header(header), [""; 0], "{header}");
    }
    for header in [format!("Subject=\";{uri}"), format!("Subject=\"\"x;{uri}"), format!("Subject=a\"b\";{uri}")] {
        assert_eq!(of_header(&header), [""; 0], "{header}");
    }
}

/// What our sidecar appends, with and without a subject.
fn appended() -> impl Strategy<Value = String> {
    let subject = prop_oneof![Just(""), Just("Subject=\"\";"), Just("Subject=\"CN=\\\"a\\\",O=b\";")];
    subject
        .prop_map(|subject| format!("By=spiffe://cluster.local/ns/evenkeel/sa/evenkeel;Hash=ab12;{subject}URI={OTHER}"))
}

/// Text made of what means something in the header.
fn anything() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(",".to_owned()),
        Just(";".to_owned()),
        Just("=".to_owned()),
        Just("Subject=\"".to_owned()),
        Just(format!("URI={GATEWAY}")),
        "[ -~]{0,4}",
        any::<String>(),
    ];
    prop::collection::vec(part, 0..8).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn nothing_that_a_client_sends_proves_more_than_our_sidecar_says(sent in anything(), appended in appended()) {
        let identities = of_header(&format!("{sent},{appended}"));
        prop_assert!(identities.is_empty() || identities == [OTHER], "{identities:?}");
    }

    #[test]
    fn what_other_proxies_say_does_not_hide_what_our_sidecar_says(appended in prop::collection::vec(appended(), 1..4)) {
        prop_assert_eq!(of_header(&appended.join(",")), [OTHER]);
    }
}
