//! What `/v1/clients` is asked for.

use serde::Deserialize;

/// The parameters of the request. Without any, the oldest streams are told of.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Query {
    /// Only clients whose node id contains this.
    pub node: String,
    /// At most so many streams.
    pub limit: usize,
}

impl Default for Query {
    fn default() -> Self {
        Self { node: String::new(), limit: 100 }
    }
}
