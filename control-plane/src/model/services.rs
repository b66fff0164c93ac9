//! All services at one moment.

use super::{Service, ServiceName};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::iter::Peekable;
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

    /// Adds a service, or replaces the one of its name.
    pub fn insert(&mut self, service: Arc<Service>) {
        self.0.insert(service.name.clone(), service);
    }

    /// Removes the service of this name.
    pub fn remove(&mut self, name: &ServiceName) {
        self.0.remove(name);
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

    /// What is different in `newer`: each service that was added, removed or changed, as it was and as it is.
    pub fn changes<'a>(
        &'a self,
        newer: &'a Self,
    ) -> impl Iterator<Item = (Option<&'a Arc<Service>>, Option<&'a Arc<Service>>)> {
        let pairs = Pairs { older: self.0.values().peekable(), newer: newer.0.values().peekable() };
        pairs.filter(|(older, newer)| older != newer)
    }
}

/// Services of two sets side by side; both are ordered by name.
struct Pairs<I: Iterator> {
    older: Peekable<I>,
    newer: Peekable<I>,
}

impl<'a, I: Iterator<Item = &'a Arc<Service>>> Iterator for Pairs<I> {
    type Item = (Option<&'a Arc<Service>>, Option<&'a Arc<Service>>);

    fn next(&mut self) -> Option<Self::Item> {
        let next = match (self.older.peek(), self.newer.peek()) {
            (None, None) => return None,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(older), Some(newer)) => older.name.cmp(&newer.name),
        };
        let older = if next.is_le() { self.older.next() } else { None };
        let newer = if next.is_ge() { self.newer.next() } else { None };
        Some((older, newer))
    }
}

impl FromIterator<Service> for Services {
    /// Of two services with one name the later wins; sources reject that earlier.
    fn from_iter<I: IntoIterator<Item = Service>>(services: I) -> Self {
        services.into_iter().map(Arc::new).collect()
    }
}

impl FromIterator<Arc<Service>> for Services {
    fn from_iter<I: IntoIterator<Item = Arc<Service>>>(services: I) -> Self {
        Self(services.into_iter().map(|service| (service.name.clone(), service)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(name: &str, port: u16) -> Service {
        Service {
            ports: vec![crate::model::ServicePort::new("", port)],
            ..Service::new(ServiceName::new("default", name))
        }
    }

    #[test]
    fn changes_are_what_was_added_removed_or_changed() {
        let older = Services::from_iter([service("a", 1), service("b", 1), service("c", 1)]);
        let newer = Services::from_iter([service("b", 1), service("c", 2), service("d", 1)]);
        let name = |service: Option<&Arc<Service>>| service.map(|service| service.name.name.to_string());
        let changes: Vec<_> = older.changes(&newer).map(|(older, newer)| (name(older), name(newer))).collect();
        let some = |name: &str| Some(name.to_owned());
        assert_eq!(changes, [(some("a"), None), (some("c"), some("c")), (None, some("d"))]);
    }
}
