//! SHA-256 as people compare it.

use sha2::{Digest, Sha256};

/// The SHA-256 of `content`, in lower case hexadecimal digits.
pub fn sha256(content: &[u8]) -> String {
    format!("{:x}", Sha256::digest(content))
}
