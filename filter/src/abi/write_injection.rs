//! The part of the ABI that only the module with the feature `write-injection` has: Envoy calls it for every write of every
//! connection.

use super::{CONTINUE, Envoy, import, received, vm};
use crate::host::{ContextId, WriteHost};

/// `proxy_buffer_type_t`: what is written to the client.
const UPSTREAM_DATA: u32 = 3;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_set_buffer_bytes(kind: u32, start: usize, length: usize, bytes: *const u8, size: usize) -> u32;
}

impl WriteHost for Envoy {
    fn written(&self, start: usize, max: usize) -> Vec<u8> {
        // SAFETY: the host writes the two results during the call.
        let bytes = |bytes, size| unsafe { import::proxy_get_buffer_bytes(UPSTREAM_DATA, start, max, bytes, size) };
        received(bytes).unwrap_or_default()
    }

    fn prepend(&self, bytes: &[u8]) -> bool {
        // SAFETY: the host reads `bytes` during the call.
        unsafe { proxy_set_buffer_bytes(UPSTREAM_DATA, 0, 0, bytes.as_ptr(), bytes.len()) == 0 }
    }

    fn replace(&self, bytes: &[u8]) -> bool {
        // SAFETY: the host reads `bytes` during the call.
        unsafe { proxy_set_buffer_bytes(UPSTREAM_DATA, 0, usize::MAX, bytes.as_ptr(), bytes.len()) == 0 }
    }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_upstream_data(context: ContextId, size: usize, _end_of_stream: u32) -> u32 {
    vm(|vm| vm.written(context, size));
    CONTINUE
}
