//! ACK, NACK and stale nonces.

use crate::xds::stream::Verdict;
use crate::xds::testing::{CDS, DeltaClient, EDS, LDS, RDS, SILENCE, World, wrong};
use crate::xds::{Rejection, Version};
use evenkeel_proto::envoy::service::discovery::v3::DeltaDiscoveryRequest;

fn answer(nonce: &str, more: &[&str], less: &[&str]) -> DeltaDiscoveryRequest {
    DeltaDiscoveryRequest { response_nonce: nonce.to_owned(), ..DeltaClient::request(EDS, more, less) }
}

#[test]
fn an_ack_is_met_with_silence() {
    let world = World::new(EDS, &["a"]);
    let mut client = DeltaClient::new();
    client.subscribes(EDS, &["a"]);
    client.takes(&world);
    assert_eq!(client.accepts(EDS), Verdict::Ack);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn a_rejected_response_is_not_sent_again_until_its_content_changes() {
    for resource_type in [CDS, EDS, LDS, RDS] {
        let mut world = World::new(resource_type, &["a", "other"]);
        let mut client = DeltaClient::new();
        client.subscribes(resource_type, &["a"]);
        assert_eq!(client.takes(&world).len(), 1);
        for round in 2..7 {
            assert_eq!(client.rejects(resource_type), Verdict::Nack("wrong".into()));
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
    let mut client = DeltaClient::having(EDS, &["a"], &world);
    client.sends(DeltaDiscoveryRequest { error_detail: wrong(), ..answer("1", &["b"], &["a"]) });
    assert_eq!(client.takes(&world), ["EDS b"]);
    assert_eq!(client.status(EDS).names, 1);
}

#[test]
fn a_subscription_counts_even_with_a_stale_nonce() {
    let mut world = World::new(EDS, &["a", "b"]);
    let mut client = DeltaClient::having(EDS, &["a"], &world);
    world.set(EDS, "a", 2);
    client.takes(&world);
    for nonce in ["1", "foreign"] {
        client.sends(answer(nonce, &["b"], &["a"]));
        assert_eq!(client.takes(&world), ["EDS b"]);
    }
    world.set(EDS, "a", 3);
    assert_eq!(client.takes(&world), SILENCE);
}

#[test]
fn each_response_has_its_own_answer_also_when_several_are_on_their_way() {
    let mut world = World::new(EDS, &["a"]);
    let version = |world: &World| Version::parse(&world.version(EDS, "a"));
    let mut client = DeltaClient::new();
    client.subscribes(EDS, &["a"]);
    let versions: Vec<_> = (2..5)
        .map(|content| {
            client.takes(&world);
            let version = version(&world);
            world.set(EDS, "a", content);
            version
        })
        .collect();
    assert_eq!(client.sends(answer("1", &[], &[])), Verdict::Ack);
    assert_eq!(client.status(EDS).acknowledged, versions[0]);
    client.sends(DeltaDiscoveryRequest { error_detail: wrong(), ..answer("2", &[], &[]) });
    assert_eq!(client.sends(answer("3", &[], &[])), Verdict::Ack);
    let status = client.status(EDS);
    assert_eq!((status.sent, status.acknowledged), (versions[2], versions[2]));
    assert_eq!(status.rejected, Some(Rejection::new(versions[1], "wrong")));
}

#[test]
fn what_is_declined_gets_no_answer_and_the_status_says_why() {
    for resource_type in [EDS, LDS] {
        let mut world = World::new(resource_type, &["b"]);
        world.decline(resource_type, "a", "not now");
        let mut client = DeltaClient::having(resource_type, &["a", "b"], &world);
        assert_eq!(client.status(resource_type).declined, [("a".into(), "not now".into())]);
        assert_eq!(client.status(resource_type).names, 2);
        world.set(resource_type, "a", 1);
        assert_eq!(client.takes(&world).len(), 1);
        assert_eq!(client.status(resource_type).declined, []);
        world.decline(resource_type, "a", "not any more");
        assert_eq!(client.takes(&world), SILENCE, "the client keeps what it has");
        world.set(resource_type, "a", 1);
        assert_eq!(client.takes(&world), SILENCE, "it has it still");
        world.decline(resource_type, "a", "again");
        client.takes(&world);
        client.unsubscribes(resource_type, &["a"]);
        assert_eq!(client.status(resource_type).declined, []);
    }
}
