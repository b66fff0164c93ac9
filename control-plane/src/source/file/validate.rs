//! From the file's fields to services: what YAML cannot check.

use super::document as file;
use super::document::List;
use crate::model::{Endpoint, Health, Locality, Service, ServiceName, ServicePort, Services, Weight};
use crate::watched_file::{Problem, kubernetes_name};
use serde_saphyr::Spanned;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

/// All services, or the first problem.
pub fn services(document: &file::Document) -> Result<Services, Problem> {
    let mut names = BTreeSet::new();
    let mut services = Vec::new();
    for (index, service) in written_out(&document.services, "services")?.iter().enumerate() {
        let field = format!("services[{index}]");
        let service = Validation::new(&field, service)?.service()?;
        if !names.insert(service.name.clone()) {
            return Err(twice(&document.services, index, &service.name));
        }
        services.push(service);
    }
    Ok(services.into_iter().collect())
}

fn twice(services: &List<file::Service>, index: usize, name: &ServiceName) -> Problem {
    let location = services.value.iter().flatten().nth(index).map_or(services.referenced, |s| s.name.referenced);
    let message = format!("service {name} is in the file twice; merge them or rename one");
    Problem::at(location, format!("services[{index}].name"), message)
}

fn written_out<'a, T>(list: &'a List<T>, field: &str) -> Result<&'a [T], Problem> {
    let missing =
        || Problem::at(list.referenced, field, "there is no list here; write `[]` if it is meant to be empty");
    list.value.as_deref().ok_or_else(missing)
}

/// One service of the file and its place in it.
struct Validation<'a> {
    field: &'a str,
    file: &'a file::Service,
    name: ServiceName,
}

impl<'a> Validation<'a> {
    fn new(field: &'a str, file: &'a file::Service) -> Result<Self, Problem> {
        let namespace = match &file.namespace {
            Some(namespace) => kubernetes_name(namespace, &format!("{field}.namespace"))?,
            None => "default",
        };
        let name = ServiceName::new(namespace, kubernetes_name(&file.name, &format!("{field}.name"))?);
        Ok(Self { field, file, name })
    }

    fn service(self) -> Result<Service, Problem> {
        let ports = self.ports()?;
        let endpoints = written_out(&self.file.endpoints, &format!("{}.endpoints", self.field))?.iter().enumerate();
        let endpoints =
            endpoints.map(|(index, endpoint)| self.endpoint(index, endpoint, &ports)).collect::<Result<_, _>>()?;
        Ok(Service { ports, endpoints, ..Service::new(self.name) })
    }

    fn ports(&self) -> Result<Vec<ServicePort>, Problem> {
        let field = format!("{}.ports", self.field);
        let ports = written_out(&self.file.ports, &field)?;
        let mut valid: Vec<ServicePort> = Vec::new();
        for (index, port) in ports.iter().enumerate() {
            let number = self.port_number(&port.port, &format!("{field}[{index}].port"))?;
            let name = port.name.as_ref().map_or("", |name| name.value.as_str());
            self.port_is_new(&valid, port, number, &format!("{field}[{index}]"))?;
            valid.push(ServicePort::new(name, number));
        }
        Ok(valid)
    }

    fn port_is_new(&self, known: &[ServicePort], port: &file::Port, number: u16, field: &str) -> Result<(), Problem> {
        let name = port.name.as_ref().map_or("", |name| name.value.as_str());
        let location = port.name.as_ref().map_or(port.port.referenced, |name| name.referenced);
        if known.iter().any(|known| known.name == name) {
            let message = format!("service {} has two ports named {name:?}; give each a name of its own", self.name);
            return Err(Problem::at(location, format!("{field}.name"), message));
        }
        if known.iter().any(|known| known.port == number) {
            let message = format!("service {} has port {number} twice; remove one", self.name);
            return Err(Problem::at(port.port.referenced, format!("{field}.port"), message));
        }
        Ok(())
    }

    fn port_number(&self, port: &Spanned<i64>, field: &str) -> Result<u16, Problem> {
        u16::try_from(port.value).ok().filter(|port| *port > 0).ok_or_else(|| {
            let message = format!("service {}: {} is no port; use 1 to 65535", self.name, port.value);
            Problem::at(port.referenced, field, message)
        })
    }

    fn endpoint(&self, index: usize, endpoint: &file::Endpoint, ports: &[ServicePort]) -> Result<Endpoint, Problem> {
        let field = format!("{}.endpoints[{index}]", self.field);
        let address = self.address(&endpoint.address, &field)?;
        let ports = Arc::new(self.target_ports(endpoint, ports, &field)?);
        Ok(Endpoint {
            health: if endpoint.ready.unwrap_or(true) { Health::Ready } else { Health::NotReady },
            weight: self.weight(endpoint.weight.as_ref(), &field)?,
            locality: Arc::new(locality(&endpoint.locality)),
            ..Endpoint::new(address, ports)
        })
    }

    fn address(&self, address: &Spanned<String>, field: &str) -> Result<IpAddr, Problem> {
        address.value.parse().map_err(|_| {
            let message = format!(
                "service {}: {:?} is no IP address; use one such as 10.0.0.7 or fd00::7",
                self.name, address.value
            );
            Problem::at(address.referenced, format!("{field}.address"), message)
        })
    }

    fn weight(&self, weight: Option<&Spanned<i64>>, field: &str) -> Result<Weight, Problem> {
        let Some(weight) = weight else { return Ok(Weight::ONE) };
        Weight::try_from(weight.value).map_err(|_| {
            let message = format!(
                "service {}: {} is no weight; use 1 to 128, or `ready: false` for no traffic",
                self.name, weight.value
            );
            Problem::at(weight.referenced, format!("{field}.weight"), message)
        })
    }

    fn target_ports(
        &self,
        endpoint: &file::Endpoint,
        ports: &[ServicePort],
        field: &str,
    ) -> Result<BTreeMap<String, u16>, Problem> {
        let mut targets: BTreeMap<_, _> = ports.iter().map(|port| (port.name.clone(), port.port)).collect();
        for (name, target) in &endpoint.ports {
            let field = format!("{field}.ports.{name}");
            let number = self.port_number(target, &field)?;
            if targets.insert(name.clone(), number).is_none() {
                return Err(self.unknown_port(name, target, ports, &field));
            }
        }
        Ok(targets)
    }

    fn unknown_port(&self, name: &str, target: &Spanned<i64>, ports: &[ServicePort], field: &str) -> Problem {
        let known: Vec<&str> = ports.iter().map(|port| port.name.as_str()).collect();
        let message = format!(
            "service {} has no port named {name:?}; use one of {known:?} or add it to the service's `ports`",
            self.name
        );
        Problem::at(target.referenced, field, message)
    }
}

fn locality(file: &file::Locality) -> Locality {
    let file::Locality { region, zone, sub_zone } = file;
    Locality { region: region.as_str().into(), zone: zone.as_str().into(), sub_zone: sub_zone.as_str().into() }
}
