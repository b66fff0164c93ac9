//! The hosts of an assignment, whatever they are: pods or nodes.
//!
//! Equal content must give equal bytes, whatever the order of the source: versions are hashes of them.

use super::field::nested;
use super::lb_endpoint;
use crate::model::{Locality, Workload};
use evenkeel_proto::envoy::config::core::v3 as core;
use evenkeel_proto::envoy::config::endpoint::v3 as endpoint;
use evenkeel_proto::google::protobuf::value::Kind;
use evenkeel_proto::google::protobuf::{Struct, UInt32Value, Value};
use prost::Message;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ptr;

/// What a load balancer needs to know about an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host<'a> {
    /// Where it is.
    pub locality: &'a Locality,
    /// At least 1, relative to the others. The sum over a locality must fit 32 bits.
    pub weight: u32,
    /// What the mesh knows it as.
    pub identity: Option<Identity<'a>>,
}

/// What a proxy of the mesh needs to know about a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity<'a> {
    /// Chooses the cluster's transport socket; `None` for clear text.
    pub tls_mode: Option<&'a str>,
    /// What runs there.
    pub workload: &'a Workload,
    /// The Kubernetes cluster that it runs in.
    pub cluster_id: &'a str,
}

impl Identity<'_> {
    /// As metadata, where Istio's filters look for it.
    pub(super) fn metadata(&self) -> core::Metadata {
        let tls_mode = self.tls_mode.map(|mode| ("envoy.transport_socket_match", "tlsMode", mode.to_owned()));
        let fields = [("istio", "workload", self.workload())].into_iter().chain(tls_mode);
        let filter_metadata = fields.map(|(filter, field, text)| (filter.to_owned(), structure(field, text))).collect();
        core::Metadata { filter_metadata }
    }

    /// `NAME;NAMESPACE;CANONICAL NAME;CANONICAL REVISION;CLUSTER`, where no revision stands for `latest`.
    fn workload(&self) -> String {
        let Workload { name, namespace, canonical_name, canonical_revision, .. } = self.workload;
        let revision = if canonical_revision == "latest" { "" } else { canonical_revision };
        format!("{name};{namespace};{canonical_name};{revision};{}", self.cluster_id)
    }
}

fn structure(field: &str, text: String) -> Struct {
    Struct { fields: [(field.to_owned(), Value { kind: Some(Kind::StringValue(text)) })].into() }
}

/// Each address once, in order: Envoy keeps only the first of several.
#[derive(Clone, Debug, Default)]
pub struct Hosts<'a>(Vec<(SocketAddr, Host<'a>)>);

impl Hosts<'_> {
    /// The `ClusterLoadAssignment` of this name, encoded. Without hosts it is empty, and the same as that of a name that
    /// does not exist: whether a service is gone or just empty makes no difference to a load balancer.
    ///
    /// Each host is encoded as it comes: as messages, all of them together take many times the memory of their bytes.
    pub fn assignment(self, name: &str) -> Vec<u8> {
        let mut localities: BTreeMap<&Locality, LocalityHosts> = BTreeMap::new();
        // Neighbours are in the same place mostly, and share what says so.
        for neighbours in self.0.chunk_by(|(_, one), (_, other)| ptr::eq(one.locality, other.locality)) {
            let Some((_, first)) = neighbours.first() else { continue };
            let hosts = localities.entry(first.locality).or_default();
            for (address, host) in neighbours {
                hosts.add(*address, host);
            }
        }
        let head = endpoint::ClusterLoadAssignment { cluster_name: name.to_owned(), endpoints: Vec::new() };
        let mut assignment = head.encode_to_vec();
        for (locality, hosts) in localities {
            nested(ENDPOINTS, &mut assignment, |into| hosts.put(locality, into));
        }
        assignment
    }
}

/// The number of the field `endpoints` in `ClusterLoadAssignment`.
const ENDPOINTS: u32 = 2;
/// The number of the field `lb_endpoints` in `LocalityLbEndpoints`.
const LB_ENDPOINTS: u32 = 2;

/// The hosts of one locality.
#[derive(Default)]
struct LocalityHosts {
    lb_endpoints: Vec<u8>,
    weight: u32,
}

impl LocalityHosts {
    fn add(&mut self, address: SocketAddr, host: &Host<'_>) {
        self.weight = self.weight.saturating_add(host.weight);
        lb_endpoint::put(LB_ENDPOINTS, address, host, &mut self.lb_endpoints);
    }

    /// A `LocalityLbEndpoints`: the bytes of messages one after the other are the bytes of one that has all their fields.
    fn put(&self, locality: &Locality, into: &mut Vec<u8>) {
        let before = endpoint::LocalityLbEndpoints { locality: Some(where_it_is(locality)), ..Default::default() };
        let load_balancing_weight = Some(UInt32Value { value: self.weight });
        let after = endpoint::LocalityLbEndpoints { load_balancing_weight, ..Default::default() };
        into.extend(before.encode_to_vec());
        into.extend_from_slice(&self.lb_endpoints);
        into.extend(after.encode_to_vec());
    }
}

impl<'a> FromIterator<(SocketAddr, Host<'a>)> for Hosts<'a> {
    /// Of several hosts with one address the smallest stays, so that their order does not matter.
    fn from_iter<I: IntoIterator<Item = (SocketAddr, Host<'a>)>>(hosts: I) -> Self {
        let mut unique: Vec<_> = hosts.into_iter().collect();
        // They come in order mostly, which this sort makes use of.
        unique.sort();
        unique.dedup_by_key(|(address, _)| *address);
        Self(unique)
    }
}

/// Present even if nothing is known: gRPC clients reject an assignment without it, Envoy makes no difference.
fn where_it_is(locality: &Locality) -> core::Locality {
    let Locality { region, zone, sub_zone } = locality;
    core::Locality { region: region.to_string(), zone: zone.to_string(), sub_zone: sub_zone.to_string() }
}
