//! A group of gateways behind a balancer of connections, with clients that keep theirs: what the demo and the benchmark of
//! the balance have in common. [`bed`] and [`traffic`] are real programs and connections, the rest is pure.

pub mod bed;
mod gateway;
pub mod optimum;
pub mod timeline;
pub mod traffic;
pub mod variant;
