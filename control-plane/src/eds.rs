//! Endpoints as clients see them: names, views and assignments.

mod encoded;
mod field;
mod hosts;
mod lb_endpoint;
mod name;
mod nodes;
mod outbound;
mod pods;
mod views;

pub use hosts::{Host, Hosts};
pub use name::{NameError, ResourceName, View};
pub use outbound::{Declined, OutboundName, is_answered};
pub use views::Views;

#[cfg(test)]
mod tests;
