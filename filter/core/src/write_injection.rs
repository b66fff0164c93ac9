//! Where a proxy's writes to a client have room for the news that the connection is to end.
//!
//! Where nothing else drains (an Istio `WasmPlugin` cannot add the filter that does), the network filter tells the client
//! itself: it sees each write of the connection manager, above TLS, and may put bytes into it. That is
//! - for HTTP/1 a header `connection: close` behind the status line of a final response,
//! - for HTTP/2 a frame GOAWAY in front of any frame, with the highest stream number and no error: whatever the client has
//!   begun, or begins before it reads that, is served.
//!
//! [`Writes`] follows one connection and says for each write whether it has such a place. It knows what is framing and what
//! is content from the first byte on, so that content is never touched, whatever it looks like; what it cannot be sure of it
//! leaves alone. It decides nothing else: who is to go is known to [`Connections`](crate::Connections).

mod http1;
mod http2;

use self::http1::Http1;
use self::http2::Http2;

/// The header that ends an HTTP/1 connection.
const CONNECTION_CLOSE: &[u8] = b"connection: close\r\n";
/// GOAWAY (RFC 9113 section 6.8): 8 bytes on stream 0, last stream 2^31 - 1, `NO_ERROR`.
const GOAWAY: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// What the proxy writes at one time.
pub trait Write {
    /// The number of its bytes.
    fn size(&self) -> usize;
    /// At most `max` of its bytes from `start` on; fewer where it ends before.
    fn bytes(&self, start: usize, max: usize) -> Vec<u8>;
}

/// Bytes that tell the client to go, and where in a write they belong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Insertion {
    /// Offset in the write.
    pub at: usize,
    /// What to put there; nothing is replaced.
    pub bytes: &'static [u8],
}

/// What a write means for its connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Seen {
    /// How to tell the client to go with this write, where it has a place for that.
    pub room: Option<Insertion>,
    /// Requests of the connection in all, as far as its responses tell.
    pub requests: u32,
}

/// The writes of one connection, from its first on.
#[derive(Debug, Default)]
pub struct Writes {
    protocol: Protocol,
}

#[derive(Debug, Default)]
enum Protocol {
    /// Nothing was written yet.
    #[default]
    Unknown,
    Http1(Http1),
    Http2(Http2),
    /// Another protocol, a tunnel, or what follows from nothing that came before: never touched again.
    Opaque,
}

impl Writes {
    /// The next write.
    pub fn next(&mut self, write: &impl Write) -> Seen {
        if write.size() == 0 {
            return Seen::default();
        }
        if matches!(self.protocol, Protocol::Unknown) {
            self.protocol = first(write);
        }
        let seen = match &mut self.protocol {
            Protocol::Http1(http1) => http1.next(write),
            Protocol::Http2(http2) => Some(http2.next(write)),
            Protocol::Unknown | Protocol::Opaque => return Seen::default(),
        };
        if seen.is_none() {
            self.protocol = Protocol::Opaque;
        }
        seen.unwrap_or_default()
    }

    /// Whether no further write can have a place: it is of no use to look at them.
    pub fn are_opaque(&self) -> bool {
        matches!(self.protocol, Protocol::Opaque)
    }

    /// The client was told: once is enough.
    pub fn told(&mut self) {
        self.protocol = Protocol::Opaque;
    }
}

/// HTTP/1 begins with a status line, HTTP/2 with the server's SETTINGS, and nobody else's first bytes matter.
fn first(write: &impl Write) -> Protocol {
    let begin = write.bytes(0, http2::HEAD);
    if begin.starts_with(http1::VERSION) {
        Protocol::Http1(Http1::default())
    } else if http2::is_preface(&begin) {
        Protocol::Http2(Http2::default())
    } else {
        Protocol::Opaque
    }
}

#[cfg(test)]
mod tests;
