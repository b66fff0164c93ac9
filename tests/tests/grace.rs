//! No request fails while connections are replaced all the time, whatever the client.
//!
//! Every client sends the same mix through gateways whose connections last one second, or fifty requests: by Evenkeel's
//! caps, and side by side by Envoy's own. The clients keep their libraries' defaults. What the clients, the gateways and
//! the backends say must agree: no request that reached an Envoy failed or was executed twice, and nothing surfaces to
//! a caller that does not surface with Envoy's own drains.
//!
//! Clients that are written in Rust run on one thread each. On several, hyper's HTTP/2 client has a fault of its own
//! with every server that drains; it has tests of its own here.
//!
//! `EVENKEEL_SOAK=1` sends fifty times as much. The table of the last run is `target/grace.md`.

mod grace {
    pub mod evidence;
    pub mod gateway;
    pub mod mix;
    pub mod row;
    pub mod run;
}

use anyhow::Result;
use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::client::Client;

use grace::gateway::Limit;
use grace::row::{self, Row};
use grace::run::{Case, Pair, Run};

async fn nothing_fails(version: EnvoyVersion, client: Client) -> Result<()> {
    let case = Case { version, client, threads: 1 };
    let mut pairs = Vec::new();
    for limit in Limit::ALL {
        pairs.push(case.side_by_side(limit).await?);
    }
    row::publish(&Row::new(case, &pairs))?;
    for pair in &pairs {
        assert_graceful(client, &pair.evenkeel);
        assert_replaced(client, &pair.evenkeel);
    }
    assert_nothing_surfaces(case, &pairs).await
}

/// What holds for every client: whatever a gateway began, it finished, once.
fn assert_graceful(client: Client, run: &Run) {
    let evidence = &run.evidence;
    assert!(evidence.faults.is_empty(), "Envoy counted faults: {run:#?}");
    assert_eq!(evidence.failed_though_executed, Vec::<String>::new(), "{run:#?}");
    assert_eq!(evidence.executed_twice, Vec::<String>::new(), "{run:#?}");
    assert_eq!(evidence.answered_by_nobody, Vec::<String>::new(), "{run:#?}");
    assert_eq!(
        evidence.requests,
        run.traffic.ok(),
        "requests that reached Envoy, and answers at the callers: {run:#?}"
    );
    // grpc-go takes leave, when it is closed, with a GOAWAY whose last stream Envoy finds wrong.
    let farewells = if client == Client::GrpcGo { run.traffic.loads().len() as u64 } else { 0 };
    assert!(evidence.protocol_errors <= farewells, "{run:#?}");
}

/// Connections really were replaced, and filter, Envoy and clients agree on how many.
fn assert_replaced(client: Client, run: &Run) {
    let evidence = &run.evidence;
    assert!(evidence.drains >= run.least_drains(), "too few drains: {run:#?}");
    assert_eq!(evidence.accepted, evidence.connections, "connections that the filter and Envoy saw: {run:#?}");
    assert!(evidence.connections >= evidence.drains, "{run:#?}");
    assert!(evidence.connections <= most_connections(client, run), "connections that nobody needed: {run:#?}");
    assert_eq!(run.traffic.dials().unwrap_or(evidence.connections), evidence.connections, "dials: {run:#?}");
}

/// The first connections, and one for each that was drained. hyper dials while it waits for a connection to become
/// idle, so for a moment it may have two for one caller; Go's HTTP/2 dials for every caller that finds none.
fn most_connections(client: Client, run: &Run) -> u64 {
    let replacements = if client == Client::GoHttp2 { run.traffic.most_callers() } else { 1 };
    run.evidence.drains * replacements + 2 * run.traffic.callers()
}

/// Nothing surfaces to callers but what their library does to itself when told to go, by whomever.
async fn assert_nothing_surfaces(case: Case, pairs: &[Pair]) -> Result<()> {
    let errors: Vec<_> = pairs.iter().flat_map(|pair| pair.evenkeel.traffic.errors().into_keys()).collect();
    let known = own_failure(case.client);
    let unknown: Vec<_> = errors.iter().filter(|error| !known.is_some_and(|known| error.ends_with(known))).collect();
    assert_eq!(unknown, Vec::<&String>::new(), "failed with Evenkeel");
    if let (Some(known), false) = (known, errors.is_empty()) {
        assert!(case.fails_with_native_caps(known, pairs).await?, "Envoy's own drains do not cause {known:?}");
    }
    Ok(())
}

/// How a client fails requests that it never sent, in its own words, when a server that drains tells it to go.
fn own_failure(client: Client) -> Option<&'static str> {
    match client {
        // `Channel` fails the calls that wait in its queue.
        Client::Tonic => Some("operation was canceled: connection closed"),
        // net/http closes the body of a request whose connection may not be used any more, before it looks for another
        // connection. Without `GetBody` it has none to send there.
        Client::GoHttp2 => Some("net/http: cannot rewind body after connection loss"),
        _ => None,
    }
}

/// hyper's HTTP/2 client on several threads may fail, and itself reset, a request that it sends at the moment when a
/// GOAWAY comes (<https://github.com/hyperium/hyper/issues/2500>). It is rare, and no server can help it: the same
/// comes of Envoy's own drains. Nothing else may fail, and Envoy itself resets nothing.
async fn fails_only_what_hyper_resets(client: Client) -> Result<()> {
    let case = Case { version: EnvoyVersion::NEWEST, client, threads: 2 };
    let pair = case.side_by_side(Limit::Requests).await?;
    for run in [&pair.evenkeel, &pair.native] {
        let other: Vec<_> = run.traffic.errors().into_keys().filter(|error| !is_told_to_go(error)).collect();
        assert_eq!(other, Vec::<String>::new(), "{run:#?}");
        let reset_by_client = ["http.gateway.downstream_rq_rx_reset", "cluster.backends.upstream_rq_tx_reset"];
        assert_eq!(run.evidence.faults.keys().find(|fault| !reset_by_client.contains(fault)), None, "{run:#?}");
        assert_eq!(run.evidence.executed_twice, Vec::<String>::new(), "{run:#?}");
        assert!(run.evidence.reached_and_failed(&run.traffic) <= run.traffic.failed(), "{run:#?}");
    }
    Ok(())
}

/// A GOAWAY without an error, in the words of the h2 crate.
fn is_told_to_go(error: &str) -> bool {
    error.ends_with("not a result of an error")
}

#[tokio::test]
async fn hyper_on_two_threads_fails_only_what_it_resets_itself() {
    fails_only_what_hyper_resets(Client::HyperHttp2).await.unwrap();
}

#[tokio::test]
async fn tonic_with_retries_on_two_threads_fails_only_what_it_resets_itself() {
    fails_only_what_hyper_resets(Client::TonicRetry).await.unwrap();
}

/// One test for each Envoy and client, so that a failure names both.
macro_rules! nothing_fails {
    ($($envoy:ident: $version:expr,)* => $clients:tt) => {
        $(mod $envoy {
            use super::*;
            nothing_fails!(@$version, $clients);
        })*
    };
    (@$version:expr, [$($name:ident: $client:ident,)*]) => {
        $(#[tokio::test]
        async fn $name() {
            nothing_fails($version, Client::$client).await.unwrap();
        })*
    };
}

nothing_fails! {
    through_envoy_1_37: EnvoyVersion::V1_37,
    through_envoy_1_40: EnvoyVersion::V1_40,
    => [
        nothing_of_hyper_http1_fails: HyperHttp1,
        nothing_of_hyper_http2_fails: HyperHttp2,
        tonic_fails_only_as_with_native_drains: Tonic,
        nothing_of_tonic_with_retries_fails: TonicRetry,
        nothing_of_go_http1_fails: GoHttp1,
        nothing_of_go_http2_fails: GoHttp2,
        nothing_of_grpc_go_fails: GrpcGo,
        nothing_of_grpcio_fails: Grpcio,
        nothing_of_envoy_http1_fails: EnvoyHttp1,
        nothing_of_envoy_http2_fails: EnvoyHttp2,
    ]
}
