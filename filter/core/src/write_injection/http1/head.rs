//! The head of a response.

/// What of a head matters here.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    /// Bytes of the status line with its end.
    pub status_line: usize,
    status: u16,
    length: Option<u64>,
    is_chunked: bool,
    ends_connection: bool,
}

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// The next head.
    None,
    /// So many bytes, unless the request was HEAD.
    Length(u64),
    /// Chunks, unless the request was HEAD.
    Chunked,
}

impl Head {
    /// Reads a head, from the status line to the empty line; none when these bytes are not exactly one.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let mut lines = Lines(bytes);
        let first = lines.next()?;
        let status = std::str::from_utf8(first.get(9..12)?).ok()?.parse().ok()?;
        let mut head =
            Self { status_line: first.len() + 2, status, length: None, is_chunked: false, ends_connection: false };
        for line in lines.by_ref().take_while(|line| !line.is_empty()) {
            head.take(line)?;
        }
        lines.0.is_empty().then_some(head)
    }

    /// Whether the final head is still to come.
    pub fn is_interim(&self) -> bool {
        (100..200).contains(&self.status)
    }

    /// What follows; none where nobody can say.
    pub fn content(&self) -> Option<Content> {
        match (self.status, self.is_chunked, self.length) {
            (101, ..) => None,
            (100..200 | 204 | 304, ..) => Some(Content::None),
            _ if self.ends_connection => None,
            (_, true, _) => Some(Content::Chunked),
            (_, false, length) => length.map(Content::Length),
        }
    }

    fn take(&mut self, line: &[u8]) -> Option<()> {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
        if name.eq_ignore_ascii_case(b"content-length") {
            let length = std::str::from_utf8(value).ok()?.parse().ok()?;
            let is_same = self.length.is_none_or(|known| known == length);
            self.length = is_same.then_some(length);
            return self.length.map(drop);
        }
        self.is_chunked |= name.eq_ignore_ascii_case(b"transfer-encoding");
        self.ends_connection |= name.eq_ignore_ascii_case(b"connection") && value.eq_ignore_ascii_case(b"close");
        Some(())
    }
}

/// Lines that end with CRLF, without it.
struct Lines<'a>(&'a [u8]);

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let end = self.0.windows(2).position(|pair| pair == b"\r\n")?;
        let line = &self.0[..end];
        self.0 = &self.0[end + 2..];
        Some(line)
    }
}
