//! What the protocol demands of a state-of-the-world stream, by theme.

mod answers;
mod full_state;
mod names;
mod order;
mod requests;
mod wildcard;
