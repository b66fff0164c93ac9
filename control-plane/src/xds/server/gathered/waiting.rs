//! What was written and is not sent yet.

use bytes::{Buf, Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::IoSlice;

/// Pieces in the order in which they are to be sent.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pieces: VecDeque<Piece>,
    /// The copies, one after the other.
    copies: BytesMut,
    length: usize,
}

#[derive(Debug)]
enum Piece {
    Shared(Bytes),
    /// The next so many bytes of the copies.
    Copied(usize),
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Shared(slice) => slice.len(),
            Self::Copied(length) => *length,
        }
    }

    /// Goes without so many of its first bytes.
    fn advance(&mut self, bytes: usize, copies: &mut BytesMut) {
        match self {
            Self::Shared(slice) => slice.advance(bytes),
            Self::Copied(length) => {
                *length -= bytes;
                copies.advance(bytes);
            }
        }
    }
}

impl Waiting {
    /// More bytes than this do not wait: about what a socket takes at once.
    const MOST_BYTES: usize = 1 << 20;
    /// Nor do more pieces: the kernel takes 1,024 in one call (`UIO_MAXIOV`).
    const MOST_PIECES: usize = 512;

    pub(super) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether something has to be sent before more is added.
    pub(super) fn is_full(&self) -> bool {
        self.length >= Self::MOST_BYTES || self.pieces.len() >= Self::MOST_PIECES
    }

    pub(super) fn share(&mut self, slice: Bytes) {
        self.add(Piece::Shared(slice));
    }

    pub(super) fn copy(&mut self, bytes: &[u8]) {
        self.copies.extend_from_slice(bytes);
        self.add(Piece::Copied(bytes.len()));
    }

    fn add(&mut self, piece: Piece) {
        if piece.len() > 0 {
            self.length += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// All of it.
    pub(super) fn parts(&self) -> Vec<IoSlice<'_>> {
        let mut copies: &[u8] = &self.copies;
        let part = |piece| match piece {
            &Piece::Copied(length) => copies.split_off(..length).unwrap_or_default(),
            Piece::Shared(slice) => slice,
        };
        self.pieces.iter().map(part).map(IoSlice::new).collect()
    }

    /// So many bytes of it were sent. When nothing is left, neither is any memory.
    pub(super) fn sent(&mut self, mut bytes: usize) {
        self.length = self.length.saturating_sub(bytes);
        while let Some(first) = self.pieces.front_mut() {
            let here = bytes.min(first.len());
            first.advance(here, &mut self.copies);
            if first.len() > 0 {
                return;
            }
            bytes -= here;
            self.pieces.pop_front();
        }
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(waiting: &Waiting) -> Vec<u8> {
        waiting.parts().iter().flat_map(|part| part.to_vec()).collect()
    }

    #[test]
    fn what_was_sent_does_not_wait_any_more_wherever_it_ends() {
        for sent in 0..=12 {
            let mut waiting = Waiting::default();
            for (head, data) in [("ab", "cde"), ("f", ""), ("", "ghi"), ("jk", "l")] {
                waiting.copy(head.as_bytes());
                waiting.share(data.into());
            }
            waiting.sent(sent);
            assert_eq!(text(&waiting), b"abcdefghijkl"[sent..]);
            assert_eq!((waiting.is_empty(), waiting.length), (sent == 12, 12 - sent));
        }
    }

    #[test]
    fn it_is_full_by_bytes_and_by_pieces() {
        let mut waiting = Waiting::default();
        waiting.share(vec![0; Waiting::MOST_BYTES - 1].into());
        assert!(!waiting.is_full());
        waiting.copy(b"a");
        assert!(waiting.is_full());
        let mut waiting = Waiting::default();
        (0..Waiting::MOST_PIECES).for_each(|_| waiting.copy(b"a"));
        assert!(waiting.is_full());
    }
}
