//! What the demo and the benchmark of the balance compare, and what follows from what they see: pure. The real programs are
//! [`evenkeel_tests::gateways`].

pub mod optimum;
pub mod timeline;
pub mod variant;
