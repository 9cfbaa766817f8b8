//! What other speakers fell over, by number. None of it may end a session here beyond what RFC 7606 asks for.

use ferrolb_bgp::wire::{Action, Cause, Framer, Message, MessageError, Negotiated, OpenError, decode};

use crate::build::{
    OPTIONAL, TRANSITIVE, WELL_KNOWN, action, announcing, as_path, attribute, body, external, fault,
    ipv6_reach, mandatory_and, message, next_hop, old_external, origin, read,
};

fn read_open(rest: &[u8]) -> Result<Message, MessageError> {
    let bytes = message(1, &[&[4, 0xFD, 0xE8, 0, 90, 192, 0, 2, 1], rest].concat());
    let (mut framer, mut input) = (Framer::new(), bytes.as_slice());
    decode(framer.next(&mut input).unwrap().unwrap(), &Negotiated::default())
}

fn is_malformed(read: &Result<Message, MessageError>) -> bool {
    matches!(read, Err(MessageError::Open(OpenError::Malformed(_))))
}

/// FRR read beyond an OPEN of extended parameters that ended within their lengths.
#[test]
fn cve_2022_40302_and_43681_open_ends_within_extended_parameters() {
    for rest in [&[255, 255][..], &[255, 255, 0], &[255, 255, 0, 1, 2], &[255, 255, 0, 2, 2, 0], &[1, 255]] {
        assert!(is_malformed(&read_open(rest)), "{rest:?}");
    }
}

/// GoBGP paniced on an OPEN whose capability ends before its value, and on software versions longer than they are.
#[test]
fn cve_2023_46565_capability_longer_than_its_parameter() {
    for rest in [&[4, 2, 2, 75, 64][..], &[5, 2, 3, 75, 200, 200], &[3, 2, 1, 73]] {
        assert!(is_malformed(&read_open(rest)), "{rest:?}");
    }
}

/// FRR, and many more, reset over a corrupt tunnel encapsulation, which came through others who did not look at it.
#[test]
fn cve_2023_38802_and_vu_347067_corrupt_tunnel_encapsulation() {
    for value in [&[][..], &[0], &[0, 1, 0, 200], &[0xFF; 7]] {
        assert_eq!(fault(&announcing(&mandatory_and(&attribute(TRANSITIVE, 23, value))), &external()), None);
    }
}

/// FRR looped for ever on a sub-TLV of length zero in the same attribute.
#[test]
fn cve_2024_44070_tunnel_encapsulation_without_progress() {
    let value = [0, 1, 0, 4, 0, 0, 0, 0];
    assert_eq!(fault(&announcing(&mandatory_and(&attribute(TRANSITIVE, 23, &value))), &external()), None);
}

/// FRR read before the beginning of a flow specification of length zero.
#[test]
fn cve_2023_38406_flow_specification_of_length_zero() {
    let attributes = [attribute(OPTIONAL, 14, &[0, 1, 133, 0, 0, 0]), origin(), as_path()].concat();
    assert_eq!(fault(&body(&[], &attributes, &[]), &external()), None);
}

/// FRR handled an MP_REACH_NLRI that ends within itself, and one that only follows an error elsewhere, as if it were whole.
#[test]
fn cve_2023_46752_mp_reach_without_its_end() {
    for length in [3, 4, 10, 20] {
        let reach = attribute(OPTIONAL, 14, &ipv6_reach()[..length]);
        let update = body(&[], &[reach, origin(), as_path()].concat(), &[]);
        assert_eq!(fault(&update, &external()), Some((Action::Reset, Cause::Short { kind: 14 })));
    }
}

/// FRR crashed on routes whose only attribute was an unknown transitive one.
#[test]
fn cve_2023_46753_no_mandatory_attribute() {
    let unknown = attribute(TRANSITIVE, 99, &[1, 2, 3]);
    assert_eq!(
        fault(&announcing(&unknown), &external()),
        Some((Action::Withdraw, Cause::Missing { kind: 1 }))
    );
    assert_eq!(fault(&announcing(&[]), &external()), Some((Action::Withdraw, Cause::Missing { kind: 1 })));
}

/// FRR crashed on routes in MP_UNREACH_NLRI beside attributes that did not fit.
#[test]
fn cve_2023_47234_mp_unreach_beside_missing_attributes() {
    let unreach = attribute(OPTIONAL, 15, &[0, 2, 1, 0]);
    let update = read(&body(&[], &unreach, &[32, 10, 0, 0, 1]), &external());
    let fault = update.fault.unwrap();
    assert_eq!((fault.action, fault.cause), (Action::Withdraw, Cause::Missing { kind: 1 }));
    assert_eq!((update.withdrawn.ipv6, update.announced.ipv4), (1, 1));
}

/// FRR took a malformed UPDATE for an End-of-RIB and went on with what it had not read.
#[test]
fn cve_2023_47235_end_of_rib_that_is_none() {
    let unreach = attribute(OPTIONAL, 15, &[0, 2, 1]);
    let broken = [unreach.clone(), vec![WELL_KNOWN, 1, 9]].concat();
    for attributes in [broken, unreach.repeat(2), attribute(TRANSITIVE, 15, &[0, 2, 1])] {
        assert_eq!(read(&body(&[], &attributes, &[]), &external()).end_of_rib, None);
    }
}

/// FRR read beyond a Prefix-SID whose length lies.
#[test]
fn cve_2024_31948_prefix_sid() {
    for value in [&[][..], &[1, 0, 200], &[5, 0, 0], &[1, 0, 7, 0, 0, 0, 0, 0, 0, 1], &[3, 0xFF, 0xFF, 0]] {
        assert_eq!(fault(&announcing(&mandatory_and(&attribute(TRANSITIVE, 40, value))), &external()), None);
    }
}

/// FRR's count of what is left in a Next Hop Characteristic went below zero.
#[test]
fn cve_2026_37459_next_hop_characteristics() {
    for value in [&[0, 1, 1][..], &[0, 1, 1, 16, 0, 0], &[0, 1, 1, 4, 1, 1, 1, 1, 0, 1, 0xFF, 0xFF]] {
        assert_eq!(fault(&announcing(&mandatory_and(&attribute(TRANSITIVE, 39, value))), &external()), None);
    }
}

/// BIRD put paths of more than 2048 numbers onto its stack.
#[test]
fn cve_2026_49943_a_path_as_long_as_an_extended_message() {
    let segment = [&[2, 255][..], &[0, 0, 0xFD, 0xE8].repeat(255)].concat();
    let path = attribute(WELL_KNOWN, 2, &segment.repeat(60));
    let update = read(&announcing(&[origin(), path, next_hop()].concat()), &external());
    assert_eq!((update.fault, update.announced.ipv4), (None, 2));
}

/// BIRD 3 crashed on a NOTIFICATION.
#[test]
fn cve_2025_59688_every_notification_is_read() {
    for code in 0..=20 {
        for subcode in 0..=20 {
            for data in [&[][..], &[0], &[255], &[6, 9, 6, 9], &[0xFF; 300]] {
                let bytes = message(3, &[&[code, subcode], data].concat());
                let (mut framer, mut input) = (Framer::new(), bytes.as_slice());
                let frame = framer.next(&mut input).unwrap().unwrap();
                let Ok(Message::Notification(heard)) = decode(frame, &Negotiated::default()) else {
                    panic!("{code}/{subcode} is not read");
                };
                assert!(!heard.to_string().is_empty());
                let _ = (heard.text(), heard.inside_hard_reset());
            }
        }
    }
}

/// In October 2025 routes with a wrongly written Only-to-Customer attribute (RFC 9234) reset sessions at exchanges.
#[test]
fn only_to_customer_written_wrongly() {
    for (flags, value) in [(TRANSITIVE, &[0, 0, 0xFD][..]), (OPTIONAL, &[0; 4]), (TRANSITIVE, &[0; 8])] {
        let bad = attribute(flags, 35, value);
        assert_eq!(fault(&announcing(&mandatory_and(&bad)), &external()), None);
        assert_eq!(
            fault(&announcing(&mandatory_and(&[bad.clone(), bad].concat())), &external()).map(|it| it.0),
            Some(Action::Discard)
        );
    }
}

/// GoBGP looked for attributes at an index that was right only in one order of them, and read AGGREGATOR and the paths of
/// old peers beyond their ends.
#[test]
fn cve_2026_30405_37461_37462_41643_orders_and_lengths() {
    let old_path = attribute(WELL_KNOWN, 2, &[2, 1, 0xFD, 0xE8]);
    let attributes = [
        attribute(TRANSITIVE, 17, &[2, 1, 0, 0, 0, 1]),
        attribute(TRANSITIVE, 7, &[1, 1]),
        attribute(OPTIONAL, 14, &ipv6_reach()),
        next_hop(),
        old_path,
        origin(),
    ];
    for rotated in 0..attributes.len() {
        let mut order = attributes.clone();
        order.rotate_left(rotated);
        let update = read(&announcing(&order.concat()), &old_external());
        let fault = update.fault.unwrap();
        assert_eq!((fault.action, fault.cause), (Action::Discard, Cause::Length { kind: 7, length: 2 }));
        assert_eq!((update.announced.ipv4, update.announced.ipv6), (2, 1));
    }
}

/// Cox, 2023: what travels through the Internet in an unknown transitive attribute is nobody's reason to end a session.
#[test]
fn a_worm_in_a_transitive_attribute() {
    for kind in (11..=13).chain(19..=24).chain(26..=31).chain(33..=255) {
        let unknown = attribute(TRANSITIVE | 0x20, kind, &[kind; 300]);
        assert_eq!(action(&announcing(&mandatory_and(&unknown)), &external()), None);
    }
}
