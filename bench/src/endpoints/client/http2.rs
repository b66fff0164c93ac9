//! The client's side of an HTTP/2 connection with one stream, as a state machine: bytes go in, bytes to send come out.
//!
//! A real HTTP/2 library would cost as much as the servers that are measured. Windows are those of Envoy's client.

use std::mem;

use anyhow::{Error, Result, anyhow, ensure};
use evenkeel_tests::raw_http2::frame::{ACK, END_HEADERS, END_STREAM, Kind, encode, header_block};

use super::response::{Response, ResponseReader};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// What the server may send on the stream, in bytes, before we return what we have read.
const STREAM_WINDOW: u32 = 16 << 20;
/// The same for the connection.
const CONNECTION_WINDOW: u32 = 24 << 20;
/// What every peer starts with.
const DEFAULT_WINDOW: u32 = 65_535;
/// The one stream.
const STREAM: u32 = 1;
/// A setting of RFC 9113 section 6.5.2.
const INITIAL_WINDOW_SIZE: u16 = 4;
/// Flag of DATA.
const PADDED: u8 = 0x8;
/// Size of a frame's head.
const HEAD: usize = 9;

/// One connection with one gRPC stream on it.
#[derive(Debug, Default)]
pub struct Connection {
    /// The beginning of a frame's head that has not come whole.
    head: Vec<u8>,
    /// The frame of which not everything has come.
    frame: Option<Frame>,
    responses: ResponseReader,
    /// Bytes that were read since the server was last told so.
    unreturned: u32,
    credit: Credit,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    flags: u8,
    stream: u32,
    left: usize,
    /// Of frames other than DATA.
    payload: Vec<u8>,
}

/// What came with some bytes.
#[derive(Debug, Default)]
pub struct Received {
    /// The responses that ended there.
    pub responses: Vec<Response>,
    /// What HTTP/2 has to answer.
    pub outgoing: Vec<u8>,
}

impl Connection {
    /// What opens the connection: settings, the headers of the call and its first message.
    pub fn open(&mut self, authority: &str, path: &str, message: &[u8]) -> Result<Vec<u8>> {
        Ok([PREFACE, &settings(), &call(authority, path), &self.message(message)?].concat())
    }

    /// The frame that carries a message.
    ///
    /// # Errors
    /// When the server has not yet read what was sent before.
    pub fn message(&mut self, message: &[u8]) -> Result<Vec<u8>> {
        let length = u32::try_from(message.len())?.to_be_bytes();
        let payload = [&[0], length.as_slice(), message].concat();
        self.credit.spend(payload.len())?;
        Ok(encode(Kind::Data, 0, STREAM, &payload))
    }

    /// Reads all of the bytes.
    ///
    /// # Errors
    /// When the server ends the stream or speaks something else.
    pub fn receive(&mut self, mut bytes: &[u8]) -> Result<Received> {
        let mut received = Received::default();
        while let Some(mut frame) = self.take_frame(&mut bytes)? {
            let here = bytes.split_off(..frame.left.min(bytes.len())).unwrap_or_default();
            frame.left -= here.len();
            if frame.kind == Kind::Data {
                self.data(here, &mut received)?;
            } else {
                frame.payload.extend_from_slice(here);
            }
            if frame.left > 0 {
                self.frame = Some(frame);
                break;
            }
            received.outgoing.extend(self.finished(&frame)?);
        }
        Ok(received)
    }

    /// The frame that the next bytes belong to; `None` before its head is complete.
    fn take_frame(&mut self, bytes: &mut &[u8]) -> Result<Option<Frame>> {
        if let Some(frame) = self.frame.take() {
            return Ok(Some(frame));
        }
        let missing = (HEAD - self.head.len()).min(bytes.len());
        self.head.extend_from_slice(bytes.split_off(..missing).unwrap_or_default());
        let Ok(head) = <[u8; HEAD]>::try_from(self.head.as_slice()) else { return Ok(None) };
        self.head.clear();
        Frame::from_head(head).map(Some)
    }

    fn data(&mut self, mut bytes: &[u8], received: &mut Received) -> Result<()> {
        self.unreturned += bytes.len() as u32;
        while let Some(response) = self.responses.next(&mut bytes)? {
            received.responses.push(response);
        }
        Ok(())
    }

    /// What has to be sent after this frame.
    fn finished(&mut self, frame: &Frame) -> Result<Vec<u8>> {
        match frame.kind {
            Kind::Data if self.unreturned >= STREAM_WINDOW / 2 => Ok(self.return_window()),
            Kind::Settings if frame.flags & ACK == 0 => {
                self.credit.settings(&frame.payload);
                Ok(encode(Kind::Settings, ACK, 0, &[]))
            }
            Kind::Ping if frame.flags & ACK == 0 => Ok(encode(Kind::Ping, ACK, 0, &frame.payload)),
            Kind::WindowUpdate => {
                self.credit.add(frame.stream, &frame.payload);
                Ok(Vec::new())
            }
            Kind::RstStream | Kind::GoAway => Err(frame.ended()),
            Kind::Headers if frame.flags & END_STREAM != 0 => Err(frame.ended()),
            _ => Ok(Vec::new()),
        }
    }

    fn return_window(&mut self) -> Vec<u8> {
        let read = mem::take(&mut self.unreturned).to_be_bytes();
        [0, STREAM].map(|stream| encode(Kind::WindowUpdate, 0, stream, &read)).concat()
    }
}

impl Frame {
    fn from_head([a, b, c, kind, flags, s0, s1, s2, s3]: [u8; HEAD]) -> Result<Self> {
        let (kind, left) = (Kind::from_number(kind), u32::from_be_bytes([0, a, b, c]) as usize);
        ensure!(kind != Kind::Data || flags & (PADDED | END_STREAM) == 0, "the server ends or pads its stream");
        Ok(Self { kind, flags, stream: u32::from_be_bytes([s0, s1, s2, s3]), left, payload: Vec::new() })
    }

    fn ended(&self) -> Error {
        anyhow!("the server has ended the stream with {:?}: {}", self.kind, self.payload.escape_ascii())
    }
}

/// What we may send before the server says that it has read it.
#[derive(Debug)]
struct Credit {
    connection: i64,
    stream: i64,
    initial: i64,
}

impl Default for Credit {
    fn default() -> Self {
        let initial = i64::from(DEFAULT_WINDOW);
        Self { connection: initial, stream: initial, initial }
    }
}

impl Credit {
    fn spend(&mut self, size: usize) -> Result<()> {
        let size = i64::try_from(size)?;
        ensure!(self.connection.min(self.stream) >= size, "the server does not read our acknowledgements");
        self.connection -= size;
        self.stream -= size;
        Ok(())
    }

    fn add(&mut self, stream: u32, payload: &[u8]) {
        let size = payload.first_chunk().map_or(0, |size| i64::from(u32::from_be_bytes(*size)));
        *(if stream == 0 { &mut self.connection } else { &mut self.stream }) += size;
    }

    fn settings(&mut self, payload: &[u8]) {
        let (settings, _) = payload.as_chunks::<6>();
        for [id0, id1, value @ ..] in settings {
            if u16::from_be_bytes([*id0, *id1]) == INITIAL_WINDOW_SIZE {
                let initial = i64::from(u32::from_be_bytes(*value));
                self.stream += initial - self.initial;
                self.initial = initial;
            }
        }
    }
}

fn settings() -> Vec<u8> {
    let window = [INITIAL_WINDOW_SIZE.to_be_bytes().as_slice(), &STREAM_WINDOW.to_be_bytes()].concat();
    let more = (CONNECTION_WINDOW - DEFAULT_WINDOW).to_be_bytes();
    [encode(Kind::Settings, 0, 0, &window), encode(Kind::WindowUpdate, 0, 0, &more)].concat()
}

fn call(authority: &str, path: &str) -> Vec<u8> {
    let fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", path),
        (":authority", authority),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    encode(Kind::Headers, END_HEADERS, STREAM, &header_block(fields.iter()))
}
