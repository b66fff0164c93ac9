//! Which keys the filters of a chain choose.

use crate::check::envoy::Envoy;
use crate::check::installation::{Chain, Http, capped};
use evenkeel_filter_core::destination_keys;
use evenkeel_filter_core::settings::{Destination, Outbound, Rotation};

/// By `evenkeel.connection` one for all destinations, by `evenkeel.outbound` one for each of some. None is what cannot be
/// read, or has not come.
pub struct Keys {
    of_all: Option<Option<Rotation>>,
    of_some: Option<Vec<Destination>>,
    /// Whether `evenkeel.connection` was told of destinations, which it ignores.
    pub are_misplaced: bool,
}

/// When the connections of a cluster are replaced.
pub struct Caps {
    /// The setting that says so, for people.
    pub max_age: String,
    /// When.
    pub rotation: Rotation,
}

impl Keys {
    /// Those of a chain.
    pub fn of(envoy: &Envoy, chain: &Chain<'_>, http: &Http<'_>) -> Self {
        let settings = chain.settings(envoy);
        let rotation = settings.as_ref().map(|settings| settings.outbound.as_ref().and_then(Outbound::rotation));
        Self {
            of_all: if chain.connection.is_empty() { Some(None) } else { rotation },
            of_some: if http.outbound.is_empty() { Some(vec![]) } else { http.destinations(envoy) },
            are_misplaced: settings.is_some_and(|settings| !capped(settings).is_empty()),
        }
    }

    /// Whether there are any; none where that is not known.
    pub fn rotate(&self) -> Option<bool> {
        let all = self.of_all.map(|rotation| rotation.is_some());
        let some = self.of_some.as_ref().map(|destinations| !destinations.is_empty());
        if all == Some(true) || some == Some(true) { Some(true) } else { all.and(some) }
    }

    /// Whether both filters choose.
    pub fn are_two(&self) -> bool {
        let some = self.of_some.as_ref().is_some_and(|destinations| !destinations.is_empty());
        some && self.of_all.flatten().is_some()
    }

    /// The caps that hold for a cluster.
    pub fn of_cluster(&self, cluster: &str) -> Option<Caps> {
        let host = destination_keys::host(cluster);
        let destination = self.of_some.iter().flatten().find(|destination| destination.host.as_str() == host);
        let own = destination.map(|destination| Caps {
            max_age: format!("maxAge of the destination {host}"),
            rotation: destination.rotation(),
        });
        let all = || Some(Caps { max_age: "outbound.maxAge".to_owned(), rotation: self.of_all.flatten()? });
        own.or_else(all)
    }
}
