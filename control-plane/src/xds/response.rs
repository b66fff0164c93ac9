//! Responses and their bytes.

use super::{Resource, ResourceType, Version};
use bytes::{BufMut, Bytes, BytesMut};
use evenkeel_proto::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse};
use prost::Message;
use std::sync::Arc;

/// A response that is due on one stream.
#[derive(Debug)]
pub struct Response {
    /// The type of its resources.
    pub resource_type: ResourceType,
    /// The resources that are new to the client, or all.
    pub resources: Vec<Arc<Resource>>,
    head: Vec<u8>,
    field: fn(&Resource) -> [&Bytes; 2],
}

impl Response {
    /// A response of a state-of-the-world stream.
    pub fn sotw(resource_type: ResourceType, nonce: String, version: Version, resources: Vec<Arc<Resource>>) -> Self {
        let version_info = version.to_string();
        let head =
            DiscoveryResponse { version_info, resources: Vec::new(), type_url: resource_type.url().into(), nonce };
        Self { resource_type, resources, head: head.encode_to_vec(), field: Resource::sotw_field }
    }

    /// A response of a delta stream.
    pub fn delta(
        resource_type: ResourceType,
        nonce: String,
        version: Version,
        resources: Vec<Arc<Resource>>,
        removed: &[Arc<str>],
    ) -> Self {
        let head = DeltaDiscoveryResponse {
            system_version_info: version.to_string(),
            resources: Vec::new(),
            type_url: resource_type.url().into(),
            nonce,
            removed_resources: removed.iter().map(ToString::to_string).collect(),
        };
        Self { resource_type, resources, head: head.encode_to_vec(), field: Resource::delta_field }
    }

    /// The size of the message, in bytes.
    pub fn size(&self) -> usize {
        self.head.len() + self.fields().map(Bytes::len).sum::<usize>()
    }

    /// The message with its gRPC prefix, in chunks to be sent one after the other.
    ///
    /// Protobuf fields may come in any order, so the head of this stream and the fields that all streams share are just
    /// put one after the other. Large resources are shared, small ones are copied into larger chunks.
    pub fn chunks(&self) -> Vec<Bytes> {
        let mut chunks = Chunks::default();
        // gRPC: not compressed, then the length.
        chunks.gathered.put_u8(0);
        chunks.gathered.put_u32(self.size() as u32);
        chunks.gathered.put_slice(&self.head);
        self.fields().for_each(|field| chunks.add(field));
        chunks.finish()
    }

    fn fields(&self) -> impl Iterator<Item = &Bytes> {
        self.resources.iter().flat_map(|resource| (self.field)(resource))
    }
}

#[derive(Default)]
struct Chunks {
    done: Vec<Bytes>,
    gathered: BytesMut,
}

impl Chunks {
    /// Below this, copying costs less than a frame of its own.
    const SHARED_FROM: usize = 4096;
    /// Copies are gathered up to the size of an HTTP/2 frame.
    const GATHERED_UP_TO: usize = 16_384;

    fn add(&mut self, part: &Bytes) {
        if part.len() >= Self::SHARED_FROM {
            self.flush();
            self.done.push(part.clone());
            return;
        }
        self.gathered.put_slice(part);
        if self.gathered.len() >= Self::GATHERED_UP_TO {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.gathered.is_empty() {
            self.done.push(self.gathered.split().freeze());
        }
    }

    fn finish(mut self) -> Vec<Bytes> {
        self.flush();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::resource;
    use super::*;
    use evenkeel_proto::envoy::config::endpoint::v3::ClusterLoadAssignment;

    const EDS: ResourceType = ResourceType::ClusterLoadAssignment;

    /// Small ones, and some that are shared.
    fn resources() -> Vec<Arc<Resource>> {
        (1..200).map(|number| resource(&format!("r{number}"), if number % 50 == 0 { 5_000 } else { number })).collect()
    }

    fn message(response: &Response) -> Vec<u8> {
        let bytes = response.chunks().concat();
        assert_eq!(bytes[0], 0);
        assert_eq!(bytes[1..5], (bytes.len() as u32 - 5).to_be_bytes());
        bytes[5..].to_vec()
    }

    #[test]
    fn a_sotw_response_decodes_to_what_was_put_in() {
        let resources = resources();
        let version = Version::of(b"all");
        let response = Response::sotw(EDS, "7".into(), version, resources.clone());
        let decoded = DiscoveryResponse::decode(message(&response).as_slice()).unwrap();
        assert_eq!((decoded.nonce.as_str(), decoded.version_info), ("7", version.to_string()));
        assert_eq!(decoded.type_url, EDS.url());
        let names: Vec<String> = decoded.resources.iter().map(|any| cluster_name(&any.value)).collect();
        assert_eq!(names, resources.iter().map(|resource| resource.name()).collect::<Vec<_>>());
        assert!(decoded.resources.iter().all(|any| any.type_url == EDS.url()));
    }

    #[test]
    fn a_delta_response_decodes_to_what_was_put_in() {
        let resources = resources();
        let response = Response::delta(EDS, "7".into(), Version::of(b"all"), resources.clone(), &["gone".into()]);
        let decoded = DeltaDiscoveryResponse::decode(message(&response).as_slice()).unwrap();
        assert_eq!((decoded.nonce.as_str(), decoded.type_url.as_str()), ("7", EDS.url()));
        assert_eq!(decoded.removed_resources, ["gone"]);
        assert_eq!(decoded.resources.len(), resources.len());
        for (actual, expected) in decoded.resources.iter().zip(&resources) {
            assert_eq!((&*actual.name, &actual.version), (expected.name(), &expected.version().to_string()));
            assert_eq!(cluster_name(&actual.resource.as_ref().unwrap().value), expected.name());
        }
    }

    #[test]
    fn large_resources_are_shared_not_copied() {
        let large = resource("large", 10_000);
        let [_, any] = large.sotw_field();
        let response = Response::sotw(EDS, "1".into(), large.version(), vec![large.clone()]);
        assert!(response.chunks().iter().any(|chunk| chunk.as_ptr() == any.as_ptr()));
    }

    fn cluster_name(value: &[u8]) -> String {
        ClusterLoadAssignment::decode(value).unwrap().cluster_name
    }
}
