//! What neighbouring versions of filter and control plane say to each other.

use evenkeel_proto::rebalance::{Directive, ReportRequest, Signal};
use prost::Message;
use prost_types::Duration;

/// A field with the number 100 and the text "later".
const UNKNOWN_FIELD: &[u8] = b"\xa2\x06\x05later";

fn report() -> ReportRequest {
    ReportRequest {
        group: "shop/gateway".to_owned(),
        instance: 2,
        sequence: 3,
        addresses: vec!["10.0.0.4".to_owned()],
        node: "n".to_owned(),
        live: 6,
        draining: 7,
        accepted: 8,
        drained: 9,
        requests: 10,
        drained_request_rate: 11,
        signal: Signal::Requests.into(),
        revision: 13,
        interval: Some(Duration { seconds: 14, nanos: 0 }),
        max_rate: 0.5,
        request_rate: 16,
    }
}

fn directive() -> Directive {
    let interval = Some(Duration { seconds: 5, nanos: 0 });
    Directive { instance: 1, revision: 2, drains: 3, request_rate: 4, interval }
}

/// Numbers and types of the fields are as they were in version 0.1.0.
#[test]
fn every_field_is_written_as_it_has_always_been() {
    let report_bytes = [
        b"\x0a\x0cshop/gateway".as_slice(),
        b"\x11\x02\0\0\0\0\0\0\0\x18\x03",
        b"\x22\x0810.0.0.4\x2a\x01n",
        b"\x30\x06\x38\x07\x40\x08\x48\x09\x50\x0a\x58\x0b\x60\x02\x68\x0d",
        b"\x72\x02\x08\x0e",
        b"\x79\0\0\0\0\0\0\xe0\x3f\x80\x01\x10",
    ];
    assert_eq!(report().encode_to_vec(), report_bytes.concat());
    let directive_bytes = b"\x09\x01\0\0\0\0\0\0\0\x10\x02\x18\x03\x20\x04\x2a\x02\x08\x05";
    assert_eq!(directive().encode_to_vec(), directive_bytes);
}

#[test]
fn what_a_later_version_adds_is_ignored() {
    let later = |message: Vec<u8>| [UNKNOWN_FIELD, &message].concat();
    assert_eq!(ReportRequest::decode(later(report().encode_to_vec()).as_slice()), Ok(report()));
    assert_eq!(Directive::decode(later(directive().encode_to_vec()).as_slice()), Ok(directive()));
}

#[test]
fn what_an_earlier_version_does_not_have_is_zero_or_empty() {
    assert_eq!(ReportRequest::decode(b"".as_slice()), Ok(ReportRequest::default()));
    let directive = Directive::decode(b"\x18\x03".as_slice()).unwrap();
    assert_eq!(directive, Directive { drains: 3, ..Directive::default() });
}
