//! One target of gRPC channels, and its resources.

use super::resources;
use crate::eds::ResourceName;
use crate::xds::{Resource, ResourceType};
use std::sync::{Arc, OnceLock};

/// A port of a service as the target of gRPC channels. Its listener, its routes and its cluster have its name, and do not
/// depend on anything else: they stay the same for as long as the port exists.
#[derive(Debug)]
pub struct Target {
    name: String,
    assignment: String,
    listener: OnceLock<Arc<Resource>>,
    routes: OnceLock<Arc<Resource>>,
    cluster: OnceLock<Arc<Resource>>,
}

impl Target {
    /// The target whose endpoints are this view.
    pub fn new(endpoints: &ResourceName) -> Self {
        let (listener, routes, cluster) = Default::default();
        Self { name: target_name(endpoints), assignment: endpoints.to_string(), listener, routes, cluster }
    }

    /// One of its resources, encoded when first asked for. Endpoints are not its own.
    pub fn get(&self, resource_type: ResourceType) -> Option<Arc<Resource>> {
        let (encoded, encode): (_, fn(&Self) -> Resource) = match resource_type {
            ResourceType::Listener => (&self.listener, Self::encode_listener),
            ResourceType::RouteConfiguration => (&self.routes, Self::encode_routes),
            ResourceType::Cluster => (&self.cluster, Self::encode_cluster),
            ResourceType::ClusterLoadAssignment => return None,
        };
        Some(encoded.get_or_init(|| Arc::new(encode(self))).clone())
    }

    fn encode_listener(&self) -> Resource {
        Resource::new(self.name.clone(), ResourceType::Listener, &resources::listener(&self.name))
    }

    fn encode_routes(&self) -> Resource {
        Resource::new(self.name.clone(), ResourceType::RouteConfiguration, &resources::routes(&self.name))
    }

    fn encode_cluster(&self) -> Resource {
        let cluster = resources::cluster(&self.name, &self.assignment);
        Resource::new(self.name.clone(), ResourceType::Cluster, &cluster).with_assignment(&self.assignment)
    }
}

/// `SERVICE.NAMESPACE:PORT`. Names of services and namespaces have no dots.
pub fn target_name(endpoints: &ResourceName) -> String {
    format!("{}.{}:{}", endpoints.service.name, endpoints.service.namespace, endpoints.port)
}
