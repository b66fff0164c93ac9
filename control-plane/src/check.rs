//! What in an Envoy, or in manifests for Istio, keeps Evenkeel from working.
//!
//! Pure: [`Envoy`] is what an Envoy's admin port has answered, [`check`] finds the faults in it, [`manifests`] those in
//! objects that were not applied yet, [`skew`] says how uneven pods are that have nothing of Evenkeel. Each fault is of
//! a [`Rule`] with a stable code; all of them are in [`rules`] and, for people, in `istio/CHECKS.md`.

mod chains;
mod discovery;
mod drain;
mod endpoints;
pub mod envoy;
mod finding;
mod installation;
pub mod manifests;
mod message;
mod outbound;
mod path;
mod plugin;
mod rebalance;
mod routes;
pub mod skew;
mod state;

pub use envoy::{Envoy, EnvoyError};
pub use finding::{Finding, Place, Rule, Severity};
use installation::Installation;

/// The faults of an Envoy, the worst first.
pub fn check(envoy: &Envoy) -> Vec<Finding> {
    let installation = Installation::of(envoy);
    let areas = [
        chains::findings,
        drain::findings,
        plugin::findings,
        discovery::findings,
        outbound::findings,
        endpoints::findings,
        rebalance::findings,
        path::findings,
    ];
    let mut found: Vec<Finding> = areas.iter().flat_map(|area| area(&installation)).collect();
    found.extend(state::findings(envoy));
    sorted(found)
}

/// Every kind of fault, by code.
pub fn rules() -> Vec<&'static Rule> {
    let areas = [
        chains::RULES,
        drain::RULES,
        plugin::RULES,
        discovery::RULES,
        outbound::RULES,
        endpoints::RULES,
        rebalance::RULES,
        state::RULES,
        path::RULES,
        manifests::RULES,
    ];
    areas.concat()
}

fn sorted(mut found: Vec<Finding>) -> Vec<Finding> {
    found.sort_by(|a, b| (b.rule.severity, a.rule.code, &a.place).cmp(&(a.rule.severity, b.rule.code, &b.place)));
    found
}

#[cfg(test)]
mod tests;
