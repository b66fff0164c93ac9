//! The proxy-wasm ABI 0.2.1, by hand: `unsafe` code is here and in what the feature `write-injection` adds, nowhere else.
//!
//! Envoy calls what a module exports. The SDK exports everything and keeps its own tables of contexts; the callbacks that
//! the filter needs are few enough to write out. The numbers are those of the ABI's specification.

#[cfg(feature = "write-injection")]
mod write_injection;

use std::cell::RefCell;
use std::time::Duration;

use evenkeel_filter_core::Time;

use crate::grpc::Call;
use crate::host::{CallId, ContextId, Host, MetricId, MetricKind, Severity, Version};
use crate::vm::{Module, Vm};

/// `proxy_buffer_type_t`: the message of a gRPC call's answer.
const GRPC_RECEIVE_BUFFER: u32 = 5;
/// `proxy_buffer_type_t`: the plugin's configuration.
const PLUGIN_CONFIGURATION: u32 = 7;
/// A header map without headers: their number.
const NO_METADATA: [u8; 4] = [0; 4];
/// A version that no value has in practice: Envoy counts up from 1. Given for a key that has no value, it is ignored; given
/// for one that has got a value meanwhile, it is refused. (0 would overwrite that value.)
const NO_VERSION: Version = Version::MAX;
/// `proxy_stream_type_t`: the accepted connection.
const DOWNSTREAM: u32 = 2;
/// WASI's monotonic clock.
const CLOCK_MONOTONIC: u32 = 1;
/// `FilterHeadersStatus` and `FilterStatus`: go on.
const CONTINUE: u32 = 0;

mod import {
    #[link(wasm_import_module = "env")]
    unsafe extern "C" {
        pub fn proxy_log(severity: u32, line: *const u8, length: usize) -> u32;
        pub fn proxy_get_property(path: *const u8, length: usize, value: *mut *mut u8, size: *mut usize) -> u32;
        pub fn proxy_set_property(path: *const u8, length: usize, value: *const u8, size: usize) -> u32;
        pub fn proxy_get_buffer_bytes(
            kind: u32,
            start: usize,
            max: usize,
            bytes: *mut *mut u8,
            size: *mut usize,
        ) -> u32;
        pub fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
        pub fn proxy_set_effective_context(context: u32) -> u32;
        pub fn proxy_close_stream(kind: u32) -> u32;
        pub fn proxy_define_metric(kind: u32, name: *const u8, length: usize, metric: *mut u32) -> u32;
        pub fn proxy_increment_metric(metric: u32, by: i64) -> u32;
        pub fn proxy_get_shared_data(
            key: *const u8,
            length: usize,
            value: *mut *mut u8,
            size: *mut usize,
            version: *mut u32,
        ) -> u32;
        pub fn proxy_set_shared_data(key: *const u8, length: usize, value: *const u8, size: usize, version: u32)
        -> u32;
        pub fn proxy_grpc_call(
            service: *const u8,
            service_length: usize,
            name: *const u8,
            name_length: usize,
            method: *const u8,
            method_length: usize,
            metadata: *const u8,
            metadata_length: usize,
            message: *const u8,
            message_length: usize,
            timeout_milliseconds: u32,
            call: *mut u32,
        ) -> u32;
        pub fn proxy_get_status(code: *mut u32, message: *mut *mut u8, size: *mut usize) -> u32;
    }

    #[link(wasm_import_module = "wasi_snapshot_preview1")]
    unsafe extern "C" {
        pub fn clock_time_get(clock: u32, precision: u64, nanoseconds: *mut u64) -> u32;
        pub fn random_get(bytes: *mut u8, size: usize) -> u32;
    }
}

/// Envoy, through the ABI.
struct Envoy;

impl Host for Envoy {
    fn log(&self, severity: Severity, line: &str) {
        // SAFETY: the host reads `line` during the call.
        unsafe { import::proxy_log(severity as u32, line.as_ptr(), line.len()) };
    }

    fn now(&self) -> Time {
        let mut nanoseconds = 0;
        // SAFETY: the host writes the eight bytes during the call.
        unsafe { import::clock_time_get(CLOCK_MONOTONIC, 0, &raw mut nanoseconds) };
        Time::from_nanoseconds(nanoseconds)
    }

    fn random(&self) -> u64 {
        let mut bits = [0; 8];
        // SAFETY: the host writes the eight bytes during the call.
        unsafe { import::random_get(bits.as_mut_ptr(), bits.len()) };
        u64::from_le_bytes(bits)
    }

    fn property(&self, path: &str) -> Option<Vec<u8>> {
        // SAFETY: the host reads `path` and writes the two results during the call.
        received(|value, size| unsafe { import::proxy_get_property(path.as_ptr(), path.len(), value, size) })
    }

    fn set_property(&self, name: &str, value: &str) {
        // SAFETY: the host reads both during the call.
        unsafe { import::proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) };
    }

    fn enter(&self, context: ContextId) {
        // SAFETY: no memory is shared.
        unsafe { import::proxy_set_effective_context(context) };
    }

    fn close_connection(&self) {
        // SAFETY: no memory is shared.
        unsafe { import::proxy_close_stream(DOWNSTREAM) };
    }

    fn set_tick_period(&self, period: Duration) {
        // SAFETY: no memory is shared.
        unsafe { import::proxy_set_tick_period_milliseconds(period.as_millis() as u32) };
    }

    fn plugin_configuration(&self) -> Vec<u8> {
        buffer(PLUGIN_CONFIGURATION)
    }

    fn define_metric(&self, kind: MetricKind, name: &str) -> MetricId {
        let mut metric = 0;
        // SAFETY: the host reads `name` and writes `metric` during the call.
        unsafe { import::proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &raw mut metric) };
        metric
    }

    fn increment_metric(&self, metric: MetricId, by: i64) {
        // SAFETY: no memory is shared.
        unsafe { import::proxy_increment_metric(metric, by) };
    }

    fn shared_data(&self, key: &str) -> Option<(Vec<u8>, Version)> {
        let mut version = 0;
        // SAFETY: the host reads `key` and writes the three results during the call.
        let bytes = received(|value, size| unsafe {
            import::proxy_get_shared_data(key.as_ptr(), key.len(), value, size, &raw mut version)
        });
        Some((bytes?, version))
    }

    fn set_shared_data(&self, key: &str, value: &[u8], version: Option<Version>) -> bool {
        let version = version.unwrap_or(NO_VERSION);
        // SAFETY: the host reads both during the call.
        unsafe { import::proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), version) == 0 }
    }

    fn call(&self, call: &Call<'_>, timeout: Duration) -> Option<CallId> {
        let mut id = 0;
        // SAFETY: the host reads all slices and writes `id` during the call.
        let status = unsafe {
            import::proxy_grpc_call(
                call.service.as_ptr(),
                call.service.len(),
                call.name.as_ptr(),
                call.name.len(),
                call.method.as_ptr(),
                call.method.len(),
                NO_METADATA.as_ptr(),
                NO_METADATA.len(),
                call.message.as_ptr(),
                call.message.len(),
                timeout.as_millis() as u32,
                &raw mut id,
            )
        };
        (status == 0).then_some(id)
    }

    fn answer(&self) -> Vec<u8> {
        buffer(GRPC_RECEIVE_BUFFER)
    }

    fn status_message(&self) -> String {
        let mut code = 0;
        // SAFETY: the host writes the three results during the call.
        let message = received(|bytes, size| unsafe { import::proxy_get_status(&raw mut code, bytes, size) });
        String::from_utf8_lossy(&message.unwrap_or_default()).into_owned()
    }
}

/// All bytes of one of the host's buffers.
fn buffer(kind: u32) -> Vec<u8> {
    // SAFETY: the host writes the two results during the call.
    let bytes = |bytes, size| unsafe { import::proxy_get_buffer_bytes(kind, 0, usize::MAX, bytes, size) };
    received(bytes).unwrap_or_default()
}

/// What the host hands over in memory that it got from [`proxy_on_memory_allocate`]; none when the call fails.
fn received(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Vec<u8>> {
    let (mut bytes, mut size) = (std::ptr::null_mut(), 0);
    if call(&raw mut bytes, &raw mut size) != 0 {
        return None;
    }
    if bytes.is_null() {
        return Some(Vec::new());
    }
    // SAFETY: a non-null `bytes` is what `proxy_on_memory_allocate` returned for exactly `size` bytes, filled.
    Some(unsafe { Vec::from_raw_parts(bytes, size, size) })
}

thread_local! {
    static VM: RefCell<Vm<Envoy>> = RefCell::new(Vm::new(Envoy, Module::BUILT));
}

fn vm<T>(event: impl FnOnce(&mut Vm<Envoy>) -> T) -> T {
    VM.with_borrow_mut(event)
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Memory for what the host hands over; [`received`] takes it back.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    Box::into_raw(vec![0_u8; size].into_boxed_slice()).cast()
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_root: ContextId, _size: usize) -> u32 {
    // A panic ends the VM (Envoy then makes a new one): say why first.
    std::panic::set_hook(Box::new(|panic| Envoy.log(Severity::Critical, &panic.to_string())));
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(root: ContextId, _size: usize) -> u32 {
    u32::from(vm(|vm| vm.configure(root)))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_tick(root: ContextId) {
    #[cfg(feature = "trap")]
    trap();
    vm(|vm| vm.tick(root));
}

/// Loses the VM two seconds after it was called first, again and again: Envoy's pause between reloads (1 s) is over then.
#[cfg(feature = "trap")]
fn trap() {
    thread_local!(static FIRST: Time = Envoy.now());
    let lived = Envoy.now().since(FIRST.with(|first| *first));
    assert!(lived < Duration::from_secs(2), "a trap was asked for");
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: ContextId, parent: ContextId) {
    vm(|vm| vm.created(context, parent));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_new_connection(context: ContextId) -> u32 {
    vm(|vm| vm.opened(context));
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_downstream_connection_close(context: ContextId, _by: u32) {
    vm(|vm| vm.closed(context));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(stream: ContextId, _headers: u32, _end_of_stream: u32) -> u32 {
    #[cfg(feature = "trap")]
    trap();
    vm(|vm| vm.request(stream));
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_receive(root: ContextId, call: CallId, _size: usize) {
    vm(|vm| vm.answered(root, call));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_grpc_close(root: ContextId, call: CallId, code: u32) {
    vm(|vm| vm.refused(root, call, code));
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: ContextId) {
    vm(|vm| vm.deleted(context));
}
