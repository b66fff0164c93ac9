//! The answer of `/v1/clients`.

use super::Query;
use crate::xds::server::ClientStatus;
use crate::xds::{TypeStatus, Version};
use serde::Serialize;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

/// Some of the clients that are connected, oldest stream first.
#[derive(Debug, Default, Serialize)]
pub struct ClientList {
    /// Streams that the query asks for, also those beyond its limit.
    pub matching: usize,
    /// The streams themselves, up to the limit.
    pub clients: Vec<Client>,
}

/// A client on one stream.
#[derive(Debug, Serialize)]
pub struct Client {
    stream: u64,
    node: Node,
    peer: SocketAddr,
    transport: &'static str,
    since: String,
    /// Whether the client has yet to take, accept or replace something that it was sent.
    behind: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    unread_seconds: Option<f64>,
    types: Vec<Type>,
}

/// How a client introduced itself; all empty before its first request.
#[derive(Debug, Default, Serialize)]
struct Node {
    id: String,
    cluster: String,
    user_agent: String,
}

/// What a client has of one type.
#[derive(Debug, Serialize)]
struct Type {
    #[serde(rename = "type")]
    name: &'static str,
    wildcard: bool,
    names: usize,
    sent: Option<String>,
    acknowledged: Option<String>,
    resources: Vec<Known>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected: Option<Rejected>,
    declined: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    declined_names: Vec<Declined>,
}

/// A resource that a client asks for or has, and the version that it was sent.
#[derive(Debug, Serialize)]
struct Known {
    name: String,
    version: Option<String>,
}

/// What a client does not want, and why.
#[derive(Debug, Serialize)]
struct Rejected {
    version: Option<String>,
    reason: String,
}

/// What this server does not answer for, and why.
#[derive(Debug, Serialize)]
struct Declined {
    name: String,
    reason: String,
}

impl ClientList {
    /// Those of the clients that the query asks for.
    pub fn of(clients: impl Iterator<Item = ClientStatus>, query: &Query, now: Instant) -> Self {
        let mut list = Self::default();
        for client in clients.filter(|client| is_asked_for(client, query)) {
            list.matching += 1;
            if list.clients.len() < query.limit {
                list.clients.push(Client::new(client, now));
            }
        }
        list
    }
}

fn is_asked_for(client: &ClientStatus, query: &Query) -> bool {
    query.node.is_empty() || client.node.as_ref().is_some_and(|node| node.id.contains(&query.node))
}

impl Client {
    fn new(status: ClientStatus, now: Instant) -> Self {
        let unread_seconds = status.unread_since.map(|since| now.saturating_duration_since(since).as_secs_f64());
        Self {
            behind: unread_seconds.is_some() || status.types.iter().any(|status| status.sent != status.acknowledged),
            stream: status.stream,
            node: status.node.map(Node::from).unwrap_or_default(),
            peer: status.peer,
            transport: status.transport,
            since: humantime::format_rfc3339_seconds(status.since).to_string(),
            unread_seconds,
            types: status.types.into_iter().map(Type::from).collect(),
        }
    }
}

impl From<evenkeel_proto::envoy::config::core::v3::Node> for Node {
    fn from(node: evenkeel_proto::envoy::config::core::v3::Node) -> Self {
        let user_agent = [node.user_agent_name, node.user_agent_version].join(" ").trim().to_owned();
        Self { id: node.id, cluster: node.cluster, user_agent }
    }
}

impl From<(Arc<str>, Option<Version>)> for Known {
    fn from((name, version): (Arc<str>, Option<Version>)) -> Self {
        Self { name: name.to_string(), version: version.map(|version| version.to_string()) }
    }
}

impl From<TypeStatus> for Type {
    fn from(status: TypeStatus) -> Self {
        let declined = status.declined.iter().take(TypeStatus::LISTED);
        Self {
            name: status.resource_type.name(),
            wildcard: status.wildcard,
            names: status.names,
            sent: status.sent.map(|version| version.to_string()),
            acknowledged: status.acknowledged.map(|version| version.to_string()),
            rejected: status.rejected.map(|rejection| Rejected {
                version: rejection.version.map(|version| version.to_string()),
                reason: rejection.reason.into(),
            }),
            declined_names: declined
                .map(|(name, reason)| Declined { name: name.to_string(), reason: reason.to_string() })
                .collect(),
            declined: status.declined.len(),
            resources: status.resources.into_iter().map(Known::from).collect(),
        }
    }
}
