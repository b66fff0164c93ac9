//! Bytes that a client may send on a state-of-the-world stream.
#![no_main]

use evenkeel::xds::{SotwStream, Scope, fuzz};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &[u8]| fuzz::play(SotwStream::new(Scope::Aggregated), script));
