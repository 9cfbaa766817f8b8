//! RFC 2918, RFC 7313.

use ferrolb_bgp::Family;
use ferrolb_bgp::wire::{Framer, Message, MessageError, Negotiated, RefreshKind, RouteRefresh, decode};

use crate::build::message;

fn read(body: &[u8]) -> Result<RouteRefresh, MessageError> {
    let bytes = message(5, body);
    let (mut framer, mut input) = (Framer::new(), bytes.as_slice());
    let frame = framer.next(&mut input).unwrap().unwrap();
    let Message::RouteRefresh(refresh) = decode(frame, &Negotiated::default())? else {
        panic!("it is no ROUTE-REFRESH");
    };
    Ok(refresh)
}

#[test]
fn family_and_subtype_are_written_and_read() {
    for (subtype, kind) in [(0, RefreshKind::Request), (1, RefreshKind::Begin), (2, RefreshKind::End)] {
        let refresh = RouteRefresh { family: Family::Ipv6Unicast.codes(), kind };
        let mut out = Vec::new();
        refresh.encode(&mut out);
        assert_eq!(out, message(5, &[0, 2, subtype, 1]));
        assert_eq!(read(&out[19..]), Ok(refresh));
    }
    assert_eq!(read(&[0, 1, 9, 1]).unwrap().kind, RefreshKind::Unknown(9));
}

/// RFC 7313 §5: the data is the whole message.
#[test]
fn the_marks_of_a_refresh_have_four_octets() {
    for subtype in [1, 2] {
        let body = [0, 1, subtype, 1, 7];
        let notification = read(&body).unwrap_err().notification();
        assert_eq!((notification.code.numbers(), notification.data), ((7, 1), message(5, &body)));
    }
}

/// RFC 5291 §5 puts filters there, which nobody who reads our OPEN should send.
#[test]
fn a_request_may_be_longer() {
    assert_eq!(read(&[0, 1, 0, 1, 1, 64, 0, 0]).unwrap().kind, RefreshKind::Request);
}
