//! The little of gRPC that a proxy-wasm filter has to do itself.

use percent_encoding::percent_decode_str;
use prost::Message;

/// A unary call, as [`crate::host::Host::call`] takes it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Whom to call: an encoded `envoy.config.core.v3.GrpcService`, see [`service`].
    pub service: &'a [u8],
    /// The full name of the gRPC service.
    pub name: &'a str,
    /// The name of its method.
    pub method: &'a str,
    /// The encoded request.
    pub message: &'a [u8],
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// gRPC's status code.
    pub code: u32,
    /// What its sender says of it.
    pub message: String,
}

impl Failure {
    /// With the message as it is on the wire: percent-encoded, and Envoy hands it over so.
    pub fn new(code: u32, message: &str) -> Self {
        Self { code, message: percent_decode_str(message).decode_utf8_lossy().into_owned() }
    }
}

/// `envoy.config.core.v3.GrpcService`, as far as it names a cluster. Envoy takes the bare name as well, but reads one that
/// happens to be a message as that message.
#[derive(Clone, PartialEq, Message)]
struct GrpcService {
    #[prost(message, required, tag = "1")]
    envoy_grpc: EnvoyGrpc,
}

/// `GrpcService.EnvoyGrpc`.
#[derive(Clone, PartialEq, Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster_name: String,
}

/// What [`Call::service`] has to be for the service behind this cluster.
pub fn service(cluster: &str) -> Vec<u8> {
    GrpcService { envoy_grpc: EnvoyGrpc { cluster_name: cluster.to_owned() } }.encode_to_vec()
}

/// The status codes in their order, from 0: <https://grpc.github.io/grpc/core/md_doc_statuscodes.html>.
const STATUS_CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

impl std::fmt::Display for Failure {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let code = STATUS_CODES.get(self.code as usize).unwrap_or(&"UNKNOWN");
        if self.message.is_empty() {
            return formatter.write_str(code);
        }
        write!(formatter, "{code}: {}", self.message)
    }
}
