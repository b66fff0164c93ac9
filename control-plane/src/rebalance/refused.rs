//! Reports that are not taken.

/// Why a report was refused; each with what the proxy or its operator should know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A field has a value that it cannot have.
    #[error("{0}")]
    InvalidArgument(String),
    /// The caller is not proven to be a pod of the group.
    #[error("{0}")]
    PermissionDenied(String),
    /// It is too early to answer.
    #[error("{0}")]
    Unavailable(String),
}
