//! HTTP/2 frames, by their heads (RFC 9113 section 4.1). Their content is skipped, wherever the writes are cut.

use super::{GOAWAY, Insertion, Seen, Write};

/// Bytes of a frame's head.
pub const HEAD: usize = 9;
/// As many bytes are asked for at a time: most heads of a write are among its first ones.
const PIECE: usize = 64;

const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const PUSH_PROMISE: u8 = 5;
const CONTINUATION: u8 = 9;
/// Flag of HEADERS, `PUSH_PROMISE` and CONTINUATION.
const END_HEADERS: u8 = 4;
const STREAM: u32 = 0x7fff_ffff;

/// The frames of one connection.
#[derive(Debug, Default)]
pub struct Http2 {
    /// Whether the server's SETTINGS, which nothing may precede, were written.
    has_begun: bool,
    /// Bytes of the current frame's content that were not written yet.
    content: usize,
    /// The current frame's head, as far as it was written: empty at the begin of a frame.
    head: Vec<u8>,
    /// Whether the headers of a stream go on in the next frame, which nothing may precede.
    in_headers: bool,
    /// The highest stream of a response.
    newest_stream: u32,
}

/// Whether these bytes begin a server's SETTINGS.
pub fn is_preface(bytes: &[u8]) -> bool {
    let [a, b, c, kind, flags, stream @ ..] = bytes else { return false };
    let length = u32::from_be_bytes([0, *a, *b, *c]);
    *kind == SETTINGS && *flags == 0 && length.is_multiple_of(6) && *stream == [0; 4]
}

impl Http2 {
    /// The next write.
    ///
    /// The requests are counted by the numbers of streams: a client's first is 1, its next one 3. The response to another
    /// one may overtake that to the last request of a limit.
    pub fn next(&mut self, write: &impl Write) -> Seen {
        let is_room = self.has_begun && self.content == 0 && self.head.is_empty() && !self.in_headers;
        self.walk(write);
        self.has_begun = true;
        let room = is_room.then_some(Insertion { at: 0, bytes: GOAWAY });
        Seen { room, requests: self.newest_stream.div_ceil(2) }
    }

    fn walk(&mut self, write: &impl Write) {
        let (mut at, mut piece) = (0, Piece::default());
        while at < write.size() {
            if self.content > 0 {
                let skipped = self.content.min(write.size() - at);
                self.content -= skipped;
                at += skipped;
                continue;
            }
            let missing = HEAD - self.head.len();
            let bytes = piece.get(write, at, missing);
            if bytes.is_empty() {
                return;
            }
            self.head.extend_from_slice(bytes);
            at += bytes.len();
            self.take_head();
        }
    }

    fn take_head(&mut self) {
        let [a, b, c, kind, flags, s0, s1, s2, s3] = self.head[..] else { return };
        self.head.clear();
        self.content = u32::from_be_bytes([0, a, b, c]) as usize;
        if [HEADERS, PUSH_PROMISE, CONTINUATION].contains(&kind) {
            self.in_headers = flags & END_HEADERS == 0;
        }
        if kind == HEADERS {
            self.newest_stream = self.newest_stream.max(u32::from_be_bytes([s0, s1, s2, s3]) & STREAM);
        }
    }
}

/// Bytes of the write that were asked for already.
#[derive(Default)]
struct Piece {
    start: usize,
    bytes: Vec<u8>,
}

impl Piece {
    fn get(&mut self, write: &impl Write, start: usize, length: usize) -> &[u8] {
        let end = (start + length).min(write.size());
        if start < self.start || end > self.start + self.bytes.len() {
            *self = Self { start, bytes: write.bytes(start, PIECE) };
        }
        let end = (end - self.start).min(self.bytes.len());
        &self.bytes[start - self.start..end]
    }
}
