//! What Evenkeel knows about services and their endpoints, whatever the source.

mod endpoint;
mod service;

pub use endpoint::{Endpoint, Health, Locality, Weight, WeightError};
pub use service::{Service, ServiceName, ServicePort};

use std::collections::BTreeMap;
use std::sync::Arc;

/// All services of a source at one moment, ordered by name.
///
/// Services are shared: one that did not change keeps its `Arc`, so that finding out costs a pointer comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Services(BTreeMap<ServiceName, Arc<Service>>);

impl Services {
    /// The service of this name.
    pub fn get(&self, name: &ServiceName) -> Option<&Arc<Service>> {
        self.0.get(name)
    }

    /// All services, ordered by namespace and name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Service>> {
        self.0.values()
    }

    /// The number of services.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no service at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Service> for Services {
    /// Of two services with one name the later wins; sources reject that earlier.
    fn from_iter<I: IntoIterator<Item = Service>>(services: I) -> Self {
        Self(services.into_iter().map(|service| (service.name.clone(), Arc::new(service))).collect())
    }
}
