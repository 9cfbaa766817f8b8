//! Ethernet frames: ARP, NDP, and datagrams of direct neighbours.

use std::net::IpAddr;

use ferrolb_neighbor::{Mac, Message, hear, write_answer};

/// As it is, and with what no fuzzer finds: the checksum that ICMPv6 wants of it, or the port of the datagrams that are heard.
pub fn frame(bytes: &[u8]) {
    heard(bytes);
    let mut frame = bytes.to_vec();
    if let Some(checksum) = icmpv6_checksum(&frame) {
        frame[CHECKSUM..CHECKSUM + 2].copy_from_slice(&checksum.to_be_bytes());
        heard(&frame);
    } else if let Some(port) = udp(&frame).and_then(|at| frame.get_mut(at + 2..at + 4)) {
        port.copy_from_slice(&PORT.to_be_bytes());
        heard(&frame);
    }
}

/// Nobody is believed who is no single station, nor who may be no neighbour; what a datagram carries lies within the frame; and
/// whoever is answered understands that.
fn heard(frame: &[u8]) {
    let Ok(heard) = hear(frame, PORT) else { return };
    assert!(heard.source.is_unicast() && heard.source.0 == frame[6..12]);
    let ipv4 = match frame[12..14] {
        [8, 0] | [8, 6] => true,
        [0x86, 0xdd] => false,
        _ => return assert_eq!(heard.message, Message::Other),
    };
    let arp = frame[13] == 6;
    let hop_limit = || if ipv4 { frame[22] } else { frame[21] };
    match heard.message {
        Message::Request(request) => {
            assert!(arp || hop_limit() == 255, "RFC 4861 §7.1.1");
            assert!(request.mac.is_unicast() && request.sender == heard.source);
            assert!(request.target.is_ipv4() == ipv4 && !request.target.is_multicast());
            assert!(request.asker != Some(request.target) || !ipv4);
            if let Some(asker) = request.asker {
                assert!(asker.is_ipv4() == ipv4 && !asker.is_multicast() && !asker.is_unspecified());
            }
            if request.target != IpAddr::from([255; 4]) {
                let mut answer = Vec::new();
                write_answer(&mut answer, OURS, request.target, request.mac, request.asker);
                let expected = Message::Answer {
                    address: request.target,
                    mac: OURS,
                    gratuitous: request.asker.is_none() && (!ipv4 || request.target.is_unspecified()),
                };
                assert_eq!(hear(&answer, PORT).expect("an answer is heard").message, expected);
            }
        }
        Message::Answer { address, mac, gratuitous: _ } => {
            assert!(arp || hop_limit() == 255, "RFC 4861 §7.1.2");
            assert!(mac.is_unicast());
            assert!(address.is_ipv4() == ipv4 && !address.is_multicast());
        }
        Message::Datagram { source, payload } => {
            assert!(!arp && hop_limit() == 255);
            assert!(source.is_ipv4() == ipv4 && !source.is_multicast());
            let (whole, part) = (frame.as_ptr_range(), payload.as_ptr_range());
            // Behind the shortest headers of Ethernet, IP and UDP.
            let headers = ETHERNET + if ipv4 { 20 } else { 40 } + 8;
            assert!(payload.len() + headers <= frame.len());
            assert!(whole.start <= part.start && part.end <= whole.end);
        }
        Message::Other => {}
    }
}

const PORT: u16 = 7114;
const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
const ETHERNET: usize = 14;
const CHECKSUM: usize = ETHERNET + 40 + 2;

/// Where the UDP header begins, if there is one.
fn udp(frame: &[u8]) -> Option<usize> {
    let first = usize::from(*frame.get(ETHERNET)?);
    match frame[12..14] {
        [8, 0] if frame.get(23) == Some(&17) => Some(ETHERNET + 4 * (first & 15)),
        [0x86, 0xdd] if frame.get(20) == Some(&17) => Some(ETHERNET + 40),
        _ => None,
    }
}

/// RFC 4443 §2.3, if the frame is one of ICMPv6.
fn icmpv6_checksum(frame: &[u8]) -> Option<u16> {
    let ip = frame.get(ETHERNET..ETHERNET + 40)?;
    if frame[12..14] != [0x86, 0xdd] || ip[6] != 58 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([ip[4], ip[5]]));
    let message = frame.get(ETHERNET + 40..)?.get(..length)?;
    if length < 4 {
        return None;
    }
    let words = |octets: &[u8]| -> u64 {
        let word = |pair: &[u8]| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0));
        octets.chunks(2).map(word).sum()
    };
    let mut sum = words(&ip[8..]) + length as u64 + 58 + words(&message[..2]) + words(&message[4..]);
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).ok().map(|sum| !sum)
}
