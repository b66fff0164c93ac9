//! Policies from a watched YAML file.
//!
//! ```yaml
//! paused: false                 # true stops all groups at once
//! policies:
//! - namespace: istio-system
//!   service: istio-ingressgateway
//!   rebalance: {tolerance: 0.2} # see [`super::section`]
//! ```
//!
//! A group that is not in it has the defaults.

mod document;

use super::{Policies, Policy};
use crate::model::ServiceName;
use crate::watched_file::{Problem, document, kubernetes_name};
use document::{Document, Entry};
use std::collections::BTreeMap;

/// The policies that the text describes, or the first thing that is wrong with it.
pub fn parse(text: &str) -> Result<Policies, Problem> {
    let document: Document = document(text)?;
    let mut by_group = BTreeMap::new();
    for (index, entry) in document.policies.iter().enumerate() {
        let field = format!("policies[{index}]");
        let group = group(entry, &field)?;
        if by_group.insert(group.clone(), Policy::from(&entry.rebalance)).is_some() {
            let message = format!("{group} has two policies; merge them");
            return Err(Problem::at(entry.service.referenced, format!("{field}.service"), message));
        }
    }
    Ok(Policies { paused: document.paused, by_group, ..Policies::default() })
}

fn group(entry: &Entry, field: &str) -> Result<ServiceName, Problem> {
    let namespace = kubernetes_name(&entry.namespace, &format!("{field}.namespace"))?;
    Ok(ServiceName::new(namespace, kubernetes_name(&entry.service, &format!("{field}.service"))?))
}

#[cfg(test)]
mod tests;
