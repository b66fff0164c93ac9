//! Endpoints as clients see them: names, views and assignments.

mod assignment;
mod name;
mod publish;
mod views;

pub use name::{NameError, ResourceName, View};
pub use publish::Publisher;
pub use views::Views;

#[cfg(test)]
mod tests;
