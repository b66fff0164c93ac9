//! TLS: who is served, and certificates that change.

use crate::certificates::{Authority, Secret};
use crate::client::{Client, PATIENCE, TRANSPORTS, Transport};
use crate::server::{GATEWAY, Running, Settings, many_endpoints, only_gateway, only_many_endpoints};
use evenkeel::trust::Trust;
use evenkeel::xds::server::{Readers, TlsFiles};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

async fn serving(secret: &Secret) -> Running {
    serving_to(secret, None).await
}

async fn serving_to(secret: &Secret, readers: Option<Readers>) -> Running {
    let files = TlsFiles {
        certificate: secret.file("tls.crt"),
        key: secret.file("tls.key"),
        client_ca: Some(secret.file("ca.crt")),
    };
    Running::started(Settings { tls: Some(files), readers, ..Settings::default() }, &["10.0.0.1:80"]).await
}

/// A channel of a client that trusts one authority, and perhaps has a certificate of another.
async fn channel(
    address: SocketAddr,
    trusted: &Authority,
    issuer: Option<&Authority>,
) -> Result<Channel, tonic::transport::Error> {
    let mut tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(trusted.pem())).domain_name("evenkeel");
    if let Some(issuer) = issuer {
        let (certificate, key) = issuer.issue("client");
        tls = tls.identity(Identity::from_pem(certificate, key));
    }
    Channel::from_shared(format!("https://{address}")).unwrap().tls_config(tls)?.connect().await
}

/// The same for a client whose certificate names it by this URI.
async fn channel_of(address: SocketAddr, authority: &Authority, uri: &str) -> Channel {
    let (certificate, key) = authority.issue_to_uri(uri);
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(authority.pem())).domain_name("evenkeel");
    let tls = tls.identity(Identity::from_pem(certificate, key));
    Channel::from_shared(format!("https://{address}")).unwrap().tls_config(tls).unwrap().connect().await.unwrap()
}

/// The first answer to such a client, if it gets any.
async fn answered(address: SocketAddr, trusted: &Authority, issuer: Option<&Authority>) -> Option<Client> {
    let channel = channel(address, trusted, issuer).await.ok()?;
    let mut client = Client::open_on(channel, Transport::EdsDelta).await.ok()?;
    client.subscribe(GATEWAY).await;
    assert_eq!(client.response().await.ok()?, only_gateway(&["10.0.0.1:80"]));
    client.accept().await;
    Some(client)
}

async fn wait_until_answered(address: SocketAddr, trusted: &Authority, issuer: &Authority) -> Client {
    let since = Instant::now();
    loop {
        if let Some(client) = answered(address, trusted, Some(issuer)).await {
            return client;
        }
        assert!(since.elapsed() < PATIENCE, "the new certificates are not served");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_the_authority_are_served() {
    let (authority, other) = (Authority::new(), Authority::new());
    let running = serving(&Secret::with(&authority.issue("evenkeel"), &authority.pem())).await;
    assert!(answered(running.address, &authority, Some(&authority)).await.is_some());
    assert!(answered(running.address, &authority, None).await.is_none(), "without certificate");
    assert!(answered(running.address, &authority, Some(&other)).await.is_none(), "of another authority");
    assert!(answered(running.address, &other, Some(&authority)).await.is_none(), "server of another authority");
    let clear = Channel::from_shared(format!("http://{}", running.address)).unwrap().connect_lazy();
    assert!(Client::open_on(clear, Transport::EdsDelta).await.is_err(), "in clear text");
    assert!(running.metric("xds_connections_refused_total{reason=\"handshake\"}") >= 3.0);
}

#[tokio::test]
async fn large_responses_arrive_whole() {
    let authority = Authority::new();
    let running = serving(&Secret::with(&authority.issue("evenkeel"), &authority.pem())).await;
    let mut client = answered(running.address, &authority, Some(&authority)).await.unwrap();
    for round in 1..=10 {
        running.set([many_endpoints(round)]);
        assert_eq!(client.accepted().await, only_many_endpoints(round));
    }
}

#[tokio::test]
async fn new_connections_get_new_certificates_and_open_streams_go_on() {
    let (old, new) = (Authority::new(), Authority::new());
    let secret = Secret::with(&old.issue("evenkeel"), &old.pem());
    let running = serving(&secret).await;
    let mut client = answered(running.address, &old, Some(&old)).await.unwrap();
    secret.swap(&new.issue("evenkeel"), &new.pem());
    wait_until_answered(running.address, &new, &new).await;
    assert!(answered(running.address, &old, Some(&old)).await.is_none());
    assert!(answered(running.address, &new, Some(&old)).await.is_none());
    running.set_gateway(&["10.0.0.2:80"]);
    assert_eq!(client.accepted().await, only_gateway(&["10.0.0.2:80"]));
}

#[tokio::test]
async fn a_wrong_new_pair_is_reported_and_the_last_good_one_stays() {
    let authority = Authority::new();
    let secret = Secret::with(&authority.issue("evenkeel"), &authority.pem());
    let running = serving(&secret).await;
    let ((certificate, _), (_, other_key)) = (authority.issue("evenkeel"), authority.issue("evenkeel"));
    for wrong in [(certificate.clone(), other_key), ("no certificate".to_owned(), String::new())] {
        secret.swap(&wrong, &authority.pem());
        running.wait_for("xds_tls_last_reload_failed", 1.0).await;
        assert!(answered(running.address, &authority, Some(&authority)).await.is_some());
        secret.swap(&authority.issue("evenkeel"), &authority.pem());
        running.wait_for("xds_tls_last_reload_failed", 0.0).await;
    }
}

#[tokio::test]
async fn whoever_does_not_shake_hands_holds_up_nobody() {
    let authority = Authority::new();
    let running = serving(&Secret::with(&authority.issue("evenkeel"), &authority.pem())).await;
    let mut silent = Vec::new();
    for _ in 0..50 {
        silent.push(TcpStream::connect(running.address).await.unwrap());
    }
    assert!(answered(running.address, &authority, Some(&authority)).await.is_some());
}

#[tokio::test]
async fn only_workloads_of_some_namespaces_read_endpoints() {
    let authority = Authority::new();
    let readers = Readers::new(Trust::default(), ["shop".to_owned()]);
    let secret = Secret::with(&authority.issue("evenkeel"), &authority.pem());
    let running = serving_to(&secret, Some(readers)).await;
    for transport in TRANSPORTS {
        let reader = channel_of(running.address, &authority, "spiffe://cluster.local/ns/shop/sa/cart").await;
        let mut client = Client::open_on(reader, transport).await.unwrap();
        client.subscribe(GATEWAY).await;
        assert_eq!(client.response().await.unwrap(), only_gateway(&["10.0.0.1:80"]));
        for other in ["spiffe://cluster.local/ns/other/sa/cart", "spiffe://elsewhere/ns/shop/sa/cart"] {
            let channel = channel_of(running.address, &authority, other).await;
            let refused = Client::open_on(channel, transport).await.err().map(|status| status.code());
            assert_eq!(refused, Some(Code::PermissionDenied), "{other} by {transport:?}");
        }
    }
    assert!(running.metric("xds_streams_refused_total{reason=\"no_reader\"}") >= 2.0);
}
