//! The filter's binary, for proxies: `GET /filter/SHA256.wasm`.
//!
//! It is public and named by its hash, and proxies check that hash. So nothing here needs a secret, an answer never
//! changes, and it has a port of its own: whoever may fetch it need not reach anything else.

mod limits;
mod server;
#[cfg(test)]
mod tests;

pub use limits::Limits;
pub use server::serve;

use axum::body::Bytes;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// Magic number and version: <https://webassembly.github.io/spec/core/binary/modules.html#binary-module>.
const PREAMBLE: &[u8] = b"\0asm\x01\0\0\0";

/// What only the module for a `WasmPlugin` exports. Proxies would call it for every write: policies never name that one.
const CAPS_ALONE: &[u8] = b"proxy_on_upstream_data";

/// One binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterModule {
    content: Bytes,
    sha256: String,
}

/// The binaries that are served, and the one among them that policies name. Clones share them.
#[derive(Clone, Debug)]
pub struct FilterModules {
    current: FilterModule,
    by_sha256: Arc<BTreeMap<String, FilterModule>>,
}

/// A file that is not what proxies run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it is no WebAssembly module of version 1: it needs the file that `cargo xtask wasm` makes, or a release has")]
pub struct NotWasm;

impl FilterModule {
    /// A binary with this content.
    ///
    /// # Errors
    /// When it does not begin as a WebAssembly module does.
    pub fn new(content: impl Into<Bytes>) -> Result<Self, NotWasm> {
        let content = content.into();
        if !content.starts_with(PREAMBLE) {
            return Err(NotWasm);
        }
        let sha256 = hexadecimal(&Sha256::digest(&content));
        Ok(Self { content, sha256 })
    }

    /// The one that this program was built with, by the feature `embedded-filter`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn embedded() -> Result<Option<Self>, NotWasm> {
        #[cfg(feature = "embedded-filter")]
        let embedded = Some(include_bytes!(env!("EVENKEEL_EMBEDDED_FILTER")).as_slice());
        #[cfg(not(feature = "embedded-filter"))]
        let embedded: Option<&'static [u8]> = None;
        embedded.map(Self::new).transpose()
    }

    /// Whether it has caps alone: it is for a `WasmPlugin`, which names it by itself.
    fn has_caps_alone(&self) -> bool {
        self.content.windows(CAPS_ALONE.len()).any(|bytes| bytes == CAPS_ALONE)
    }

    /// The SHA-256 of its content in lower-case hexadecimal digits.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Where it is on the port that serves it.
    pub fn path(&self) -> String {
        format!("/filter/{}.wasm", self.sha256)
    }
}

impl FilterModules {
    /// These; the first that is not for a `WasmPlugin` is the current one. `None` without any such.
    pub fn new(modules: Vec<FilterModule>) -> Option<Self> {
        let current = modules.iter().find(|module| !module.has_caps_alone())?.clone();
        let by_sha256 = modules.into_iter().map(|module| (module.sha256.clone(), module)).collect();
        Some(Self { current, by_sha256: Arc::new(by_sha256) })
    }

    /// The one that policies name.
    pub fn current(&self) -> &FilterModule {
        &self.current
    }

    fn get(&self, sha256: &str) -> Option<&FilterModule> {
        self.by_sha256.get(sha256)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
