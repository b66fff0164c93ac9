//! A service of which one endpoint changes at a time.

use std::net::Ipv4Addr;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use evenkeel::model::{Cluster, Endpoint, Locality, Ports, Service, ServiceName, ServicePort, Services, Weight};

const PORT_NAME: &str = "http";
const TARGET_PORT: u16 = 8080;
const MAX_WEIGHT: u32 = 100;

/// Endpoints of weight 1 but for those that were changed.
pub struct ChangingService {
    service: Service,
    changes: u32,
}

impl ChangingService {
    /// The service that a resource is made of.
    ///
    /// # Errors
    /// When the name is not `pods/NAMESPACE/SERVICE:PORT`.
    pub fn new(resource: &str, endpoints: u32) -> Result<Self> {
        ensure!((1..=1 << 24).contains(&endpoints), "--endpoints is {endpoints}: use 1 to {}", 1 << 24);
        let parts = resource.strip_prefix("pods/").and_then(|rest| rest.split_once('/'));
        let (namespace, rest) = parts.context("--name is not pods/NAMESPACE/SERVICE:PORT")?;
        let (name, port) = rest.split_once(':').context("--name has no port")?;
        let target = Arc::new(Ports::from([(PORT_NAME.to_owned(), TARGET_PORT)]));
        // Shared, as by everything that comes from Kubernetes.
        let locality = Arc::new(Locality::default());
        let endpoint =
            |number| Endpoint { locality: locality.clone(), ..Endpoint::new(address(number).into(), target.clone()) };
        let service = Service {
            ports: vec![ServicePort::new(PORT_NAME, port.parse().context("the port of --name is no number")?)],
            endpoints: (0..endpoints).map(endpoint).collect(),
            ..Service::new(ServiceName::new(namespace, name))
        };
        Ok(Self { service, changes: 0 })
    }

    /// Gives one endpoint another weight than it has.
    pub fn change(&mut self) -> Result<()> {
        let count = self.service.endpoints.len() as u32;
        let (number, round) = (self.changes % count, self.changes / count);
        self.service.endpoints[number as usize].weight = Weight::try_from(i64::from(2 + round % (MAX_WEIGHT - 1)))?;
        self.changes += 1;
        Ok(())
    }

    /// All that there is now, as a source hands it over.
    pub fn cluster(&self) -> Cluster {
        Cluster { services: Services::from_iter([self.service.clone()]), ..Cluster::default() }
    }
}

fn address(number: u32) -> Ipv4Addr {
    let [_, a, b, c] = number.to_be_bytes();
    Ipv4Addr::new(10, a, b, c)
}
