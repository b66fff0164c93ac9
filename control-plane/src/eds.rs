//! Endpoints as clients see them: names, views and assignments.

mod encoded;
mod hosts;
mod name;
mod nodes;
mod pods;
mod views;

pub use hosts::{Host, Hosts};
pub use name::{NameError, ResourceName, View};
pub use views::Views;

#[cfg(test)]
mod tests;
