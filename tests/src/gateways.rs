//! A group of gateways behind a balancer of connections, with clients that keep theirs: what the suite `balance`, the demo
//! and the benchmark of the balance have in common. All of it is real programs and real connections.

mod bed;
mod even;
mod fleet;
mod gateway;
mod nginx;
mod node_port;
mod plan;
mod service;
pub mod status;
mod traffic;

pub use self::bed::Bed;
pub use self::even::{is_balanced, is_complete, is_even};
pub use self::fleet::Fleet;
pub use self::gateway::{Gateway, GatewayStats};
pub use self::plan::{Balancer, Plan};
pub use self::traffic::{Answers, Clients, Traffic};
