//! Fields of protobuf messages, written without the messages.

use prost::encoding::{WireType, encode_key, encode_varint};
use std::ops::Range;

/// A number; 0 is not written.
pub(super) fn number(field: u32, value: u32, into: &mut Vec<u8>) {
    if value != 0 {
        encode_key(field, WireType::Varint, into);
        encode_varint(u64::from(value), into);
    }
}

/// A field with bytes in it, whatever `content` puts there.
pub(super) fn nested(field: u32, into: &mut Vec<u8>, content: impl FnOnce(&mut Vec<u8>)) {
    encode_key(field, WireType::LengthDelimited, into);
    let start = into.len();
    // The length. It has one byte mostly, so that nothing has to move when it is known.
    into.push(0);
    content(into);
    let length = into.len() - start - 1;
    match u8::try_from(length) {
        Ok(length @ ..0x80) => into[start] = length,
        _ => replace(start..start + 1, length as u64, into),
    }
}

/// Puts a number in the place of these bytes, and what follows behind it.
fn replace(place: Range<usize>, number: u64, bytes: &mut Vec<u8>) {
    let mut encoded = Vec::with_capacity(10);
    encode_varint(number, &mut encoded);
    bytes.splice(place, encoded);
}
