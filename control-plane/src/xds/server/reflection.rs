//! gRPC server reflection, so that `grpcurl` needs no `.proto` files.
//!
//! The descriptors are those of the messages as this server knows them: Envoy's have more fields.

use super::services::{DISCOVERY, GrpcService};
use tonic_reflection::pb::{v1, v1alpha};
use tonic_reflection::server::Builder;

const BESIDE: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// What both versions of reflection tell of.
pub(super) fn described(services: &[GrpcService]) -> Builder<'static> {
    let sets = [
        evenkeel_proto::FILE_DESCRIPTOR_SET,
        tonic_health::pb::FILE_DESCRIPTOR_SET,
        v1::FILE_DESCRIPTOR_SET,
        v1alpha::FILE_DESCRIPTOR_SET,
    ];
    let builder = Builder::configure().include_reflection_service(false);
    let sets = sets.into_iter().chain(services.iter().map(|service| service.descriptors));
    let builder = sets.fold(builder, Builder::register_encoded_file_descriptor_set);
    let names = DISCOVERY.into_iter().chain(BESIDE).chain(services.iter().map(|service| service.name));
    names.fold(builder, Builder::with_service_name)
}
