//! `/v1/clients`: who is connected, and what each client has.

mod query;
mod view;

pub use query::Query;
pub use view::ClientList;
