//! A group of gateways behind a balancer of connections, with clients that keep theirs: what the suite `balance`, the demo
//! and the benchmark of the balance have in common. All of it is real programs and real connections.

mod bed;
mod gateway;
mod nginx;
mod plan;
mod service;
mod traffic;

pub use self::bed::Bed;
pub use self::gateway::{Gateway, GatewayStats};
pub use self::plan::{Balancer, Plan};
pub use self::traffic::{Answers, Clients, Traffic};
