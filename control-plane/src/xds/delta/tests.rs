//! What the protocol demands of a delta stream, by theme.

mod answers;
mod names;
mod order;
mod removals;
mod requests;
mod returning;
mod wildcard;
