//! Bytes that a client may send on a delta stream.
#![no_main]

use evenkeel::xds::{DeltaStream, Scope, fuzz};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| fuzz::play(DeltaStream::new(Scope::Aggregated), script));
