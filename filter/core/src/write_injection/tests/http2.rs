use super::*;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

fn frame(kind: u8, flags: u8, stream: u32, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), content].concat()
}

fn settings() -> Vec<u8> {
    frame(SETTINGS, 0, 0, &[0, 3, 0, 0, 0, 100])
}

#[test]
fn goaway_goes_in_front_of_any_write_but_the_first() {
    let writes =
        [settings(), frame(SETTINGS, 1, 0, &[]), frame(HEADERS, END_HEADERS, 1, b"ok"), frame(DATA, 1, 1, b"body")];
    assert_eq!(rooms(&writes), [None, Some(0), Some(0), Some(0)]);
    let mut followed = Writes::default();
    followed.next(&writes[0].as_slice());
    let room = followed.next(&writes[1].as_slice()).room.unwrap();
    assert_eq!(room.bytes, frame(7, 0, 0, &[0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0]), "the frame of RFC 9113 section 6.8");
}

#[test]
fn nothing_comes_between_headers_and_their_continuation() {
    let writes = [
        settings(),
        frame(HEADERS, 0, 1, b"many"),
        frame(CONTINUATION, 0, 1, b"more"),
        frame(CONTINUATION, END_HEADERS, 1, b"headers"),
        frame(DATA, 1, 1, b"body"),
    ];
    assert_eq!(rooms(&writes), [None, Some(0), None, None, Some(0)]);
}

#[test]
fn requests_are_counted_by_the_streams_of_responses() {
    let mut followed = Writes::default();
    let mut requests = |write: &[u8]| followed.next(&write).requests;
    assert_eq!(requests(&settings()), 0);
    assert_eq!(requests(&frame(HEADERS, END_HEADERS, 1, b"ok")), 1);
    assert_eq!(requests(&frame(DATA, 0, 99, b"of no response")), 1);
    let two = [frame(DATA, 1, 1, &[b'e'; 1000]), frame(HEADERS, END_HEADERS, 9, b"ok")].concat();
    assert_eq!(requests(&two), 5);
    assert_eq!(requests(&frame(HEADERS, END_HEADERS | 1, 3, b"trailers")), 5);
}

/// Frames that a server may send after its SETTINGS.
fn frames() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let content = prop::collection::vec(any::<u8>(), 0..200);
    let one = (prop::sample::select(vec![DATA, SETTINGS, 6, 8, 200]), any::<u8>(), 0_u32..9, content.clone());
    let one = one.prop_map(|(kind, flags, stream, content)| vec![frame(kind, flags, stream, &content)]);
    let headers = prop::collection::vec(content, 1..4).prop_map(|parts| {
        let last = parts.len() - 1;
        let part = |(number, content): (usize, Vec<u8>)| {
            let flags = if number == last { END_HEADERS } else { 0 };
            frame(if number == 0 { HEADERS } else { CONTINUATION }, flags, 5, &content)
        };
        parts.into_iter().enumerate().map(part).collect()
    });
    prop::collection::vec(prop_oneof![2 => one, 1 => headers], 1..20).prop_map(|groups| groups.concat())
}

/// The places where another frame may stand: the begins of frames that do not continue headers.
fn gaps(frames: &[Vec<u8>]) -> Vec<usize> {
    let mut at = 0;
    let mut gaps = Vec::new();
    for frame in frames {
        if at > 0 && frame[3] != CONTINUATION {
            gaps.push(at);
        }
        at += frame.len();
    }
    gaps
}

proptest! {
    #[test]
    fn goaway_stands_between_frames_however_writes_are_cut(
        frames in frames(), places in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let frames = [vec![settings()], frames].concat();
        let (gaps, bytes) = (gaps(&frames), frames.concat());
        let first = settings();
        let writes = [vec![first.clone()], cut(&bytes[first.len()..], &places)].concat();
        let mut at = 0;
        for (write, room) in writes.iter().zip(rooms(&writes)) {
            prop_assert_eq!(room, gaps.contains(&at).then_some(0), "a write at {} of {:?}", at, gaps);
            at += write.len();
        }
    }
}
