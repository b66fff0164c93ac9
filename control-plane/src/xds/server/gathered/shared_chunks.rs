//! The large chunks of responses that are on their way on one connection.

use super::waiting::Waiting;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What HTTP/2 writes is made of slices of these chunks, and of small parts between them. Whoever has the chunk that a slice
/// lies within can keep the slice without a copy. A chunk is forgotten when its end was written. Clones are the same
/// connection's.
#[derive(Clone, Debug, Default)]
pub(in crate::xds::server) struct SharedChunks(Arc<Mutex<VecDeque<Bytes>>>);

impl SharedChunks {
    /// So many at a time. Slices of earlier ones are sent without being kept.
    const MOST: usize = 64;
    /// Smaller chunks are a frame or less, which leaves alone anyway.
    const LARGE: usize = super::WHOLE_FRAME;
    /// Parts up to this size are copied: heads of frames, and what h2 puts beside them.
    pub(super) const SMALL: usize = 1024;

    /// These chunks are about to be written.
    pub(in crate::xds::server) fn announce(&self, chunks: &[Bytes]) {
        let mut known = self.lock();
        known.extend(chunks.iter().filter(|chunk| chunk.len() >= Self::LARGE).cloned());
        let superfluous = known.len().saturating_sub(Self::MOST);
        known.drain(..superfluous);
    }

    /// Lets all of these parts wait, or none of them if one cannot.
    pub(super) fn keep(&self, parts: &[IoSlice<'_>], waiting: &mut Waiting) -> bool {
        let mut known = self.lock();
        let can_wait = |part: &[u8]| part.len() <= Self::SMALL || known.iter().any(|chunk| contains(chunk, part));
        if !parts.iter().all(|part| can_wait(part)) {
            return false;
        }
        for part in parts {
            match take(&mut known, part) {
                Some(slice) => waiting.share(slice),
                None => waiting.copy(part),
            }
        }
        true
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Bytes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The slice of a chunk that a part is. With its end the chunk is forgotten.
fn take(known: &mut VecDeque<Bytes>, part: &[u8]) -> Option<Bytes> {
    let at = known.iter().position(|chunk| contains(chunk, part))?;
    let chunk = known.get(at)?;
    let (slice, is_last) = (chunk.slice_ref(part), chunk.as_ptr_range().end == part.as_ptr_range().end);
    if is_last {
        known.remove(at);
    }
    Some(slice)
}

/// Whether the part lies in the memory of the chunk.
fn contains(chunk: &Bytes, part: &[u8]) -> bool {
    let (chunk, part) = (chunk.as_ptr_range(), part.as_ptr_range());
    chunk.start <= part.start && part.end <= chunk.end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(shared: &SharedChunks, parts: &[&[u8]]) -> Option<usize> {
        let parts: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut waiting = Waiting::default();
        shared.keep(&parts, &mut waiting).then(|| waiting.parts().len())
    }

    fn chunk() -> Bytes {
        Bytes::from(vec![7; 2 * SharedChunks::LARGE])
    }

    #[test]
    fn slices_of_chunks_are_kept_and_others_are_not() {
        let (shared, chunk) = (SharedChunks::default(), chunk());
        shared.announce(std::slice::from_ref(&chunk));
        let other = chunk.to_vec();
        assert_eq!(pieces(&shared, &[b"head", &chunk[100..9_000]]), Some(2));
        assert_eq!(pieces(&shared, &[b"head", &other[100..9_000]]), None, "the same bytes elsewhere");
    }

    #[test]
    fn small_parts_are_copied_wherever_they_are() {
        assert_eq!(pieces(&SharedChunks::default(), &[&[7; SharedChunks::SMALL]]), Some(1));
        assert_eq!(pieces(&SharedChunks::default(), &[&[7; SharedChunks::SMALL + 1]]), None);
    }

    #[test]
    fn a_chunk_is_forgotten_with_its_end_once_for_each_stream_that_sends_it() {
        let (shared, chunk) = (SharedChunks::default(), chunk());
        (0..2).for_each(|_| shared.announce(std::slice::from_ref(&chunk)));
        for left in [1, 0] {
            pieces(&shared, &[&chunk[..9_000]]);
            // However short the last part is.
            pieces(&shared, &[&chunk[9_000..chunk.len() - 1]]);
            pieces(&shared, &[&chunk[chunk.len() - 1..]]);
            assert_eq!(shared.lock().len(), left);
        }
        assert!(chunk.is_unique());
    }

    #[test]
    fn no_more_than_some_are_known_and_small_ones_never() {
        let (shared, chunk) = (SharedChunks::default(), chunk());
        (0..1_000).for_each(|_| shared.announce(&[chunk.clone(), Bytes::from_static(b"small")]));
        assert_eq!(shared.lock().len(), SharedChunks::MOST);
    }
}
