//! The filters that the chains of one context would have.

use super::patch::Patch;
use crate::check::drain::{NO_DRAIN, NO_REQUEST, REQUEST_AFTER_DRAIN};
use crate::check::finding::Finding;
use crate::policy::render::filters::{DRAIN, REQUEST};

/// What is wrong in the context in which `connection` is inserted. `needs` are the settings that need requests.
pub fn findings(connection: &Patch<'_>, patches: &[Patch<'_>], needs: &[&str]) -> Vec<Finding> {
    let context = connection.context();
    let is_there = |patch: &&Patch<'_>| patch.applies_to() == "HTTP_FILTER" && patch.context() == context;
    let position =
        |name: &str| patches.iter().filter(is_there).find(|patch| patch.name() == name).map(|patch| patch.position);
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
