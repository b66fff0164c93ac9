//! No request fails while connections are replaced all the time, whatever the client.
//!
//! Every client sends the same mix through gateways whose connections last one second, or fifty requests: by Evenkeel's
//! caps, and side by side by Envoy's own. The clients keep their libraries' defaults. What the clients, the gateways and
//! the backends say must agree: no request that reached an Envoy failed or was executed twice, and nothing surfaces to
//! a caller that does not surface with Envoy's own drains.
//!
//! `EVENKEEL_SOAK=1` sends fifty times as much. The table of the last run is `target/grace.md`.

mod grace {
    pub mod evidence;
    pub mod gateway;
    pub mod mix;
    pub mod row;
    pub mod run;
}

use evenkeel_tests::EnvoyVersion;
use evenkeel_tests::client::Client;
use tokio::try_join;

use grace::gateway::{Caps, Limit};
use grace::row::{self, Row};
use grace::run::Run;

async fn nothing_fails(version: EnvoyVersion, client: Client) {
    let (mut evenkeel, mut native) = (Vec::new(), Vec::new());
    for limit in Limit::ALL {
        let with = |caps| Run::complete(version, client, limit, caps);
        let (one, other) = try_join!(with(Caps::Evenkeel), with(Caps::Native)).unwrap();
        evenkeel.push(one);
        native.push(other);
    }
    row::publish(&Row::new(version, client, &evenkeel, &native)).unwrap();
    for run in &evenkeel {
        assert_graceful(run);
        assert_replaced(run);
    }
    assert_nothing_surfaces(client, &evenkeel, &native);
}

/// What holds for every client: whatever a gateway began, it finished, once.
fn assert_graceful(run: &Run) {
    let evidence = &run.evidence;
    assert!(evidence.faults.is_empty(), "Envoy counted faults: {run:#?}");
    assert_eq!(evidence.failed_though_executed, Vec::<String>::new(), "{run:#?}");
    assert_eq!(evidence.executed_twice, Vec::<String>::new(), "{run:#?}");
    assert_eq!(evidence.answered_by_nobody, Vec::<String>::new(), "{run:#?}");
    assert_eq!(evidence.requests, run.traffic.ok(), "requests that reached Envoy, and answers at the callers: {run:#?}");
}

/// Connections really were replaced, and filter, Envoy and clients agree on how many.
fn assert_replaced(run: &Run) {
    let evidence = &run.evidence;
    assert!(evidence.drains >= run.least_drains(), "too few drains: {run:#?}");
    assert_eq!(evidence.accepted, evidence.connections, "connections that the filter and Envoy saw: {run:#?}");
    assert!(evidence.connections > evidence.drains, "{run:#?}");
    assert!(evidence.connections <= evidence.drains + run.traffic.callers(), "connections closed by nobody: {run:#?}");
    assert_eq!(run.traffic.dials().unwrap_or(evidence.connections), evidence.connections, "dials: {run:#?}");
}

/// Nothing surfaces to callers. tonic's `Channel` as it comes is the exception, with any server that sends GOAWAY: it
/// fails the calls that wait in its own queue, and it says so in the same words with Envoy's own drains.
fn assert_nothing_surfaces(client: Client, evenkeel: &[Run], native: &[Run]) {
    if client != Client::Tonic {
        let failed: Vec<_> = evenkeel.iter().filter(|run| run.traffic.failed() > 0).collect();
        assert!(failed.is_empty(), "{failed:#?}");
        return;
    }
    let known: Vec<_> = native.iter().flat_map(|run| run.traffic.errors().into_keys()).collect();
    let surfaced = evenkeel.iter().flat_map(|run| run.traffic.errors().into_keys());
    let new: Vec<_> = surfaced.filter(|error| !known.contains(error)).collect();
    assert_eq!(new, Vec::<String>::new(), "errors that Envoy's own drains do not cause: {known:#?}");
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
            nothing_fails($version, Client::$client).await;
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
