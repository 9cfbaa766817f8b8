//! RFC 5227 §2.4, RFC 4862 §5.4: who uses an address, who only asks whether it is used, and what is done about it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ferrolb_neighbor::{Mac, Message, Neighbor, Sent};
use ferrolb_sansio::Instant;

use crate::bytes::{
    ADVERT, ALL_NODES, Arp, CLIENT_V6, Ndp, OURS, TARGET_OPTION, THEIRS, V4, V6, WHO_HAS, heard, probe,
    request, solicit,
};

/// Whoever a message shows to use an address.
fn user(frame: &[u8]) -> Option<(IpAddr, Mac)> {
    match heard(frame).unwrap() {
        Message::Answer { address, mac, gratuitous: _ } => Some((address, mac)),
        Message::Request(request) => request.asker.map(|asker| (asker, request.mac)),
        Message::Datagram { .. } | Message::Other => None,
    }
}

#[test]
fn rfc_5227_any_arp_packet_from_the_address_is_a_conflict_whatever_it_asks_or_says() {
    let uses = (THEIRS, V4);
    let conflicts = [
        Arp { sender: uses, target: (Mac([0; 6]), V4), ..WHO_HAS },
        Arp { sender: uses, target: (THEIRS, V4), operation: 2, ..WHO_HAS },
        Arp { sender: uses, target: (OURS, Ipv4Addr::new(192, 0, 2, 1)), operation: 2, ..WHO_HAS },
        Arp { sender: uses, target: (Mac([0; 6]), Ipv4Addr::new(192, 0, 2, 1)), ..WHO_HAS },
    ];
    for conflict in conflicts {
        assert_eq!(user(&conflict.broadcast()), Some((V4.into(), THEIRS)));
    }
}

#[test]
fn rfc_5227_and_4862_a_probe_is_no_use_of_the_address() {
    let arp = Arp { sender: (THEIRS, Ipv4Addr::UNSPECIFIED), ..WHO_HAS };
    for frame in [arp.broadcast(), probe().frame()] {
        assert_eq!(user(&frame), None);
        assert_eq!(request(&frame).asker, None);
    }
}

#[test]
fn rfc_4862_advertisements_and_solicitations_from_the_address_are_conflicts() {
    let advert = Ndp {
        kind: ADVERT,
        flags: 0x20,
        destination: ALL_NODES,
        options: TARGET_OPTION.to_vec(),
        ..solicit()
    };
    let other = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
    let asks = Ndp { source: V6, target: CLIENT_V6, ..solicit() };
    for conflict in [advert.clone(), Ndp { source: other, flags: 0, ..advert }, asks] {
        assert_eq!(user(&conflict.frame()), Some((V6.into(), THEIRS)));
    }
}

/// RFC 5227 §2.4 (c), DEFEND_INTERVAL. The owner never stops.
#[test]
fn rfc_5227_a_conflict_is_answered_by_one_announcement_to_all_in_ten_seconds() {
    for (vip, to) in [(IpAddr::from(V4), [0xff; 6]), (IpAddr::from(V6), [0x33, 0x33, 0, 0, 0, 1])] {
        let mut neighbor = Neighbor::new(OURS, 1_000, 1);
        neighbor.set_witnesses(vec![Mac([2, 0, 0, 0, 0, 0xfe])]);
        let start = Instant::from_millis(1_000);
        neighbor.start(start, vip);
        let mut frame = Vec::new();
        let mut defences = Vec::new();
        for tenth in 0..600_u64 {
            let now = start + Duration::from_millis(100 * tenth);
            neighbor.handle_timeout(now);
            while neighbor.poll_gratuitous(now, &mut frame).is_some() {}
            if tenth >= 100 && neighbor.duplicate(now, vip, THEIRS) {
                assert_eq!(neighbor.poll_gratuitous(now, &mut frame), Some(Sent::Gratuitous));
                assert_eq!(frame[..6], to, "to all");
                let again = neighbor.poll_gratuitous(now, &mut frame);
                assert_eq!(again, None, "one announcement");
                defences.push(tenth / 10);
            }
        }
        assert_eq!(defences, [10, 20, 30, 40, 50], "seconds");
    }
}

#[test]
fn rfc_5227_an_address_that_is_not_ours_any_more_is_not_defended() {
    let mut neighbor = Neighbor::new(OURS, 1_000, 1);
    let now = Instant::from_millis(1_000);
    neighbor.start(now, V4.into());
    neighbor.duplicate(now, V4.into(), THEIRS);
    neighbor.stop(V4.into());
    assert_eq!(neighbor.poll_gratuitous(now, &mut Vec::new()), None);
}
