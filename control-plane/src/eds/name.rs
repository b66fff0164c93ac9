//! Names of EDS resources.

use crate::model::ServiceName;
use std::fmt;
use std::str::FromStr;

/// How a service's endpoints are presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum View {
    /// The ready pods, each by its own address: `pods/NAMESPACE/SERVICE:PORT`.
    Pods,
    /// The nodes that lead to the service, by node port, for balancers outside of the cluster network:
    /// `nodes/NAMESPACE/SERVICE:PORT`.
    Nodes,
    /// The ready pods, for balancers of connections that follow the weights of a rebalance:
    /// `steer/NAMESPACE/SERVICE:PORT`.
    Steer,
}

impl View {
    /// All views.
    pub const ALL: [Self; 3] = [Self::Pods, Self::Nodes, Self::Steer];

    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Nodes => "nodes",
            Self::Steer => "steer",
        }
    }

    fn from_prefix(prefix: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|view| view.prefix() == prefix)
    }
}

/// The name of an EDS resource: a view of one port of a service.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceName {
    /// How the endpoints are presented.
    pub view: View,
    /// The service.
    pub service: ServiceName,
    /// The service's port number.
    pub port: u16,
}

/// Why a name is not one of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NameError {
    /// The name does not start with a view.
    #[error("{0:?} does not start with `pods/`, `nodes/` or `steer/`")]
    UnknownView(String),
    /// The rest of the name has another form.
    #[error("{0:?} does not have the form `VIEW/NAMESPACE/SERVICE:PORT`, with a port of 1 to 65535")]
    Malformed(String),
}

impl fmt::Display for ResourceName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}:{}", self.view.prefix(), self.service, self.port)
    }
}

impl FromStr for ResourceName {
    type Err = NameError;

    /// Accepts exactly what `Display` writes, so that one resource has one name.
    fn from_str(text: &str) -> Result<Self, NameError> {
        let (prefix, rest) = text.split_once('/').ok_or_else(|| NameError::UnknownView(text.to_owned()))?;
        let view = View::from_prefix(prefix).ok_or_else(|| NameError::UnknownView(text.to_owned()))?;
        let (service, port) = service_and_port(rest).ok_or_else(|| NameError::Malformed(text.to_owned()))?;
        Ok(Self { view, service, port })
    }
}

fn service_and_port(text: &str) -> Option<(ServiceName, u16)> {
    let (namespace, rest) = text.split_once('/')?;
    let (name, number) = rest.split_once(':')?;
    let port: u16 = number.parse().ok().filter(|port| *port > 0)?;
    let plain = !namespace.is_empty() && !name.is_empty() && !name.contains('/') && number == port.to_string();
    plain.then(|| (ServiceName::new(namespace, name), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_survives_its_text() {
        let texts = ["pods/istio-system/gateway:80", "nodes/istio-system/gateway:80", "steer/istio-system/gateway:80"];
        for (view, text) in View::ALL.into_iter().zip(texts) {
            let name = ResourceName { view, service: ServiceName::new("istio-system", "gateway"), port: 80 };
            assert_eq!(name.to_string(), text);
            assert_eq!(text.parse(), Ok(name));
        }
    }

    #[test]
    fn other_views_are_not_ours_yet() {
        for text in ["", "gateway", "nowhere/a/b:80", "outbound|80||a.b.svc.cluster.local", "PODS/a/b:80"] {
            assert_eq!(text.parse::<ResourceName>(), Err(NameError::UnknownView(text.to_owned())));
        }
    }

    #[test]
    fn one_resource_has_one_name() {
        for text in ["pods/a", "pods/a/b", "pods/a/b:", "pods/a/b:0", "pods/a/b:080", "pods/a/b:+80", "pods//b:80"] {
            assert_eq!(text.parse::<ResourceName>(), Err(NameError::Malformed(text.to_owned())));
        }
        for text in ["pods/a/:80", "pods/a/b/c:80", "pods/a/b:65536", "pods/a/b:http", "pods/a/b:80:80"] {
            assert_eq!(text.parse::<ResourceName>(), Err(NameError::Malformed(text.to_owned())));
        }
    }
}
