//! The bytes of an `LbEndpoint`.
//!
//! A change of a large service encodes thousands of them before the first client hears of it. As messages each would be
//! measured again at every level, and its address would be a string of its own; the bytes are the same.

use super::field::{nested, number};
use super::hosts::Host;
use evenkeel_proto::envoy::config::core::v3::HealthStatus;
use prost::encoding::{WireType, encode_key, encode_varint, message};
use std::io::Write;
use std::net::{IpAddr, SocketAddr};

// Numbers of fields: of `LbEndpoint`,
const ENDPOINT: u32 = 1;
const HEALTH_STATUS: u32 = 2;
const METADATA: u32 = 3;
const LOAD_BALANCING_WEIGHT: u32 = 4;
// of `Endpoint`, of its `Address`, of its `SocketAddress`,
const ENDPOINT_ADDRESS: u32 = 1;
const SOCKET_ADDRESS: u32 = 1;
const ADDRESS: u32 = 2;
const PORT_VALUE: u32 = 3;
// and of `UInt32Value`.
const VALUE: u32 = 1;

/// Puts a host into a field, as an `LbEndpoint`.
pub(super) fn put(field: u32, address: SocketAddr, host: &Host<'_>, into: &mut Vec<u8>) {
    nested(field, into, |into| {
        nested(ENDPOINT, into, |into| put_address(address, into));
        number(HEALTH_STATUS, HealthStatus::Healthy as u32, into);
        if let Some(identity) = &host.identity {
            message::encode(METADATA, &identity.metadata(), into);
        }
        nested(LOAD_BALANCING_WEIGHT, into, |into| number(VALUE, host.weight, into));
    });
}

/// The protocol is TCP, which is 0 and not written.
fn put_address(address: SocketAddr, into: &mut Vec<u8>) {
    nested(ENDPOINT_ADDRESS, into, |into| {
        nested(SOCKET_ADDRESS, into, |into| {
            nested(ADDRESS, into, |into| text(address.ip(), into));
            encode_key(PORT_VALUE, WireType::Varint, into);
            encode_varint(u64::from(address.port()), into);
        });
    });
}

/// As [`IpAddr`] is displayed.
fn text(address: IpAddr, into: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => {
            let [first, others @ ..] = address.octets();
            decimal(first, into);
            for octet in others {
                into.push(b'.');
                decimal(octet, into);
            }
        }
        // Writing into memory does not fail.
        IpAddr::V6(address) => drop(write!(into, "{address}")),
    }
}

fn decimal(octet: u8, into: &mut Vec<u8>) {
    if octet >= 100 {
        into.push(b'0' + octet / 100);
    }
    if octet >= 10 {
        into.push(b'0' + octet / 10 % 10);
    }
    into.push(b'0' + octet % 10);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eds::hosts::Identity;
    use crate::model::{Locality, Workload};
    use evenkeel_proto::envoy::config::core::v3 as core;
    use evenkeel_proto::envoy::config::endpoint::v3 as eds;
    use evenkeel_proto::google::protobuf::UInt32Value;
    use prost::Message;

    fn as_message(address: SocketAddr, host: &Host<'_>) -> eds::LbEndpoint {
        let socket_address = core::SocketAddress {
            address: address.ip().to_string(),
            port_specifier: Some(core::socket_address::PortSpecifier::PortValue(address.port().into())),
            ..Default::default()
        };
        let address = core::Address { address: Some(core::address::Address::SocketAddress(socket_address)) };
        let endpoint = eds::Endpoint { address: Some(address) };
        eds::LbEndpoint {
            host_identifier: Some(eds::lb_endpoint::HostIdentifier::Endpoint(endpoint)),
            health_status: HealthStatus::Healthy.into(),
            load_balancing_weight: Some(UInt32Value { value: host.weight }),
            metadata: host.identity.as_ref().map(Identity::metadata),
        }
    }

    fn check(address: &str, host: &Host<'_>) {
        let address = address.parse().unwrap();
        let (mut expected, mut found) = (b"before".to_vec(), b"before".to_vec());
        message::encode(2, &as_message(address, host), &mut expected);
        put(2, address, host, &mut found);
        assert_eq!(found, expected, "{address}");
        assert!(eds::LocalityLbEndpoints::decode(&found[b"before".len()..]).is_ok());
    }

    #[test]
    fn the_bytes_are_those_of_the_message() {
        let locality = Locality::default();
        for weight in [0, 1, 127, 128, u32::MAX] {
            let host = Host { locality: &locality, weight, identity: None };
            for address in ["10.0.0.1:80", "0.9.10.99:0", "100.200.255.199:65535", "[::1]:8080", "[2001:db8::ffff:1]:1"]
            {
                check(address, &host);
            }
        }
    }

    #[test]
    fn however_long_they_are() {
        let locality = Locality::default();
        for length in [1, 20, 80, 200, 20_000] {
            let workload = Workload { name: "w".repeat(length), ..Workload::default() };
            let identity = Identity { tls_mode: Some("istio"), workload: &workload, cluster_id: "Kubernetes" };
            check("10.0.0.1:80", &Host { locality: &locality, weight: 1, identity: Some(identity) });
        }
    }
}
