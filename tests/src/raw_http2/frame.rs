//! Frames of RFC 9113 and literal header fields of RFC 7541, no more than a test client needs.

use std::io;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};

use super::GoAway;

/// Flag of HEADERS and DATA.
pub const END_STREAM: u8 = 0x1;
/// Flag of HEADERS.
pub const END_HEADERS: u8 = 0x4;
/// Flag of SETTINGS and PING.
pub const ACK: u8 = 0x1;

/// The frame types of RFC 9113 section 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the RFC's")]
pub enum Kind {
    Data,
    Headers,
    Priority,
    RstStream,
    Settings,
    PushPromise,
    Ping,
    GoAway,
    WindowUpdate,
    Continuation,
    /// A type that the RFC does not name; a client ignores it.
    Other(u8),
}

impl Kind {
    const KNOWN: [Self; 10] = [
        Self::Data,
        Self::Headers,
        Self::Priority,
        Self::RstStream,
        Self::Settings,
        Self::PushPromise,
        Self::Ping,
        Self::GoAway,
        Self::WindowUpdate,
        Self::Continuation,
    ];

    /// The kind of this number.
    pub fn from_number(number: u8) -> Self {
        Self::KNOWN.get(usize::from(number)).copied().unwrap_or(Self::Other(number))
    }

    fn number(self) -> u8 {
        match self {
            Self::Other(number) => number,
            known => Self::KNOWN.iter().position(|kind| *kind == known).unwrap_or(0) as u8,
        }
    }
}

/// One frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// When its last byte came, since the connection was opened.
    pub at: Duration,
    /// Its type.
    pub kind: Kind,
    /// Its flags.
    pub flags: u8,
    /// Its stream, 0 for the connection.
    pub stream: u32,
    /// Its payload, headers still encoded.
    pub payload: Vec<u8>,
}

impl Frame {
    /// Reads one frame.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn read(stream: &mut (impl AsyncRead + Unpin), opened: Instant) -> io::Result<Self> {
        let [a, b, c, kind, flags, s0, s1, s2, s3] = read_array(stream).await?;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        let stream = u32::from_be_bytes([s0, s1, s2, s3]) & 0x7fff_ffff;
        Ok(Self { at: opened.elapsed(), kind: Kind::from_number(kind), flags, stream, payload })
    }

    /// Whether this frame is the regular end of its stream.
    pub fn ends_stream(&self) -> bool {
        matches!(self.kind, Kind::Data | Kind::Headers) && self.flags & END_STREAM != 0
    }

    /// This frame as a GOAWAY, if it is one.
    pub fn goaway(&self) -> Option<GoAway> {
        let (last, rest) = self.payload.split_first_chunk()?;
        let last_stream = u32::from_be_bytes(*last) & 0x7fff_ffff;
        let code = u32::from_be_bytes(*rest.first_chunk()?);
        (self.kind == Kind::GoAway).then_some(GoAway { at: self.at, last_stream, code })
    }

    /// The frames that a client must send back: acknowledgements, and the window that this frame used up.
    pub(super) fn answers(&self) -> Vec<Vec<u8>> {
        let used = u32::try_from(self.payload.len()).unwrap_or(0);
        match self.kind {
            Kind::Settings if self.flags & ACK == 0 => vec![encode(Kind::Settings, ACK, 0, &[])],
            Kind::Ping if self.flags & ACK == 0 => vec![encode(Kind::Ping, ACK, 0, &self.payload)],
            Kind::Data if used > 0 => {
                let window = |stream| encode(Kind::WindowUpdate, 0, stream, &used.to_be_bytes());
                if self.ends_stream() { vec![window(0)] } else { vec![window(0), window(self.stream)] }
            }
            _ => Vec::new(),
        }
    }
}

async fn read_array<const N: usize>(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

/// A frame's bytes. The payload is at most 16,384 bytes, what every server takes.
pub fn encode(kind: Kind, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    let head = [length[1], length[2], length[3], kind.number(), flags];
    [head.as_slice(), &stream.to_be_bytes(), payload].concat()
}

/// Header fields as literals without indexing (RFC 7541 section 6.2.2), without Huffman coding.
pub fn header_block<'a>(fields: impl Iterator<Item = &'a (&'a str, &'a str)>) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        push_string(&mut block, name);
        push_string(&mut block, value);
    }
    block
}

/// A string with its length as an integer with a 7-bit prefix (RFC 7541 section 5.1).
fn push_string(block: &mut Vec<u8>, text: &str) {
    let length = text.len();
    if length < 127 {
        block.push(length as u8);
    } else {
        block.push(127);
        let mut rest = length - 127;
        while rest >= 128 {
            block.push((rest % 128) as u8 | 0x80);
            rest /= 128;
        }
        block.push(rest as u8);
    }
    block.extend(text.as_bytes());
}
