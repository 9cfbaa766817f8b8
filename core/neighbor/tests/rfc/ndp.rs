//! RFC 4861 §7.1 and §7.2, RFC 4862 §5.4: what is believed, and what is answered.

use std::net::Ipv6Addr;
use std::time::Duration;

use ferrolb_neighbor::{Mac, Message, Reject, solicited_node, write_request};

use crate::bytes::{
    ADVERT, ALL_NODES, CLIENT_V6, NONCE_OPTION, Ndp, OURS, SOLICITED_NODE, SOURCE_OPTION, TARGET_OPTION,
    THEIRS, V6, addresses, announcements, answer, checksum, heard, probe, request, solicit,
};

const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;

/// "The VIP is at the client", to the one who asked.
fn advert() -> Ndp {
    Ndp {
        source: V6,
        destination: CLIENT_V6,
        kind: ADVERT,
        flags: SOLICITED | OVERRIDE,
        options: TARGET_OPTION.to_vec(),
        ..solicit()
    }
}

fn is_refused(message: &Ndp) -> bool {
    heard(&message.frame()).is_err()
}

/// RFC 4861 §4.4 and RFC 4443 §2.3: an advertisement of ours, apart from its addresses and flags.
fn is_well_formed(frame: &[u8]) {
    assert_eq!(frame[12..14], [0x86, 0xdd]);
    assert_eq!(frame[18..22], [0, 32, 58, 255], "32 octets of ICMPv6, hop limit 255");
    assert_eq!(frame[54..56], [ADVERT, 0]);
    assert_eq!(frame[59..62], [0; 3], "reserved");
    assert_eq!(frame[62..78], V6.octets());
    assert_eq!(frame[78..], [&[2, 1][..], &OURS.0].concat(), "target link-layer address");
    let (from, to) = addresses(frame);
    assert_eq!(from, V6, "§7.2.4 and §4.4: an address of the interface; the VIP is one");
    let mut icmp = frame[54..].to_vec();
    let sum = [icmp[2], icmp[3]];
    icmp[2..4].fill(0);
    assert_eq!(sum, checksum(from, to, &icmp).to_be_bytes());
    assert_eq!(frame[58] & ROUTER, 0, "a host");
}

#[test]
fn rfc_4861_7_1_hop_limit_must_be_255() {
    for hop_limit in [0, 1, 64, 254] {
        assert!(is_refused(&Ndp { hop_limit, ..solicit() }) && is_refused(&Ndp { hop_limit, ..advert() }));
    }
}

#[test]
fn rfc_4861_7_1_the_checksum_must_be_valid() {
    for mut frame in [solicit().frame(), advert().frame()] {
        frame[57] ^= 1;
        assert_eq!(heard(&frame), Err(Reject::Malformed));
    }
}

#[test]
fn rfc_4861_7_1_the_code_must_be_0() {
    for code in [1, 255] {
        assert!(is_refused(&Ndp { code, ..solicit() }) && is_refused(&Ndp { code, ..advert() }));
    }
}

#[test]
fn rfc_4861_7_1_a_message_has_24_octets_or_more() {
    for octets in 4..24 {
        assert!(heard(&solicit().cut(octets)).is_err() && heard(&advert().cut(octets)).is_err(), "{octets}");
    }
    assert_eq!(request(&solicit().cut(24)).target, V6);
}

#[test]
fn rfc_4861_7_1_the_target_must_not_be_a_group() {
    assert!(is_refused(&Ndp { target: ALL_NODES, ..solicit() }));
    assert!(is_refused(&Ndp { target: SOLICITED_NODE, ..advert() }));
}

#[test]
fn rfc_4861_7_1_every_option_has_a_length() {
    for options in
        [[1, 0, 0, 0, 0, 0, 0, 0].to_vec(), [&SOURCE_OPTION[..], &[14, 0, 0, 0, 0, 0, 0, 0]].concat()]
    {
        assert!(is_refused(&Ndp { options: options.clone(), ..solicit() }), "{options:?}");
        assert!(is_refused(&Ndp { options, ..advert() }));
    }
}

#[test]
fn rfc_4861_7_1_1_a_probe_goes_to_the_solicited_node_group_and_names_no_station() {
    assert!(is_refused(&Ndp { destination: ALL_NODES, ..probe() }));
    assert!(is_refused(&Ndp { destination: V6, ..probe() }));
    assert!(is_refused(&Ndp { options: SOURCE_OPTION.to_vec(), ..probe() }));
}

#[test]
fn rfc_4861_7_1_2_a_solicited_advertisement_has_one_receiver() {
    assert!(is_refused(&Ndp { destination: ALL_NODES, ..advert() }));
}

/// §4.3, §4.6, RFC 7527: "MUST silently ignore any options they do not recognize".
#[test]
fn rfc_4861_4_6_unknown_options_are_skipped() {
    let options = [&NONCE_OPTION[..], &SOURCE_OPTION, &[253, 2], &[0; 14]].concat();
    assert_eq!(request(&Ndp { options, ..solicit() }.frame()), request(&solicit().frame()));
}

/// §7.2.3: without a source link-layer address option the frame's sender is who asked.
#[test]
fn rfc_4861_7_2_3_a_solicitation_without_option_is_answered_to_its_sender() {
    let bare = Ndp { options: Vec::new(), destination: V6, ..solicit() };
    assert_eq!(answer(&bare.frame())[..6], THEIRS.0);
}

#[test]
fn rfc_4861_7_2_4_a_solicitation_is_answered_to_the_asker_solicited_and_override() {
    for asked in [solicit(), Ndp { destination: V6, ..solicit() }] {
        let sent = answer(&asked.frame());
        is_well_formed(&sent);
        assert_eq!(sent[..6], THEIRS.0);
        assert_eq!(addresses(&sent).1, CLIENT_V6);
        assert_eq!(sent[58], SOLICITED | OVERRIDE);
    }
}

/// §7.2.4: "If the source of the solicitation is the unspecified address, the node MUST set the Solicited flag to zero and
/// multicast the advertisement to the all-nodes address."
#[test]
fn rfc_4861_7_2_4_a_probe_is_answered_to_all_nodes_unsolicited() {
    for asked in [probe(), Ndp { options: Vec::new(), ..probe() }] {
        let sent = answer(&asked.frame());
        is_well_formed(&sent);
        assert_eq!(sent[..6], [0x33, 0x33, 0, 0, 0, 1]);
        assert_eq!(addresses(&sent).1, ALL_NODES);
        assert_eq!(sent[58], OVERRIDE);
    }
}

/// §7.2.6: to all nodes, Solicited zero, Override one. More than the three it permits in a row, the last ones seconds
/// apart: the first two are for frames lost while ports change.
#[test]
fn rfc_4861_7_2_6_unsolicited_advertisements_go_to_all_nodes_and_override() {
    let sent = announcements(V6.into(), Duration::from_secs(6));
    assert_eq!(
        sent.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
        [0, 10, 100, 1_000, 5_000],
        "one form only"
    );
    for (_, frame) in sent {
        is_well_formed(&frame);
        assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1]);
        assert_eq!((addresses(&frame).1, frame[58]), (ALL_NODES, OVERRIDE));
    }
}

/// §7.2.2, §4.3: to the solicited-node group, with the source's address where there is a source.
#[test]
fn rfc_4861_7_2_2_own_solicitations() {
    let mut frame = Vec::new();
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
    write_request(&mut frame, OURS, Some(link_local.into()), V6.into(), None);
    assert_eq!(frame[..6], [0x33, 0x33, 0xff, 0x12, 0x34, 0x56]);
    assert_eq!(addresses(&frame), (link_local, SOLICITED_NODE));
    assert_eq!(frame[78..], [&[1, 1][..], &OURS.0].concat(), "source link-layer address");
    let asked = request(&frame);
    assert_eq!((asked.target, asked.mac, asked.asker), (V6.into(), OURS, Some(link_local.into())));

    write_request(&mut frame, OURS, Some(link_local.into()), V6.into(), Some(THEIRS));
    assert_eq!((&frame[..6], addresses(&frame).1), (&THEIRS.0[..], V6), "§7.3.3: to the address itself");
}

/// RFC 4862 §5.4.2: from the unspecified address, no option.
#[test]
fn rfc_4862_5_4_2_own_probes() {
    let mut frame = Vec::new();
    write_request(&mut frame, OURS, None, V6.into(), None);
    assert_eq!(addresses(&frame), (Ipv6Addr::UNSPECIFIED, SOLICITED_NODE));
    assert_eq!((frame.len(), frame[21]), (78, 255));
    assert_eq!(request(&frame).asker, None);
}

/// RFC 4291 §2.7.1, RFC 2464 §7.
#[test]
fn rfc_4291_2_7_1_the_solicited_node_group_has_the_last_24_bits() {
    assert_eq!(solicited_node(V6), SOLICITED_NODE);
    assert_eq!(ferrolb_neighbor::group_mac(SOLICITED_NODE.into()), Mac([0x33, 0x33, 0xff, 0x12, 0x34, 0x56]));
}

#[test]
fn rfc_4861_7_2_5_an_advertisement_says_where_its_target_is() {
    let told = |message: &Ndp| {
        heard(&message.frame()).map(|message| match message {
            Message::Answer { address, mac, gratuitous } => (address, mac, gratuitous),
            other @ (Message::Request(_) | Message::Datagram { .. } | Message::Other) => panic!("{other:?}"),
        })
    };
    assert_eq!(told(&advert()), Ok((V6.into(), THEIRS, false)));
    let unsolicited = Ndp { flags: OVERRIDE, destination: ALL_NODES, ..advert() };
    assert_eq!(told(&unsolicited), Ok((V6.into(), THEIRS, true)));
    let bare = Ndp { options: Vec::new(), ..advert() };
    assert_eq!(told(&bare), Ok((V6.into(), THEIRS, false)), "§4.4: the option may be left out in a unicast");
}
