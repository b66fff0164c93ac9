//! HTTP/1 responses (RFC 9112), one after another on a connection.
//!
//! # What a write is
//! Envoy's codec writes a head at once and nothing else with it; of a body with a `content-length` each piece; of a chunked
//! body each chunk with its size and its end, the last one together with what ends the body or before it. (Seen on 1.37 and
//! 1.40; `tests/tests/write_injection.rs` has the bodies that would break if it were not so.)
//!
//! # What is certain
//! Content may look like a head. So a write is taken for a head only where it cannot be anything else:
//! - A chunk begins with hexadecimal digits, never with `HTTP/1.`. Its size has to fill the write: were content written
//!   without its size, the rest could not be told from heads, and the connection is left alone.
//! - After a head with a `content-length` as many bytes are content, unless the request was HEAD, which nobody sees here.
//!   What then looks like a head and would fit into the content can be either: both are followed ([`Position`]), and a head
//!   is one where all that is possible says so. A write that does not fit into the content, or that comes when some
//!   content was there already, is certain again.
//! - Statuses 1xx, 204 and 304 have no content. After 101, and after a final head that says nothing of its content (an
//!   accepted CONNECT, or an end of the content by the end of the connection), all further bytes are somebody else's.
//! - HTTP/1.0 is left alone: there a connection ends unless both sides say otherwise.

mod head;

use self::head::{Content, Head};
use super::{CONNECTION_CLOSE, Insertion, Seen, Write};

/// With this every response begins.
pub const VERSION: &[u8] = b"HTTP/1.1 ";
/// More readings of what was written than these are not followed: the connection is left alone. There is one more with
/// each HEAD request in a row whose response announces more content than its head is long.
const MOST_POSITIONS: usize = 4;
/// As many bytes of a write are asked for to see what it is: enough for most heads.
const PIECE: usize = 512;
/// A chunk's size is not longer.
const MOST_DIGITS: usize = 16;
/// What ends a chunked body without trailers.
const LAST_CHUNK: u64 = 5;

/// The responses of one connection.
#[derive(Debug)]
pub struct Http1 {
    /// What the next write can be. One position, but after HEAD requests.
    positions: Vec<Position>,
    requests: u32,
}

/// Where in the responses the connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    /// A head comes next.
    Head,
    /// So much content comes next; or, when none of it was there yet, a head, if the request was HEAD.
    Content { left: u64, has_begun: bool },
    /// A chunk comes next; or a head, if the request was HEAD.
    Chunk,
}

impl Default for Http1 {
    fn default() -> Self {
        Self { positions: vec![Position::Head], requests: 0 }
    }
}

impl Http1 {
    /// The next write: none when nothing further can be known.
    pub fn next(&mut self, write: &impl Write) -> Option<Seen> {
        let size = write.size() as u64;
        if self.is_content(size) {
            return Some(Seen { room: None, requests: self.requests });
        }
        let begin = write.bytes(0, PIECE);
        let head = read_head(write, &begin);
        let mut next: Vec<_> =
            self.positions.iter().filter_map(|position| position.after_content(size, &begin)).collect();
        let is_certain = next.is_empty();
        if let Some(head) = head.as_ref().filter(|_| self.positions.iter().any(Position::allows_head)) {
            next.push(after(head)?);
            self.requests += u32::from(!head.is_interim());
        }
        self.positions = next;
        self.positions.dedup();
        let is_followed = (1..=MOST_POSITIONS).contains(&self.positions.len());
        let room = head.filter(|head| is_certain && !head.is_interim()).map(|head| insertion(&head));
        is_followed.then_some(Seen { room, requests: self.requests })
    }

    /// Whether this is a further piece of content for sure; nothing of it has to be read then.
    fn is_content(&mut self, size: u64) -> bool {
        let [Position::Content { left, has_begun: true }] = self.positions[..] else { return false };
        if size > left {
            return false;
        }
        self.positions = vec![content(left - size)];
        true
    }
}

impl Position {
    /// Whether a head may come next.
    fn allows_head(&self) -> bool {
        !matches!(self, Self::Content { has_begun: true, .. })
    }

    /// The position after the write, where it can be content.
    fn after_content(&self, size: u64, begin: &[u8]) -> Option<Self> {
        match self {
            Self::Head => None,
            Self::Content { left, .. } => Some(content(left.checked_sub(size)?)),
            Self::Chunk => after_chunk(size, begin),
        }
    }
}

fn content(left: u64) -> Position {
    if left == 0 { Position::Head } else { Position::Content { left, has_begun: true } }
}

/// The position after a head; none where all that follows is somebody else's.
fn after(head: &Head) -> Option<Position> {
    match head.content()? {
        Content::None | Content::Length(0) => Some(Position::Head),
        Content::Length(left) => Some(Position::Content { left, has_begun: false }),
        Content::Chunked => Some(Position::Chunk),
    }
}

/// The position after one chunk that fills the write, or after the trailers.
fn after_chunk(size: u64, begin: &[u8]) -> Option<Position> {
    let digits = begin.iter().take(MOST_DIGITS).take_while(|byte| byte.is_ascii_hexdigit()).count();
    let chunk = u64::from_str_radix(std::str::from_utf8(&begin[..digits]).ok()?, 16).ok()?;
    if begin.get(digits..digits + 2)? != b"\r\n" {
        return None;
    }
    if chunk == 0 {
        return Some(Position::Head);
    }
    let filled = (digits as u64 + 4).checked_add(chunk)?;
    match size.checked_sub(filled)? {
        0 => Some(Position::Chunk),
        LAST_CHUNK => Some(Position::Head),
        _ => None,
    }
}

/// The whole write as a head; none when it is none.
fn read_head(write: &impl Write, begin: &[u8]) -> Option<Head> {
    if !begin.starts_with(VERSION) {
        return None;
    }
    let end = write.bytes(write.size().saturating_sub(4), 4);
    if end != b"\r\n\r\n" {
        return None;
    }
    if begin.len() == write.size() { Head::parse(begin) } else { Head::parse(&write.bytes(0, write.size())) }
}

fn insertion(head: &Head) -> Insertion {
    Insertion { at: head.status_line, bytes: CONNECTION_CLOSE }
}
