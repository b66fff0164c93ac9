//! Discovery responses in a gRPC stream, read only as far as a client must to acknowledge them.
//!
//! The resources are skipped, so that what is measured is the server and not the decoding of its client.

use std::mem;

use anyhow::{Result, bail, ensure};

/// Bytes in front of every gRPC message: a flag, and the length.
const PREFIX: usize = 5;
/// `version_info` of `DiscoveryResponse`, `system_version_info` of `DeltaDiscoveryResponse`.
const VERSION: u64 = 1;
/// `nonce` of both.
const NONCE: u64 = 5;
/// Wire types of Protocol Buffers.
const VARINT: u64 = 0;
const LENGTH_DELIMITED: u64 = 2;

/// What an acknowledgement repeats.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Response {
    /// The version of everything.
    pub version: String,
    /// Which response it was.
    pub nonce: String,
}

/// Finds the responses in bytes that come in pieces of any size.
#[derive(Debug, Default)]
pub struct ResponseReader {
    /// Bytes of the message that have not come yet.
    left: usize,
    /// The beginning of a prefix that has not come whole.
    prefix: Vec<u8>,
    part: Part,
    response: Response,
}

/// Where in a message the next byte is.
#[derive(Debug, Default)]
enum Part {
    #[default]
    Prefix,
    Key(Varint),
    Value(Varint),
    Length(u64, Varint),
    Content(u64, usize, Vec<u8>),
}

#[derive(Debug, Default)]
struct Varint {
    value: u64,
    shift: u32,
}

impl Varint {
    /// Says the value with its last byte.
    fn add(&mut self, byte: u8) -> Result<Option<u64>> {
        ensure!(self.shift < 64, "a varint of a response is too long");
        self.value |= u64::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        Ok((byte < 0x80).then_some(self.value))
    }
}

impl ResponseReader {
    /// Reads on, to the end of a response or of the bytes.
    ///
    /// # Errors
    /// When it is no discovery response.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Response>> {
        while !bytes.is_empty() {
            self.step(bytes)?;
            if self.left == 0 && matches!(self.part, Part::Key(_)) {
                self.part = Part::Prefix;
                return Ok(Some(mem::take(&mut self.response)));
            }
        }
        Ok(None)
    }

    fn step(&mut self, bytes: &mut &[u8]) -> Result<()> {
        self.part = match mem::take(&mut self.part) {
            Part::Prefix => self.prefix(bytes)?,
            Part::Content(field, length, content) => self.content(bytes, field, length, content),
            Part::Key(mut key) => match key.add(self.byte(bytes)?)? {
                None => Part::Key(key),
                Some(key) if key & 7 == LENGTH_DELIMITED => Part::Length(key >> 3, Varint::default()),
                Some(key) if key & 7 == VARINT => Part::Value(Varint::default()),
                Some(key) => bail!("a response has a field with the key {key}, which no discovery response has"),
            },
            Part::Value(mut value) => match value.add(self.byte(bytes)?)? {
                None => Part::Value(value),
                Some(_) => Part::Key(Varint::default()),
            },
            Part::Length(field, mut length) => match length.add(self.byte(bytes)?)? {
                None => Part::Length(field, length),
                Some(0) => Part::Key(Varint::default()),
                Some(length) => Part::Content(field, usize::try_from(length)?, Vec::new()),
            },
        };
        Ok(())
    }

    fn byte(&mut self, bytes: &mut &[u8]) -> Result<u8> {
        ensure!(self.left > 0, "a field of a response is longer than the response");
        self.left -= 1;
        Ok(bytes.split_off_first().copied().unwrap_or_default())
    }

    fn prefix(&mut self, bytes: &mut &[u8]) -> Result<Part> {
        let missing = (PREFIX - self.prefix.len()).min(bytes.len());
        self.prefix.extend_from_slice(bytes.split_off(..missing).unwrap_or_default());
        let [compressed, length @ ..] = self.prefix.as_slice() else { return Ok(Part::Prefix) };
        let Ok(length) = length.try_into() else { return Ok(Part::Prefix) };
        ensure!(*compressed == 0, "the server compresses, though nobody asked for it");
        self.left = u32::from_be_bytes(length) as usize;
        self.prefix.clear();
        Ok(Part::Key(Varint::default()))
    }

    fn content(&mut self, bytes: &mut &[u8], field: u64, length: usize, mut content: Vec<u8>) -> Part {
        let here = bytes.split_off(..length.min(bytes.len())).unwrap_or_default();
        self.left = self.left.saturating_sub(here.len());
        if matches!(field, VERSION | NONCE) {
            content.extend_from_slice(here);
        }
        if here.len() < length {
            return Part::Content(field, length - here.len(), content);
        }
        let text = String::from_utf8_lossy(&content).into_owned();
        match field {
            VERSION => self.response.version = text,
            NONCE => self.response.nonce = text,
            _ => {}
        }
        Part::Key(Varint::default())
    }
}

#[cfg(test)]
mod tests {
    use evenkeel_proto::envoy::service::discovery::v3::{DeltaDiscoveryResponse, DiscoveryResponse, Resource};
    use evenkeel_proto::google::protobuf::Any;
    use prost::Message;

    use super::*;

    fn framed(message: &impl Message) -> Vec<u8> {
        let message = message.encode_to_vec();
        [&[0], (message.len() as u32).to_be_bytes().as_slice(), &message].concat()
    }

    fn any(size: usize) -> Any {
        Any { type_url: "type".to_owned(), value: vec![0xff; size].into() }
    }

    fn sotw(nonce: &str) -> DiscoveryResponse {
        let resources = vec![any(3), any(70_000)];
        DiscoveryResponse { version_info: "v".repeat(200), resources, type_url: "t".into(), nonce: nonce.into() }
    }

    fn delta(nonce: &str) -> DeltaDiscoveryResponse {
        let resource = Resource { name: "name".into(), version: "7".into(), resource: Some(any(300)) };
        DeltaDiscoveryResponse { nonce: nonce.into(), resources: vec![resource], ..DeltaDiscoveryResponse::default() }
    }

    /// All responses in bytes that come in pieces of this size.
    fn read(bytes: &[u8], piece: usize) -> Vec<Response> {
        let mut reader = ResponseReader::default();
        let mut found = Vec::new();
        for mut piece in bytes.chunks(piece) {
            while let Some(response) = reader.next(&mut piece).unwrap() {
                found.push(response);
            }
        }
        found
    }

    #[test]
    fn responses_are_found_whatever_the_pieces_are() {
        let bytes = [framed(&sotw("1")), framed(&delta("2")), framed(&sotw("333"))].concat();
        let response = |version: String, nonce: &str| Response { version, nonce: nonce.to_owned() };
        let expected = [response("v".repeat(200), "1"), response(String::new(), "2"), response("v".repeat(200), "333")];
        for piece in [1, 2, 3, 7, 1_000, 16_384, bytes.len()] {
            assert_eq!(read(&bytes, piece), expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_no_response_is_an_error() {
        let next = |bytes: &[u8]| ResponseReader::default().next(&mut &*bytes);
        assert!(next(&[1, 0, 0, 0, 1, 0]).is_err(), "compressed");
        assert!(next(&[0, 0, 0, 0, 1, 0x0d]).is_err(), "a fixed32 field");
        assert!(next(&[0, 0, 0, 0, 1, 0x0a, 2]).is_err(), "a field that is longer than the message");
    }
}
