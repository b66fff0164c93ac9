use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\n";

fn head(fields: &str) -> Vec<u8> {
    format!("{OK}{fields}\r\n").into_bytes()
}

fn length(length: usize) -> Vec<u8> {
    head(&format!("content-length: {length}\r\n"))
}

fn chunk(content: &[u8]) -> Vec<u8> {
    [format!("{:x}\r\n", content.len()).as_bytes(), content, b"\r\n"].concat()
}

const HERE: Option<usize> = Some(OK.len());

#[test]
fn every_final_head_has_room() {
    let writes = [length(4), b"body".to_vec(), length(0), head("Transfer-Encoding: chunked\r\n"), chunk(b"one")];
    assert_eq!(rooms(&writes), [HERE, None, HERE, HERE, None]);
    let ends = [&chunk(b"two"), &b"0\r\n\r\n"[..]].concat();
    let more = [ends, head("content-length:\t1 \r\n"), b"x".to_vec(), length(2)];
    assert_eq!(rooms(&[&writes[..], &more].concat())[5..], [None, HERE, None, HERE]);
    let trailers = b"0\r\nchecksum: 1\r\n\r\n".to_vec();
    assert_eq!(rooms(&[&writes[..], &[trailers, length(2)]].concat())[5..], [None, HERE]);
}

#[test]
fn interim_heads_have_none_and_no_content() {
    let writes = [
        b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(),
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_vec(),
        b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        b"HTTP/1.1 304 Not Modified\r\ncontent-length: 1000\r\n\r\n".to_vec(),
        length(0),
    ];
    assert_eq!(rooms(&writes), [None, None, Some(25), Some(27), HERE]);
}

#[test]
fn what_follows_an_upgrade_or_an_accepted_connect_is_never_touched() {
    for first in ["HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n"] {
        assert_eq!(rooms(&[first.as_bytes(), &length(0), &length(0)]), [None; 3], "{first}");
    }
}

#[test]
fn a_connection_that_the_proxy_ends_itself_is_left_to_it() {
    assert_eq!(rooms(&[head("content-length: 0\r\nConnection: Close\r\n"), length(0)]), [None; 2]);
}

#[test]
fn content_that_looks_like_a_head_is_content() {
    let fake = length(0);
    let body = [fake.clone(), fake.clone(), fake.clone()].concat();
    for pieces in
        [vec![body.clone()], vec![fake.clone(), fake.clone(), fake.clone()], vec![b"x".to_vec(), fake.clone()]]
    {
        let size = pieces.iter().map(Vec::len).sum();
        let writes = [vec![length(size)], pieces.clone(), vec![length(0)]].concat();
        let seen = rooms(&writes);
        assert_eq!((seen[0], seen[1..=pieces.len()].iter().all(Option::is_none)), (HERE, true), "{seen:?}");
    }
    let writes = [head("transfer-encoding: chunked\r\n"), chunk(&fake), chunk(&body), b"0\r\n\r\n".to_vec(), length(0)];
    assert_eq!(rooms(&writes), [HERE, None, None, None, HERE]);
}

#[test]
fn after_a_head_request_it_waits_until_it_is_sure() {
    // The first answer is one to HEAD: its content never comes.
    assert_eq!(rooms(&[length(5), length(0), length(0)]), [HERE, HERE, HERE], "a head is longer than five bytes");
    let announced = length(100);
    let small = [length(0), length(0), length(0), length(0)];
    let seen = rooms(&[&[announced][..], &small].concat());
    assert_eq!(
        seen,
        [HERE, None, None, HERE, HERE],
        "the second could be content, the fourth no more: 2 x 38 of 100 bytes"
    );
    assert_eq!(rooms(&[head("transfer-encoding: chunked\r\n"), length(0)]), [HERE, HERE], "no chunk looks like a head");
}

#[test]
fn more_doubts_than_it_can_hold_are_left_alone() {
    let heads = vec![length(1_000_000); 6];
    assert_eq!(rooms(&heads), [HERE, None, None, None, None, None]);
    let mut writes = Writes::default();
    for head in &heads {
        writes.next(&head.as_slice());
    }
    assert!(writes.are_opaque());
}

#[test]
fn content_without_its_size_is_left_alone() {
    let begun = head("transfer-encoding: chunked\r\n");
    for wrong in [&b"abc"[..], b"5\r\n", b"5\r\nab", b"5\r\nabcde\r\n5\r\n", b"x", b"fffffffffffffffff\r\n", b"\r\n"] {
        assert_eq!(rooms(&[&begun, wrong, &length(0)]), [HERE, None, None], "{wrong:?}");
    }
    assert_eq!(rooms(&[&length(3), &b"four"[..], &length(0)]), [HERE, None, None]);
    assert_eq!(rooms(&[&length(0), &b"body"[..], &length(0)]), [HERE, None, None]);
}

#[test]
fn what_is_no_whole_head_is_left_alone() {
    for wrong in
        ["HTTP/1.1 200 OK\r\ncontent-length: 0\r\n", "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nno field\r\n\r\n"]
    {
        assert_eq!(rooms(&[wrong.as_bytes(), &length(0)]), [None; 2], "{wrong}");
    }
    let two = [length(0), length(0)].concat();
    assert_eq!(rooms(&[&two, &length(0)]), [None; 2]);
    assert_eq!(rooms(&[head("content-length: 1\r\ncontent-length: 2\r\n"), length(0)]), [None; 2]);
}

#[test]
fn final_responses_are_counted() {
    let mut followed = Writes::default();
    let mut requests = |write: &[u8]| followed.next(&write).requests;
    assert_eq!(requests(&length(4)), 1);
    assert_eq!(requests(b"body"), 1);
    assert_eq!(requests(b"HTTP/1.1 100 Continue\r\n\r\n"), 1);
    assert_eq!(requests(&length(0)), 2);
}

/// One exchange, as Envoy writes its response.
#[derive(Clone, Debug)]
struct Exchange {
    is_head_request: bool,
    is_chunked: bool,
    pieces: Vec<Vec<u8>>,
}

impl Exchange {
    fn writes(&self) -> Vec<Vec<u8>> {
        let announced = if self.is_chunked {
            head("transfer-encoding: chunked\r\n")
        } else {
            length(self.pieces.iter().map(Vec::len).sum())
        };
        let mut writes = vec![announced];
        if self.is_head_request {
            return writes;
        }
        let pieces = self.pieces.iter().filter(|piece| !piece.is_empty());
        writes.extend(pieces.map(|piece| if self.is_chunked { chunk(piece) } else { piece.clone() }));
        if self.is_chunked {
            writes.push(b"0\r\n\r\n".to_vec());
        }
        writes
    }
}

/// Content of any kind, also such as would be written between contents.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let announcing = (0_usize..200).prop_map(length);
    let chunks = prop::collection::vec(any::<u8>(), 0..20).prop_map(|content| chunk(&content));
    let anything = prop::collection::vec(any::<u8>(), 0..100);
    prop_oneof![announcing, Just(head("transfer-encoding: chunked\r\n")), chunks, Just(b"0\r\n\r\n".to_vec()), anything]
}

fn exchanges(with_doubt: bool) -> impl Strategy<Value = Vec<Exchange>> {
    let pieces = if with_doubt { piece().boxed() } else { "[a-z]{0,50}".prop_map(String::into_bytes).boxed() };
    let exchange = (any::<bool>(), any::<bool>(), prop::collection::vec(pieces, 0..6));
    let exchange = exchange.prop_map(move |(is_head, is_chunked, pieces)| Exchange {
        is_head_request: is_head && with_doubt,
        is_chunked,
        pieces,
    });
    prop::collection::vec(exchange, 1..12)
}

proptest! {
    /// Whatever the contents are, and whether they come at all.
    #[test]
    fn content_is_never_touched(exchanges in exchanges(true)) {
        let (mut followed, mut at_least) = (Writes::default(), 0);
        for exchange in exchanges {
            at_least += u32::from(!followed.are_opaque());
            for (number, write) in exchange.writes().iter().enumerate() {
                let seen = followed.next(&write.as_slice());
                prop_assert!(seen.room.is_none() || number == 0, "{:?}", String::from_utf8_lossy(write));
                prop_assert!(seen.room.is_none_or(|room| room.at == OK.len()));
                prop_assert!(followed.are_opaque() || number > 0 || seen.requests >= at_least);
            }
        }
    }

    #[test]
    fn without_doubt_every_response_has_room(exchanges in exchanges(false)) {
        let mut followed = Writes::default();
        for (exchange, number) in exchanges.iter().zip(1..) {
            for (position, write) in exchange.writes().iter().enumerate() {
                let seen = followed.next(&write.as_slice());
                prop_assert_eq!(seen.room.is_some(), position == 0, "{:?}", String::from_utf8_lossy(write));
                prop_assert_eq!(seen.requests, number);
            }
        }
    }
}
