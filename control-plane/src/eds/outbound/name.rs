//! Names of destinations, as istiod makes them.

use super::Declined;
use crate::model::ServiceName;
use std::fmt;

/// `outbound|PORT|SUBSET|HOST`; the subset may be empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OutboundName {
    /// The port of the service.
    pub port: u16,
    /// The subset, or empty for all pods.
    pub subset: String,
    /// The host, with its domain.
    pub host: String,
}

impl OutboundName {
    const PREFIX: &'static str = "outbound";

    /// Reads a name; `None` if it is none of this kind.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('|');
        let (prefix, port, subset, host) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let number: u16 = port.parse().ok().filter(|number: &u16| *number > 0)?;
        let ours = prefix == Self::PREFIX && parts.next().is_none() && number.to_string() == port && !host.is_empty();
        ours.then(|| Self { port: number, subset: subset.to_owned(), host: host.to_owned() })
    }

    /// The service behind the host.
    pub fn service(&self, domain: &str) -> Result<ServiceName, Declined> {
        let name = || {
            let (name, namespace) = self.host.strip_suffix(domain)?.strip_suffix(".svc.")?.split_once('.')?;
            (!name.is_empty() && !namespace.is_empty() && !namespace.contains('.'))
                .then(|| ServiceName::new(namespace, name))
        };
        name().ok_or_else(|| Declined::NoService { host: self.host.clone(), domain: domain.to_owned() })
    }

    /// The host of a service.
    pub fn host(service: &ServiceName, domain: &str) -> String {
        format!("{}.{}.svc.{domain}", service.name, service.namespace)
    }
}

impl fmt::Display for OutboundName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}|{}|{}|{}", Self::PREFIX, self.port, self.subset, self.host)
    }
}
