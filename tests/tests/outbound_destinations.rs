//! Rotation for single destinations: `evenkeel.outbound` moves requests to the hosts that have caps to new upstream
//! connections, leaves all others alone, and nobody's request fails.

#[path = "outbound_destinations/bed.rs"]
mod bed;
#[path = "outbound_destinations/edits.rs"]
mod edits;
#[path = "outbound_destinations/failures.rs"]
mod failures;
#[path = "outbound_destinations/rotation.rs"]
mod rotation;
