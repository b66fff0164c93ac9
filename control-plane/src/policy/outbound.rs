//! The section `outbound`: caps on the connections that a policy's proxies open, by destination.

use evenkeel_filter_core::settings::{Destination, one_of_each_host};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Caps on connections that the proxies of the target open. New requests go out on new connections when one is reached; those
/// that run end where they are.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Outbound {
    /// The destinations, each host once.
    #[serde(deserialize_with = "one_of_each_host")]
    #[schemars(length(min = 1, max = 64), extend("x-kubernetes-list-type" = "map"))]
    #[schemars(extend("x-kubernetes-list-map-keys" = ["host"]))]
    pub destinations: Vec<Destination>,
}

/// After so long a connection whose key was replaced because of its requests has nothing more to wait for.
const AFTER_REQUESTS: Duration = Duration::from_mins(1);

/// How long a connection to the destination may be idle: a connection whose key was replaced ends by this alone, and one
/// whose key is in force should not end by it before the key does.
pub fn idle_timeout(destination: &Destination) -> Duration {
    destination.max_age.unwrap_or(AFTER_REQUESTS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Outbound, String> {
        serde_saphyr::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_host_is_there_once() {
        let problem = read("destinations: [{host: a.b, maxAge: 1m}, {host: a.b, maxRequests: 3}]").unwrap_err();
        assert!(problem.contains("a.b is there twice"), "{problem}");
    }

    #[test]
    fn an_idle_connection_outlives_the_key_that_is_in_force() {
        let section =
            read("destinations: [{host: a.b, maxAge: 10m, maxRequests: 5}, {host: c, maxRequests: 3}]").unwrap();
        let timeouts: Vec<_> = section.destinations.iter().map(idle_timeout).collect();
        assert_eq!(timeouts, [Duration::from_mins(10), Duration::from_mins(1)]);
    }
}
