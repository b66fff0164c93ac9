//! What was written and is not sent yet.

use bytes::{Buf, Bytes};
use std::collections::VecDeque;
use std::io::IoSlice;

/// Pieces in the order in which they are to be sent.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    pieces: VecDeque<Bytes>,
    length: usize,
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

    pub(super) fn add(&mut self, piece: Bytes) {
        if !piece.is_empty() {
            self.length += piece.len();
            self.pieces.push_back(piece);
        }
    }

    /// All of it.
    pub(super) fn parts(&self) -> Vec<IoSlice<'_>> {
        self.pieces.iter().map(|piece| IoSlice::new(piece)).collect()
    }

    /// So many bytes of it were sent. When nothing is left, neither is any memory.
    pub(super) fn sent(&mut self, mut bytes: usize) {
        self.length = self.length.saturating_sub(bytes);
        while let Some(first) = self.pieces.front_mut() {
            if bytes < first.len() {
                return first.advance(bytes);
            }
            bytes -= first.len();
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
        for sent in 0..=9 {
            let mut waiting = Waiting::default();
            for piece in ["abc", "", "defghi"] {
                waiting.add(piece.into());
            }
            waiting.sent(sent);
            assert_eq!(text(&waiting), b"abcdefghi"[sent..]);
            assert_eq!((waiting.is_empty(), waiting.length), (sent == 9, 9 - sent));
        }
    }

    #[test]
    fn it_is_full_by_bytes_and_by_pieces() {
        let mut waiting = Waiting::default();
        waiting.add(vec![0; Waiting::MOST_BYTES - 1].into());
        assert!(!waiting.is_full());
        waiting.add("a".into());
        assert!(waiting.is_full());
        let mut waiting = Waiting::default();
        (0..Waiting::MOST_PIECES).for_each(|_| waiting.add("a".into()));
        assert!(waiting.is_full());
    }
}
