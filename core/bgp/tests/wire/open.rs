//! RFC 4271 §4.2, §6.2; RFC 5492; RFC 9072; and the capabilities.

use std::net::Ipv4Addr;

use ferrolb_bgp::wire::{
    Capability, ExtendedNextHop, Framer, GracefulFamily, GracefulRestart, Message, MessageError, Negotiated,
    Open, OpenError, TooLong, decode,
};
use ferrolb_bgp::{AfiSafi, Asn, Families, Family, RouterId};

use crate::build::message;

fn open(capabilities: Vec<Capability>) -> Open {
    let identifier = RouterId::new(Ipv4Addr::new(192, 0, 2, 1)).unwrap();
    Open { asn: Asn(65000), hold_time: 90, identifier, capabilities }
}

fn read(body: &[u8]) -> Result<Open, OpenError> {
    let bytes = message(1, body);
    let (mut framer, mut input) = (Framer::new(), bytes.as_slice());
    match decode(framer.next(&mut input).unwrap().unwrap(), &Negotiated::default()) {
        Ok(Message::Open(open)) => Ok(open),
        Err(MessageError::Open(error)) => Err(error),
        other => panic!("{other:?}"),
    }
}

fn written(open: &Open) -> Vec<u8> {
    let mut out = Vec::new();
    open.encode(&mut out).unwrap();
    out
}

/// Version 4, AS 65000, 90 s, 192.0.2.1, and then `rest`.
fn body(rest: &[u8]) -> Vec<u8> {
    [&[4, 0xFD, 0xE8, 0, 90, 192, 0, 2, 1], rest].concat()
}

/// A body whose only parameter is these capabilities.
fn with_capabilities(capabilities: &[u8]) -> Vec<u8> {
    let length = u8::try_from(capabilities.len()).unwrap();
    body(&[&[length + 2, 2, length], capabilities].concat())
}

fn every_capability() -> Vec<Capability> {
    vec![
        Capability::Multiprotocol(Family::Ipv4Unicast.codes()),
        Capability::Multiprotocol(Family::Ipv6Unicast.codes()),
        Capability::RouteRefresh,
        Capability::ExtendedNextHop(vec![ExtendedNextHop::IPV4_OVER_IPV6]),
        Capability::ExtendedMessage,
        Capability::GracefulRestart(GracefulRestart {
            restarting: true,
            notification: true,
            time: 120,
            families: vec![GracefulFamily { family: Family::Ipv4Unicast.codes(), forwarding: true }],
        }),
        Capability::FourOctetAsn(Asn(65000)),
        Capability::EnhancedRouteRefresh,
        Capability::Unknown { code: 73, value: b"host".to_vec() },
    ]
}

#[test]
fn golden_every_capability() {
    let expected = with_capabilities(
        &[
            &[1, 4, 0, 1, 0, 1][..],
            &[1, 4, 0, 2, 0, 1],
            &[2, 0],
            &[5, 6, 0, 1, 0, 1, 0, 2],
            &[6, 0],
            &[64, 6, 0xC0, 120, 0, 1, 1, 0x80],
            &[65, 4, 0, 0, 0xFD, 0xE8],
            &[70, 0],
            &[73, 4, b'h', b'o', b's', b't'],
        ]
        .concat(),
    );
    let ours = open(every_capability());
    assert_eq!(written(&ours), message(1, &expected));
    assert_eq!(read(&expected), Ok(ours));
}

#[test]
fn golden_without_capabilities() {
    assert_eq!(written(&open(vec![])), message(1, &body(&[0])));
    let heard = read(&body(&[0])).unwrap();
    // RFC 4760 §8: who names no family does IPv4 unicast.
    assert_eq!(heard.families(), [Family::Ipv4Unicast].into_iter().collect());
    assert_eq!((heard.four_octet_asn(), heard.graceful_restart()), (None, None));
}

/// RFC 6793 §4.2.3, §9: the fixed field has AS_TRANS in it.
#[test]
fn an_as_of_four_octets_is_in_its_capability() {
    let mut wide = open(vec![Capability::FourOctetAsn(Asn(4_200_000_000))]);
    wide.asn = Asn(4_200_000_000);
    let bytes = written(&wide);
    assert_eq!(bytes[20..22], 23456_u16.to_be_bytes());
    assert_eq!(read(&bytes[19..]), Ok(wide));
}

#[test]
fn section_6_2_what_cannot_be_accepted() {
    let mut version = body(&[0]);
    version[0] = 3;
    let mut asn = body(&[0]);
    asn[1..3].fill(0);
    let mut identifier = body(&[0]);
    identifier[5..9].fill(0);
    let wide_zero = with_capabilities(&[65, 4, 0, 0, 0, 0]);
    for (bytes, error, code, data) in [
        (version, OpenError::UnsupportedVersion(3), (2, 1), &[0, 4][..]),
        (asn, OpenError::ZeroAsn, (2, 2), &[]),
        (wide_zero, OpenError::ZeroAsn, (2, 2), &[]),
        (identifier, OpenError::ZeroIdentifier, (2, 3), &[]),
        (body(&[3, 1, 1, 0]), OpenError::UnsupportedParameter(1), (2, 4), &[]),
    ] {
        let found = read(&bytes).unwrap_err();
        let notification = found.notification();
        assert_eq!((found, notification.code.numbers(), &*notification.data), (error, code, data));
    }
    for (hold_time, right) in [(0, true), (1, false), (2, false), (3, true), (u16::MAX, true)] {
        let mut bytes = body(&[0]);
        bytes[3..5].copy_from_slice(&hold_time.to_be_bytes());
        let found = read(&bytes);
        assert_eq!(found.is_ok(), right);
        if let Err(error) = found {
            assert_eq!(
                (error, error.notification().code.numbers()),
                (OpenError::UnacceptableHoldTime(hold_time), (2, 6))
            );
        }
    }
}

/// RFC 4271 §6.2: a parameter that is known but malformed has subcode 0.
#[test]
fn section_6_2_lengths_that_contradict_each_other() {
    for rest in [
        &[1][..],
        &[0, 2],
        &[2, 2],
        &[3, 2, 9, 0],
        &[4, 2, 2, 1, 4],
        &[3, 2, 1, 1],
        &[5, 2, 3, 65, 1, 0],
        &[255, 255],
        &[255, 255, 0, 9, 2],
        &[255, 255, 0, 3, 2, 0, 9],
    ] {
        let error = read(&body(rest)).unwrap_err();
        assert!(matches!(error, OpenError::Malformed(_)), "{rest:?}: {error}");
        assert_eq!(error.notification().code.numbers(), (2, 0));
    }
}

/// RFC 5492 §4: of equal capabilities one counts, in however many parameters they come.
#[test]
fn capabilities_come_in_one_parameter_or_in_many() {
    let many = [&[2, 2, 2, 0][..], &[2, 6, 1, 4, 0, 1, 0, 1], &[2, 2, 2, 0], &[2, 4, 2, 0, 70, 0]].concat();
    let length = u8::try_from(many.len()).unwrap();
    let heard = read(&body(&[&[length][..], &many].concat())).unwrap();
    let ipv4 = Capability::Multiprotocol(Family::Ipv4Unicast.codes());
    assert_eq!(heard.capabilities, [Capability::RouteRefresh, ipv4, Capability::EnhancedRouteRefresh]);
}

/// RFC 4724 §3: of several the last.
#[test]
fn the_last_graceful_restart_counts() {
    let heard = read(&with_capabilities(&[64, 2, 0x80, 10, 64, 2, 0x40, 20])).unwrap();
    let last = heard.graceful_restart().unwrap();
    assert_eq!((last.restarting, last.notification, last.time), (false, true, 20));
}

/// A value that cannot be read has no effect, and is kept; only that of four-octet numbers changes how all paths are read.
#[test]
fn a_capability_of_a_wrong_length_is_ignored() {
    for bad in [
        &[1, 3, 0, 1, 1][..],
        &[1, 0],
        &[2, 1, 0],
        &[5, 5, 0, 1, 0, 1, 0],
        &[6, 1, 1],
        &[64, 1, 0],
        &[64, 5, 0, 120, 0, 1, 1],
        &[70, 2, 0, 0],
    ] {
        let heard = read(&with_capabilities(bad)).unwrap();
        let unknown = Capability::Unknown { code: bad[0], value: bad[2..].to_vec() };
        assert_eq!(heard.capabilities, [unknown]);
        let ours = open(every_capability());
        let negotiated = Negotiated::between(&ours, &heard);
        let families = [Family::Ipv4Unicast].into_iter().collect();
        assert_eq!(negotiated, Negotiated { internal: true, families, ..Negotiated::default() });
    }
    for length in [0, 2, 3, 5] {
        let bad = [vec![65, length], vec![1; length.into()]].concat();
        assert!(matches!(read(&with_capabilities(&bad)), Err(OpenError::Malformed(_))));
    }
}

/// RFC 9072 §2, where capabilities are longer than 255 octets.
#[test]
fn long_parameters_are_written_and_read() {
    let long = |count: u8, size| {
        open((0..count).map(|code| Capability::Unknown { code: 100 + code, value: vec![7; size] }).collect())
    };
    // 253 octets of capabilities are the most for the old form.
    let most = long(1, 251);
    let bytes = written(&most);
    assert_eq!((bytes[28], bytes[29], bytes[30]), (255, 2, 253));
    assert_eq!(read(&bytes[19..]), Ok(most));
    let more = long(1, 252);
    let bytes = written(&more);
    assert_eq!(bytes[28..35], [255, 255, 1, 1, 2, 0, 254]);
    assert_eq!(read(&bytes[19..]), Ok(more));
    let much = long(15, 255);
    assert_eq!(read(&written(&much)[19..]), Ok(much));
}

/// RFC 9072 §2: the second 255 says which form it is; the first may be any number but zero.
#[test]
fn long_parameters_are_known_by_their_first_type() {
    let heard = read(&body(&[7, 255, 0, 5, 2, 0, 2, 2, 0])).unwrap();
    assert_eq!(heard.capabilities, [Capability::RouteRefresh]);
}

#[test]
fn an_open_that_is_too_long_is_not_written() {
    let mut out = vec![1];
    let value = vec![0; 255];
    let many =
        open((0..20).map(|code| Capability::Unknown { code: 100 + code, value: value.clone() }).collect());
    assert_eq!(many.encode(&mut out), Err(TooLong { length: 28 + 7 + 20 * 257, limit: 4096 }));
    let one = open(vec![Capability::Unknown { code: 100, value: vec![0; 256] }]);
    assert_eq!(one.encode(&mut out), Err(TooLong { length: 256, limit: 255 }));
    assert_eq!(out, [1]);
}

#[test]
fn what_both_have_is_agreed_on() {
    let full = open(every_capability());
    let both = Negotiated::between(&full, &full);
    let expected = Negotiated {
        internal: true,
        families: Family::ALL.into_iter().collect(),
        four_octet_asns: true,
        extended_messages: true,
        extended_next_hop: true,
        route_refresh: true,
        enhanced_route_refresh: true,
    };
    assert_eq!((both, both.message_limit()), (expected, 65535));
    // Each capability matters on its own, from either side.
    for left_out in 0..full.capabilities.len() {
        let mut less = full.clone();
        less.capabilities.remove(left_out);
        let negotiated = Negotiated::between(&full, &less);
        assert_eq!(negotiated, Negotiated::between(&less, &full));
        let matters = full.capabilities[left_out].code() != 64 && full.capabilities[left_out].code() != 73;
        assert_eq!(negotiated != expected, matters, "{}", full.capabilities[left_out]);
    }
}

/// Who names families does no others, IPv4 unicast among them.
#[test]
fn families_are_those_that_are_named() {
    let ipv6 = open(vec![Capability::Multiprotocol(Family::Ipv6Unicast.codes())]);
    assert_eq!(ipv6.families(), [Family::Ipv6Unicast].into_iter().collect());
    let vpn = open(vec![Capability::Multiprotocol(AfiSafi { afi: 1, safi: 128 })]);
    assert_eq!(vpn.families(), Families::NONE);
    assert_eq!(Negotiated::between(&ipv6, &open(vec![])).families, Families::NONE);
}

/// RFC 5492 §5: what is missing is named as in an OPEN.
#[test]
fn a_missing_family_is_named() {
    let notification = OpenError::MissingFamily(Family::Ipv6Unicast).notification();
    assert_eq!((notification.code.numbers(), &*notification.data), ((2, 7), &[1, 4, 0, 2, 0, 1][..]));
    assert_eq!(notification.to_string(), "OPEN Message Error: Unsupported Capability (IPv6 unicast routes)");
}
