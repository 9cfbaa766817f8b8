//! RFC 826: packet reception, and the requests and announcements of RFC 5227.

use std::net::Ipv4Addr;
use std::time::Duration;

use ferrolb_neighbor::{Mac, Message, Reject, write_request};

use crate::bytes::{Arp, CLIENT_V4, OURS, THEIRS, V4, WHO_HAS, announcements, answer, heard, request};

#[test]
fn rfc_826_a_request_is_answered_to_its_sender_with_the_fields_swapped() {
    let expected = Arp { operation: 2, sender: (OURS, V4), target: (THEIRS, CLIENT_V4), ..WHO_HAS };
    assert_eq!(answer(&WHO_HAS.broadcast()), expected.frame(THEIRS, OURS));
    assert_eq!(answer(&WHO_HAS.frame(OURS, THEIRS)), expected.frame(THEIRS, OURS), "asked by unicast (NUD)");
}

#[test]
fn rfc_826_the_answer_goes_to_the_address_in_the_packet_not_in_the_frame() {
    let proxy = Mac([2, 0, 0, 0, 0, 77]);
    let asked = request(&WHO_HAS.frame(Mac::BROADCAST, proxy));
    assert_eq!((asked.mac, asked.sender), (THEIRS, proxy));
    assert_eq!(answer(&WHO_HAS.frame(Mac::BROADCAST, proxy))[..6], THEIRS.0);
}

#[test]
fn rfc_826_other_hardware_protocols_lengths_and_operations_are_left_alone() {
    let others = [
        Arp { hardware: 6, ..WHO_HAS },
        Arp { protocol: 0x86dd, ..WHO_HAS },
        Arp { operation: 3, ..WHO_HAS },
        Arp { operation: 0, ..WHO_HAS },
    ];
    for other in others {
        assert_eq!(heard(&other.broadcast()), Ok(Message::Other));
    }
    for lengths in [[8, 4], [6, 16], [0, 0], [255, 255]] {
        let told = heard(&Arp { lengths, ..WHO_HAS }.broadcast()).map(|message| message == Message::Other);
        assert!(matches!(told, Ok(true) | Err(Reject::Malformed)), "{lengths:?}: {told:?}");
    }
}

#[test]
fn rfc_826_short_packets_are_malformed_and_padding_is_ignored() {
    let whole = WHO_HAS.broadcast();
    for length in 14..whole.len() {
        assert_eq!(heard(&whole[..length]), Err(Reject::Malformed), "{length} octets");
    }
    let padded = [whole.clone(), vec![0xa5; 18]].concat();
    assert_eq!(request(&padded), request(&whole), "Ethernet's minimum is 60 octets");
}

#[test]
fn rfc_826_nobody_is_told_to_send_to_a_group() {
    for mac in [Mac::BROADCAST, Mac([1, 0, 0x5e, 0, 0, 1]), Mac([0; 6])] {
        let forged = Arp { sender: (mac, CLIENT_V4), ..WHO_HAS };
        assert_eq!(heard(&forged.broadcast()), Err(Reject::Implausible), "{mac} in the packet");
        assert_eq!(heard(&WHO_HAS.frame(OURS, mac)), Err(Reject::Implausible), "{mac} in the frame");
    }
}

/// RFC 5227 §2.1.1: "sender IP address" all zero. Whoever probes must hear that the address is taken, and no cache may
/// learn 0.0.0.0.
#[test]
fn rfc_5227_a_probe_is_answered_to_the_prober_alone() {
    let probe = Arp { sender: (THEIRS, Ipv4Addr::UNSPECIFIED), ..WHO_HAS };
    assert_eq!(request(&probe.broadcast()).asker, None);
    let expected =
        Arp { operation: 2, sender: (OURS, V4), target: (THEIRS, Ipv4Addr::UNSPECIFIED), ..WHO_HAS };
    assert_eq!(answer(&probe.broadcast()), expected.frame(THEIRS, OURS));
}

#[test]
fn rfc_5227_own_probes_bear_no_address_that_a_cache_could_learn() {
    let mut frame = Vec::new();
    write_request(&mut frame, OURS, None, V4.into(), None);
    let expected = Arp { sender: (OURS, Ipv4Addr::UNSPECIFIED), ..WHO_HAS };
    assert_eq!(frame, expected.frame(Mac::BROADCAST, OURS));
}

/// RFC 5227 §2.3 and §3: an announcement is a request with the address as sender and target. The reply form is for
/// neighbours that heed only that; its target hardware address is the sender's.
#[test]
fn rfc_5227_announcements_are_requests_and_replies_follow() {
    let request = Arp { sender: (OURS, V4), target: (Mac([0; 6]), V4), ..WHO_HAS };
    let reply = Arp { operation: 2, target: (OURS, V4), ..request };
    let sent = announcements(V4.into(), Duration::from_millis(5));
    let sent: Vec<_> = sent.into_iter().map(|(_, frame)| frame).collect();
    assert_eq!(sent, [request.frame(Mac::BROADCAST, OURS), reply.frame(Mac::BROADCAST, OURS)]);
}

/// RFC 5227 §1.1: ANNOUNCE_NUM 2; more, because ports come up late and frames get lost.
#[test]
fn rfc_5227_an_address_is_announced_at_least_twice() {
    let sent = announcements(V4.into(), Duration::from_secs(6));
    let times: Vec<_> = sent.iter().filter(|(_, frame)| frame[21] == 1).map(|(at, _)| *at).collect();
    assert_eq!(times, [0, 10, 100, 1_000, 5_000]);
}
