//! Which keys the filters of a chain choose.

use crate::check::envoy::Envoy;
use crate::check::installation::{Chain, Http, capped};
use evenkeel_filter_core::destination_keys;
use evenkeel_filter_core::settings::{Destination, Rotation};

/// By `evenkeel.connection` one for all destinations, by `evenkeel.outbound` one for each of some.
pub struct Keys {
    of_all: Option<Rotation>,
    of_some: Vec<Destination>,
    /// Whether the settings of each filter that the chain has were delivered and can be read.
    are_known: bool,
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
        let destinations = http.destinations(envoy);
        Self {
            of_all: settings.as_ref().and_then(|settings| settings.outbound.as_ref()?.rotation()),
            are_known: (chain.connection.is_empty() || settings.is_some())
                && (http.outbound.is_empty() || destinations.is_some()),
            of_some: destinations.unwrap_or_default(),
            are_misplaced: settings.is_some_and(|settings| !capped(settings).is_empty()),
        }
    }

    /// Whether there are any; none where that is not known.
    pub fn rotate(&self) -> Option<bool> {
        let any = self.of_all.is_some() || !self.of_some.is_empty();
        if any { Some(true) } else { self.are_known.then_some(false) }
    }

    /// Whether both filters choose.
    pub fn are_two(&self) -> bool {
        self.of_all.is_some() && !self.of_some.is_empty()
    }

    /// The caps that hold for a cluster.
    pub fn of_cluster(&self, cluster: &str) -> Option<Caps> {
        let host = destination_keys::host(cluster);
        let destination = self.of_some.iter().find(|destination| destination.host.as_str() == host);
        let own = destination.map(|destination| Caps {
            max_age: format!("maxAge of the destination {host}"),
            rotation: destination.rotation(),
        });
        let all = || Some(Caps { max_age: "outbound.maxAge".to_owned(), rotation: self.of_all? });
        own.or_else(all)
    }
}
