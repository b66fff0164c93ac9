mod http1;
mod http2;

use proptest::prelude::*;

use super::*;

impl Write for &[u8] {
    fn size(&self) -> usize {
        self.len()
    }

    fn bytes(&self, start: usize, max: usize) -> Vec<u8> {
        self[start..self.len().min(start.saturating_add(max))].to_vec()
    }
}

/// Where each of these writes has room.
fn rooms(writes: &[impl AsRef<[u8]>]) -> Vec<Option<usize>> {
    let mut followed = Writes::default();
    writes.iter().map(|write| followed.next(&write.as_ref()).room.map(|room| room.at)).collect()
}

/// Cuts of `bytes` at these places, wherever they are.
fn cut(bytes: &[u8], places: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<_> = places.iter().map(|place| place.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.dedup();
    places.windows(2).map(|ends| bytes[ends[0]..ends[1]].to_vec()).collect()
}

#[test]
fn what_speaks_neither_protocol_is_never_touched() {
    for first in
        [&b"220 mail ESMTP\r\n"[..], b"HTTP/1.0 200 OK\r\n\r\n", b"\0\0\0\x04\x01\0\0\0\0", b"\0\0\x06\x04\0\0\0\0\x01"]
    {
        let mut writes = Writes::default();
        assert_eq!(writes.next(&first), Seen::default());
        assert!(writes.are_opaque());
        assert_eq!(writes.next(&&b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..]), Seen::default());
    }
}

#[test]
fn a_client_is_told_once() {
    let mut writes = Writes::default();
    let head = &&b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..];
    assert_eq!(writes.next(head).room, Some(Insertion { at: 17, bytes: b"connection: close\r\n" }));
    writes.told();
    assert_eq!(writes.next(head).room, None);
}

#[test]
fn an_empty_write_is_none() {
    assert_eq!(rooms(&[&b""[..], b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]), [None, Some(17)]);
}

proptest! {
    #[test]
    fn no_bytes_are_a_problem(
        begin in prop::sample::select(vec![&b"HTTP/1.1 "[..], b"HTTP/1.1 200 OK\r\n", b"\0\0\0\x04\0\0\0\0\0", b""]),
        writes: Vec<Vec<u8>>,
    ) {
        let mut followed = Writes::default();
        for write in std::iter::once([begin, b"\r\n\r\n"].concat()).chain(writes) {
            if let Some(room) = followed.next(&write.as_slice()).room {
                prop_assert!(room.at < write.len());
            }
        }
    }
}
