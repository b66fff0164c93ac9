//! ACK, NACK and stale nonces.

use crate::xds::stream::Verdict;
use crate::xds::testing::{CDS, EDS, LDS, RDS, SILENCE, SotwClient, World};
use crate::xds::{DiscoveryStream, Rejection, Version};
use evenkeel_proto::envoy::service::discovery::v3::DiscoveryRequest;

fn nack() -> Verdict {
    Verdict::Nack("wrong".into())
}

#[test]
fn a_stale_nonce_is_ignored_and_the_next_fresh_one_honoured() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut client = SotwClient::having(EDS, &["a"], &world);
    let stale = client.request(EDS, &["a", "b"]);
    world.set(EDS, "a", 2);
    assert_eq!(client.takes(&world), ["EDS a"]);
    assert_eq!(client.stream.request(stale).unwrap().verdict, Verdict::Stale);
    assert_eq!(client.takes(&world), SILENCE);
    assert_eq!(client.wants(EDS, &["a", "b"]), Verdict::Ack);
    assert_eq!(client.takes(&world), ["EDS b"]);
}

#[test]
fn a_stale_rejection_is_ignored_too() {
    let mut world = World::new(EDS, &["a"]);
    let mut client = SotwClient::having(EDS, &["a"], &world);
    let stale = DiscoveryRequest { error_detail: crate::xds::testing::wrong(), ..client.request(EDS, &["a"]) };
    world.set(EDS, "a", 2);
    client.takes(&world);
    assert_eq!(client.stream.request(stale).unwrap().verdict, Verdict::Stale);
    assert_eq!(client.status(EDS).rejected, None);
}

#[test]
fn an_ack_with_the_same_names_in_any_order_is_met_with_silence() {
    let world = World::new(EDS, &["a", "b"]);
    let mut client = SotwClient::new();
    client.wants(EDS, &["a", "b"]);
    client.takes(&world);
    assert_eq!(client.wants(EDS, &["b", "a"]), Verdict::Ack);
    assert_eq!(client.takes(&world), SILENCE);
    assert_eq!(client.wants(EDS, &["a", "b", "a"]), Verdict::None, "it was accepted already");
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_rejected_response_is_not_sent_again_until_its_content_changes() {
    for resource_type in [CDS, EDS, LDS, RDS] {
        let mut world = World::new(resource_type, &["a", "other"]);
        let mut client = SotwClient::new();
        client.wants(resource_type, &["a"]);
        assert_eq!(client.takes(&world).len(), 1);
        for round in 2..7 {
            assert_eq!(client.rejects(resource_type, &["a"]), nack());
            assert_eq!(client.takes(&world), SILENCE);
            world.set(resource_type, "other", round);
            assert_eq!(client.takes(&world), SILENCE);
        }
        world.set(resource_type, "a", 2);
        assert_eq!(client.takes(&world).len(), 1);
    }
}

#[test]
fn a_rejection_that_changes_names_changes_the_subscription() {
    let world = World::new(EDS, &["a", "b"]);
    let mut client = SotwClient::having(EDS, &["a"], &world);
    client.rejects(EDS, &["a", "b"]);
    assert_eq!(client.takes(&world), ["EDS b"]);
    client.rejects(EDS, &["b"]);
    client.rejects(EDS, &["a", "b"]);
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn a_client_that_comes_back_with_an_old_nonce_and_version_is_answered() {
    let world = World::new(EDS, &["a"]);
    let mut client = SotwClient::new();
    let (version_info, response_nonce) = (world.version(EDS, "a"), "17".to_owned());
    let back = DiscoveryRequest { version_info, response_nonce, ..client.request(EDS, &["a"]) };
    assert_eq!(client.stream.request(back).unwrap().verdict, Verdict::None);
    assert_eq!(client.takes(&world), ["EDS a"]);
}

#[test]
fn the_status_says_what_was_sent_accepted_and_rejected() {
    let mut world = World::new(EDS, &["a"]);
    let version = |world: &World| Version::parse(&world.version(EDS, "a"));
    let first = version(&world);
    let mut client = SotwClient::new();
    client.wants(EDS, &["a"]);
    assert_eq!((client.status(EDS).names, client.status(EDS).sent), (1, None));
    client.takes(&world);
    assert_eq!((client.status(EDS).sent, client.status(EDS).acknowledged), (first, None));
    client.wants(EDS, &["a"]);
    assert_eq!(client.status(EDS).acknowledged, first);

    world.set(EDS, "a", 2);
    client.takes(&world);
    client.rejects(EDS, &["a"]);
    let status = client.status(EDS);
    assert_eq!((status.sent, status.acknowledged), (version(&world), first));
    assert_eq!(status.rejected, Some(Rejection::new(version(&world), "wrong")));
    client.wants(EDS, &[]);
    assert_eq!((client.status(EDS).names, client.status(EDS).acknowledged), (0, first));
}

#[test]
fn what_is_declined_gets_no_answer_and_the_status_says_why() {
    let mut world = World::new(EDS, &["b"]);
    world.decline(EDS, "a", "not now");
    let mut client = SotwClient::new();
    client.wants(EDS, &["a", "b"]);
    assert_eq!(client.takes(&world), ["EDS b"]);
    assert_eq!(client.status(EDS).declined, [("a".into(), "not now".into())]);
    world.set(EDS, "a", 1);
    assert_eq!(client.takes(&world), ["EDS a"]);
    assert_eq!(client.status(EDS).declined, []);
    world.decline(EDS, "a", "not any more");
    assert_eq!(client.takes(&world), SILENCE);
    client.wants(EDS, &["b"]);
    assert_eq!(client.status(EDS).declined, []);
}
