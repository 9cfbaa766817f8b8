//! RFC 4271 §4.1, §6.1; RFC 8654.

use ferrolb_bgp::wire::{Framer, HeaderError, Kind, Message, Negotiated, Notification, decode, keepalive};

use crate::build::message;

/// What the stream `bytes` is cut into.
fn frames(framer: &mut Framer, mut bytes: &[u8]) -> Result<Vec<(Kind, Vec<u8>)>, HeaderError> {
    let mut out = Vec::new();
    while let Some(frame) = framer.next(&mut bytes)? {
        out.push((frame.kind, frame.body.to_vec()));
    }
    assert_eq!(bytes, b"");
    Ok(out)
}

fn error(bytes: &[u8]) -> (HeaderError, Notification) {
    let error = frames(&mut Framer::new(), bytes).unwrap_err();
    (error, error.notification())
}

#[test]
fn a_keepalive_is_a_header() {
    let mut out = Vec::new();
    keepalive(&mut out);
    assert_eq!(out, [[0xFF; 16].as_slice(), &[0, 19, 4]].concat());
    let frame = Framer::new().next(&mut out.as_slice()).unwrap().map(|frame| frame.kind);
    assert_eq!(frame, Some(Kind::Keepalive));
}

/// However the stream is cut, the messages are the same, and no more is kept than the one that is not whole.
#[test]
fn messages_arrive_in_pieces_and_together() {
    let stream =
        [message(4, &[]), message(2, &[0; 4]), message(3, &[6, 2, 0]), message(2, &[0; 300])].concat();
    let whole = frames(&mut Framer::new(), &stream).unwrap();
    assert_eq!(whole.len(), 4);
    for size in 1..stream.len() {
        let mut framer = Framer::new();
        let mut pieces = Vec::new();
        for piece in stream.chunks(size) {
            pieces.extend(frames(&mut framer, piece).unwrap());
            assert!(framer.pending() < 319);
        }
        assert_eq!((pieces, framer.pending()), (whole.clone(), 0), "in pieces of {size}");
    }
}

#[test]
fn the_marker_is_all_ones() {
    for at in 0..16 {
        let mut bad = message(4, &[]);
        bad[at] = 0xFE;
        let (error, notification) = error(&bad);
        assert_eq!((error, notification.code.numbers()), (HeaderError::Marker, (1, 1)));
        // It is known before the header is whole.
        assert_eq!(frames(&mut Framer::new(), &bad[..=at]), Err(HeaderError::Marker));
    }
}

/// Something else that speaks to the port is found out by its first octet.
#[test]
fn a_request_of_http_is_no_message() {
    assert_eq!(frames(&mut Framer::new(), b"G"), Err(HeaderError::Marker));
}

#[test]
fn every_kind_has_its_least_length() {
    for (kind, least) in [(1, 29), (2, 23), (3, 21), (4, 19), (5, 23)] {
        for length in 0..64_u16 {
            let mut bytes = message(kind, &[0; 45]);
            bytes[16..18].copy_from_slice(&length.to_be_bytes());
            let found = Framer::new().next(&mut bytes.as_slice()).map(|frame| frame.is_some());
            let right = length >= least && (kind != 4 || length == 19);
            let expected = if right { Ok(true) } else { Err(HeaderError::Length(length)) };
            assert_eq!(found, expected, "kind {kind}, length {length}");
        }
    }
    // RFC 4271 §6.1: the data is the length.
    let mut bad = message(2, &[0; 4]);
    bad[17] = 22;
    let (_, notification) = error(&bad);
    assert_eq!((notification.code.numbers(), notification.data), ((1, 2), vec![0, 22]));
}

#[test]
fn an_unknown_kind_is_named() {
    for kind in [0, 6, 255] {
        let (error, notification) = error(&message(kind, &[0; 10]));
        assert_eq!(error, HeaderError::Kind(kind));
        assert_eq!((notification.code.numbers(), notification.data), ((1, 3), vec![kind]));
    }
}

/// RFC 8654 §4: longer messages once somebody has said so, but no OPEN and no KEEPALIVE.
#[test]
fn extended_messages_have_to_be_asked_for() {
    let longest = message(2, &[0; 4096 - 19]);
    assert_eq!(frames(&mut Framer::new(), &longest).unwrap().len(), 1);
    for kind in [2, 3, 5] {
        let long = message(kind, &[0; 4097 - 19]);
        assert_eq!(frames(&mut Framer::new(), &long), Err(HeaderError::Length(4097)));
        let mut framer = Framer::new();
        framer.extend();
        assert_eq!(frames(&mut framer, &long).unwrap().len(), 1);
        assert_eq!(frames(&mut framer, &message(kind, &[0; 65535 - 19])).unwrap().len(), 1);
    }
    let mut framer = Framer::new();
    framer.extend();
    assert_eq!(frames(&mut framer, &message(1, &[0; 4097 - 19])), Err(HeaderError::Length(4097)));
}

/// A message that is too long is refused by its header, before anything is kept of it.
#[test]
fn a_length_is_checked_before_memory_is_taken() {
    let mut framer = Framer::new();
    let header = &message(2, &[0; 5000])[..19];
    assert_eq!(frames(&mut framer, header), Err(HeaderError::Length(5019)));
    assert!(framer.pending() < 20);
}

/// RFC 4271 §6.4: nothing in a NOTIFICATION is an error.
#[test]
fn any_notification_is_read() {
    for body in [&[0, 0][..], &[255, 255], &[6, 2, 200, 1], &[2, 7, 1, 200]] {
        let bytes = message(3, body);
        let mut framer = Framer::new();
        let mut input = bytes.as_slice();
        let frame = framer.next(&mut input).unwrap().unwrap();
        let Message::Notification(notification) = decode(frame, &Negotiated::default()).unwrap() else {
            panic!("another kind");
        };
        assert_eq!(notification.code.numbers(), (body[0], body[1]));
        assert_eq!(notification.data, body[2..]);
        assert!(!notification.to_string().is_empty());
    }
}
