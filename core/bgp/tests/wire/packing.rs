//! What we send: RFC 4271 §4.3 and §5, RFC 4760, RFC 8950, RFC 6793, RFC 7606 §5.1; golden messages among it.

use std::net::{Ipv4Addr, Ipv6Addr};

use ferrolb_bgp::wire::{
    Announcement, CannotAnnounce, Counts, Framer, Message, Negotiated, Withdrawal, decode, end_of_rib,
};
use ferrolb_bgp::{
    AsPath, Asn, Attributes, Community, ExtendedCommunity, Family, LargeCommunity, NextHop, Origin, Prefix,
};

use crate::build::{external, internal, message, old_external, only};

fn prefixes(texts: &[&str]) -> Vec<Prefix> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn v4_attributes() -> Attributes {
    Attributes::new(AsPath::repeated(Asn(65000), 1), NextHop::V4(Ipv4Addr::new(192, 0, 2, 1)))
}

fn v6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// All UPDATEs for these, which must take all of them.
fn announce(attributes: &Attributes, prefixes: &[Prefix], negotiated: &Negotiated) -> Vec<u8> {
    let announcement = Announcement::new(Family::of(&prefixes[0]), attributes, negotiated).unwrap();
    let (mut out, mut rest, mut taken) = (Vec::new(), prefixes.iter().copied(), 0);
    loop {
        match announcement.write(&mut out, &mut rest) {
            0 => break,
            count => taken += count,
        }
    }
    assert_eq!(taken, prefixes.len());
    out
}

/// The lengths of messages, and how many prefixes they announce and withdraw; nothing may be wrong with them.
fn read(mut bytes: &[u8], negotiated: &Negotiated) -> (Vec<usize>, Counts, Counts) {
    let (mut lengths, mut announced, mut withdrawn) = (vec![], Counts::default(), Counts::default());
    let mut framer = Framer::new();
    if negotiated.extended_messages {
        framer.extend();
    }
    while let Some(frame) = framer.next(&mut bytes).unwrap() {
        let Message::Update(update) = decode(frame, negotiated).unwrap() else { panic!("no UPDATE") };
        assert_eq!((update.fault, update.foreign, update.end_of_rib), (None, None, None));
        lengths.push(frame.body.len() + 19);
        announced.ipv4 += update.announced.ipv4;
        announced.ipv6 += update.announced.ipv6;
        withdrawn.ipv4 += update.withdrawn.ipv4;
        withdrawn.ipv6 += update.withdrawn.ipv6;
    }
    (lengths, announced, withdrawn)
}

#[test]
fn golden_ipv4_to_an_external_peer() {
    let routes = prefixes(&["198.51.100.1/32", "203.0.113.0/25", "0.0.0.0/0"]);
    let mut attributes = v4_attributes();
    attributes.local_pref = Some(200);
    let expected = [
        &[0, 0, 0, 20][..],
        &[0x40, 1, 1, 0],
        &[0x40, 2, 6, 2, 1, 0, 0, 0xFD, 0xE8],
        &[0x40, 3, 4, 192, 0, 2, 1],
        &[32, 198, 51, 100, 1, 25, 203, 0, 113, 0, 0],
    ];
    assert_eq!(announce(&attributes, &routes, &external()), message(2, &expected.concat()));
}

#[test]
fn golden_everything_to_an_internal_peer() {
    let mut attributes = Attributes::new(AsPath::empty(), NextHop::V4(Ipv4Addr::new(192, 0, 2, 1)));
    attributes.origin = Origin::Incomplete;
    attributes.med = Some(7);
    attributes.local_pref = Some(200);
    attributes.communities = [Community::new(65000, 1), Community::NO_EXPORT].into_iter().collect();
    attributes.extended_communities =
        [ExtendedCommunity::link_bandwidth(65000, 1.25e9)].into_iter().collect();
    attributes.large_communities =
        [LargeCommunity { global: 65536, local1: 1, local2: 2 }].into_iter().collect();
    let expected = [
        &[0, 0, 0, 72][..],
        &[0x40, 1, 1, 2],
        &[0x40, 2, 0],
        &[0x40, 3, 4, 192, 0, 2, 1],
        &[0x80, 4, 4, 0, 0, 0, 7],
        &[0x40, 5, 4, 0, 0, 0, 200],
        &[0xC0, 8, 8, 0xFD, 0xE8, 0, 1, 0xFF, 0xFF, 0xFF, 1],
        &[0xC0, 16, 8, 0x40, 4, 0xFD, 0xE8, 0x4E, 0x95, 0x02, 0xF9],
        &[0xC0, 32, 12, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2],
        &[24, 203, 0, 113],
    ];
    let bytes = announce(&attributes, &prefixes(&["203.0.113.0/24"]), &internal());
    let mut expected = expected.concat();
    expected[3] = u8::try_from(expected.len() - 4 - 4).unwrap();
    assert_eq!(bytes, message(2, &expected));
}

/// RFC 7606 §5.1: MP_REACH_NLRI comes first. RFC 2545 §3: 16 octets, or 32 on a link that both share.
#[test]
fn golden_ipv6_with_both_lengths_of_next_hop() {
    let path = AsPath::repeated(Asn(65000), 1);
    let global = v6("2001:db8::1");
    let link_local = v6("fe80::1");
    let routes = prefixes(&["2001:db8:1::/48"]);
    for next_hop in [NextHop::V6(global), NextHop::V6WithLinkLocal { global, link_local }] {
        let mut addresses = global.octets().to_vec();
        if next_hop != NextHop::V6(global) {
            addresses.extend_from_slice(&link_local.octets());
        }
        let length = u8::try_from(addresses.len()).unwrap();
        let expected = [
            &[0, 0, 0, 4 + 5 + length + 7 + 4 + 9][..],
            &[0x90, 14, 0, 5 + length + 7, 0, 2, 1, length],
            &addresses,
            &[0, 48, 0x20, 1, 0x0D, 0xB8, 0, 1],
            &[0x40, 1, 1, 0],
            &[0x40, 2, 6, 2, 1, 0, 0, 0xFD, 0xE8],
        ];
        let attributes = Attributes::new(path.clone(), next_hop);
        assert_eq!(announce(&attributes, &routes, &external()), message(2, &expected.concat()));
    }
}

/// RFC 8950 §3: in MP_REACH_NLRI, and without NEXT_HOP.
#[test]
fn golden_ipv4_over_ipv6() {
    let negotiated = Negotiated { extended_next_hop: true, ..external() };
    let attributes = Attributes::new(AsPath::repeated(Asn(65000), 1), NextHop::V6(v6("fe80::1")));
    let expected = [
        &[0, 0, 0, 43][..],
        &[0x90, 14, 0, 26, 0, 1, 1, 16],
        &v6("fe80::1").octets(),
        &[0, 32, 198, 51, 100, 1],
        &[0x40, 1, 1, 0],
        &[0x40, 2, 6, 2, 1, 0, 0, 0xFD, 0xE8],
    ];
    let bytes = announce(&attributes, &prefixes(&["198.51.100.1/32"]), &negotiated);
    assert_eq!(bytes, message(2, &expected.concat()));
    let refused = Announcement::new(Family::Ipv4Unicast, &attributes, &external()).unwrap_err();
    let next_hop = attributes.next_hop;
    assert_eq!(refused, CannotAnnounce::NextHop { family: Family::Ipv4Unicast, next_hop });
}

#[test]
fn golden_withdrawals_and_end_of_rib() {
    let mut out = Vec::new();
    let ipv4 = Withdrawal::new(Family::Ipv4Unicast, &external()).unwrap();
    assert_eq!(ipv4.write(&mut out, &mut prefixes(&["198.51.100.1/32", "10.0.0.0/8"]).into_iter()), 2);
    assert_eq!(out, message(2, &[0, 7, 32, 198, 51, 100, 1, 8, 10, 0, 0]));
    out.clear();
    let ipv6 = Withdrawal::new(Family::Ipv6Unicast, &external()).unwrap();
    assert_eq!(ipv6.write(&mut out, &mut prefixes(&["2001:db8::/32"]).into_iter()), 1);
    assert_eq!(out, message(2, &[0, 0, 0, 12, 0x90, 15, 0, 8, 0, 2, 1, 32, 0x20, 1, 0x0D, 0xB8]));
    out.clear();
    end_of_rib(&mut out, Family::Ipv4Unicast);
    assert_eq!(out, message(2, &[0; 4]));
    out.clear();
    end_of_rib(&mut out, Family::Ipv6Unicast);
    assert_eq!(out, message(2, &[0, 0, 0, 6, 0x80, 15, 3, 0, 2, 1]));
}

/// An UPDATE that says nothing would be an End-of-RIB.
#[test]
fn no_prefix_is_no_message() {
    let mut out = Vec::new();
    for family in Family::ALL {
        let next_hop = NextHop::V6(v6("2001:db8::1"));
        let negotiated = Negotiated { extended_next_hop: true, ..external() };
        let attributes = Attributes::new(AsPath::empty(), next_hop);
        let announcement = Announcement::new(family, &attributes, &negotiated).unwrap();
        assert_eq!(announcement.write(&mut out, &mut std::iter::empty()), 0);
        let withdrawal = Withdrawal::new(family, &negotiated).unwrap();
        assert_eq!(withdrawal.write(&mut out, &mut std::iter::empty()), 0);
    }
    assert_eq!(out, b"");
}

/// RFC 6793 §4.2.2.
#[test]
fn old_peers_hear_as_trans_and_the_whole_path_beside_it() {
    let path: AsPath = [Asn(4_200_000_000), Asn(65000)].into_iter().collect();
    let mut attributes = Attributes::new(path, NextHop::V4(Ipv4Addr::new(192, 0, 2, 1)));
    let route = prefixes(&["198.51.100.1/32"]);
    let bytes = announce(&attributes, &route, &old_external());
    let expected = [
        &[0, 0, 0, 35][..],
        &[0x40, 1, 1, 0],
        &[0x40, 2, 6, 2, 2, 0x5B, 0xA0, 0xFD, 0xE8],
        &[0x40, 3, 4, 192, 0, 2, 1],
        &[0xC0, 17, 10, 2, 2, 0xFA, 0x56, 0xEA, 0, 0, 0, 0xFD, 0xE8],
        &[32, 198, 51, 100, 1],
    ];
    let mut expected = expected.concat();
    expected[3] = u8::try_from(expected.len() - 4 - 5).unwrap();
    assert_eq!(bytes, message(2, &expected));
    // Not where two octets say it all.
    attributes.as_path = AsPath::repeated(Asn(65000), 2);
    let bytes = announce(&attributes, &route, &old_external());
    assert_eq!(bytes.len(), 19 + 4 + 4 + 9 + 7 + 5);
}

/// RFC 4271 §5.1.5.
#[test]
fn internal_peers_always_hear_a_preference() {
    let bytes = announce(&v4_attributes(), &prefixes(&["198.51.100.1/32"]), &internal());
    let preference = [0x40, 5, 4, 0, 0, 0, 100];
    assert!(bytes.windows(7).any(|window| window == preference));
}

/// The count of a segment is an octet: a path of 300 has two, and its attribute a length of two octets.
#[test]
fn long_paths_have_several_segments() {
    let mut attributes = v4_attributes();
    attributes.as_path = AsPath::repeated(Asn(65000), 300);
    let bytes = announce(&attributes, &prefixes(&["198.51.100.1/32"]), &external());
    let [high, low] = (4 + 300 * 4_u16).to_be_bytes();
    assert_eq!(bytes[27..33], [0x50, 2, high, low, 2, 255]);
    assert_eq!(bytes[33 + 255 * 4..35 + 255 * 4], [2, 45]);
    assert_eq!(read(&bytes, &external()).1.ipv4, 1);
}

fn hosts(count: u32) -> Vec<Prefix> {
    (0..count).map(|n| Prefix::from(std::net::IpAddr::from(Ipv4Addr::from(0xC612_0000 + n)))).collect()
}

fn hosts_v6(count: u128) -> Vec<Prefix> {
    let base = u128::from(v6("2001:db8::"));
    (0..count).map(|n| Prefix::from(std::net::IpAddr::from(Ipv6Addr::from(base + n)))).collect()
}

/// Ten thousand host routes: as few messages as hold them, each filled but for less than a prefix.
#[test]
fn messages_are_filled_to_their_limit() {
    for (negotiated, limit) in
        [(external(), 4096), (Negotiated { extended_messages: true, ..external() }, 65535)]
    {
        let bytes = announce(&v4_attributes(), &hosts(10_000), &negotiated);
        let (lengths, announced, _) = read(&bytes, &negotiated);
        assert_eq!(announced, Counts { ipv4: 10_000, ipv6: 0 });
        let room = limit - 19 - 4 - 20;
        assert_eq!(lengths.len(), 10_000_usize.div_ceil(room / 5));
        let (last, full) = lengths.split_last().unwrap();
        assert!(full.iter().all(|&length| length <= limit && length > limit - 5) && *last <= limit);

        let next_hop = NextHop::V6(v6("2001:db8::1"));
        let attributes = Attributes::new(AsPath::repeated(Asn(65000), 1), next_hop);
        let bytes = announce(&attributes, &hosts_v6(10_000), &negotiated);
        let (lengths, announced, _) = read(&bytes, &negotiated);
        assert_eq!(announced, Counts { ipv4: 0, ipv6: 10_000 });
        let (last, full) = lengths.split_last().unwrap();
        assert!(full.iter().all(|&length| length <= limit && length > limit - 17) && *last <= limit);

        for (family, all) in [(Family::Ipv4Unicast, hosts(10_000)), (Family::Ipv6Unicast, hosts_v6(10_000))] {
            let withdrawal = Withdrawal::new(family, &negotiated).unwrap();
            let (mut out, mut rest) = (Vec::new(), all.into_iter());
            while withdrawal.write(&mut out, &mut rest) > 0 {}
            let (lengths, _, withdrawn) = read(&out, &negotiated);
            assert_eq!(withdrawn.total(), 10_000);
            assert!(lengths.iter().all(|&length| length <= limit));
        }
    }
}

#[test]
fn what_leaves_no_room_for_a_prefix_is_refused() {
    let mut attributes = v4_attributes();
    // 43 octets without communities; these take 4 and 4 for each.
    attributes.communities = (0..1011).map(Community).collect();
    let negotiated = external();
    let bytes = announce(&attributes, &prefixes(&["198.51.100.1/32"]), &negotiated);
    assert_eq!(bytes.len(), 43 + 4 + 4 * 1011 + 5);
    attributes.communities = (0..1013).map(Community).collect();
    let refused = Announcement::new(Family::Ipv4Unicast, &attributes, &negotiated).unwrap_err();
    assert!(matches!(refused, CannotAnnounce::TooLong(too_long) if too_long.limit == 4096));
    attributes.communities = (0..20_000).map(Community).collect();
    let extended = Negotiated { extended_messages: true, ..external() };
    assert!(Announcement::new(Family::Ipv4Unicast, &attributes, &extended).is_err());
}

#[test]
fn only_families_that_were_agreed_on_are_sent() {
    let negotiated = only(Family::Ipv6Unicast);
    let family = Family::Ipv4Unicast;
    let refused = Announcement::new(family, &v4_attributes(), &negotiated).unwrap_err();
    assert_eq!(refused, CannotAnnounce::Family(family));
    assert_eq!(Withdrawal::new(family, &negotiated).unwrap_err(), CannotAnnounce::Family(family));
    let next_hop = v4_attributes().next_hop;
    let refused = Announcement::new(Family::Ipv6Unicast, &v4_attributes(), &negotiated).unwrap_err();
    assert_eq!(refused, CannotAnnounce::NextHop { family: Family::Ipv6Unicast, next_hop });
}

/// Bits beyond its length are not part of a prefix, and are sent as zeros.
#[test]
fn host_bits_are_not_sent() {
    let bytes = announce(&v4_attributes(), &prefixes(&["203.0.113.255/20"]), &external());
    assert_eq!(bytes[bytes.len() - 4..], [20, 203, 0, 112]);
}

/// Sets that say the same are the same, in whatever order they were put together.
#[test]
fn attributes_have_one_form() {
    let build = |communities: &[u32]| {
        let mut attributes = v4_attributes();
        attributes.communities = communities.iter().copied().map(Community).collect();
        attributes
    };
    assert_eq!(build(&[3, 1, 2, 1]), build(&[1, 2, 3]));
}
