//! Why a stream is not opened.

use tonic::Status;

/// Why a stream is not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The source has not been read completely.
    NotSynced,
    /// The server stops.
    Shutdown,
    /// The client has not proven to be of a namespace that may read endpoints.
    NoReader,
    /// So many are open already.
    TooManyStreams(usize),
}

impl Refusal {
    /// For metrics.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::NotSynced => "not_synced",
            Self::Shutdown => "shutdown",
            Self::NoReader => "no_reader",
            Self::TooManyStreams(_) => "too_many_streams",
        }
    }

    /// What the client is told.
    pub(super) fn status(self) -> Status {
        match self {
            Self::NotSynced => Status::unavailable("the endpoints have not been read completely yet"),
            Self::Shutdown => Status::unavailable("the server is shutting down"),
            Self::NoReader => Status::permission_denied(
                "the certificate of this client names no workload of a namespace that may read endpoints; add its namespace to \
                 --endpoint-reader-namespace",
            ),
            Self::TooManyStreams(limit) => Status::resource_exhausted(format!(
                "all {limit} streams of this server are taken; use the aggregated service, add replicas, or raise --max-streams"
            )),
        }
    }
}
