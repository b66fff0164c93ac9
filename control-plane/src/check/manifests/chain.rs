//! The filters that the chains of one context would have.

use super::patch::Patch;
use crate::check::drain::{NO_DRAIN, NO_REQUEST, REQUEST_AFTER_DRAIN};
use crate::check::finding::Finding;
use crate::check::outbound::{LATE_KEY, NO_OUTBOUND, NO_POOL};
use crate::policy::render::filters::{DRAIN, OUTBOUND, POOL, REQUEST};

/// What is wrong in the context in which `connection` is inserted. `needs` are the settings that need requests.
pub fn findings(connection: &Patch<'_>, patches: &[Patch<'_>], needs: &[&str]) -> Vec<Finding> {
    let context = connection.context();
    let position = |name| inserted(name, context, patches);
    let (request, drain) = (position(REQUEST), position(DRAIN));
    let no_drain = drain
        .is_none()
        .then(|| NO_DRAIN.at(&connection.place, format!("no patch inserts it in the context {context:?}")));
    let is_needed = request.is_none() && !needs.is_empty();
    let no_request = is_needed.then(|| NO_REQUEST.at(&connection.place, format!("needed by {}", needs.join(", "))));
    // Each is inserted before the router: the order of the patches is that of the chain.
    let is_late = request.zip(drain).is_some_and(|(request, drain)| request > drain);
    let late = is_late.then(|| REQUEST_AFTER_DRAIN.at(&connection.place, "its patch comes later"));
    [no_drain, no_request, late].into_iter().flatten().collect()
}

/// What is wrong in the context in which `outbound`, the patch that inserts `evenkeel.outbound`, has an effect.
pub fn of_keys(outbound: &Patch<'_>, patches: &[Patch<'_>]) -> Option<Finding> {
    let context = outbound.context();
    match inserted(POOL, context, patches) {
        None => Some(NO_POOL.at(&outbound.place, format!("no patch inserts it in the context {context:?}"))),
        Some(pool) if pool < outbound.position => Some(LATE_KEY.at(&outbound.place, "its patch comes later")),
        Some(_) => None,
    }
}

/// What is wrong when `configuration`, that of `evenkeel.outbound`, has nobody who discovers it.
pub fn of_destinations(configuration: &Patch<'_>, patches: &[Patch<'_>]) -> Option<Finding> {
    let is_there = patches.iter().any(|patch| patch.applies_to() == "HTTP_FILTER" && patch.name() == OUTBOUND);
    (!is_there).then(|| NO_OUTBOUND.at(&configuration.place, "its settings are there, and no patch inserts it"))
}

/// The position of the patch that inserts this HTTP filter.
fn inserted(name: &str, context: &str, patches: &[Patch<'_>]) -> Option<usize> {
    let is_there = |patch: &&Patch<'_>| patch.applies_to() == "HTTP_FILTER" && patch.context() == context;
    patches.iter().filter(is_there).find(|patch| patch.name() == name).map(|patch| patch.position)
}
