//! Frames as bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ferrolb_neighbor::{Answered, Heard, Mac, Message, Neighbor, Reject, Request, hear};
use ferrolb_sansio::Instant;

pub(crate) const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
pub(crate) const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 9]);
pub(crate) const V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
pub(crate) const CLIENT_V4: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 9);
pub(crate) const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0x12, 0x3456);
pub(crate) const CLIENT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 9);
pub(crate) const SOLICITED_NODE: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff12, 0x3456);
pub(crate) const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const PORT: u16 = 7114;

pub(crate) fn heard(frame: &[u8]) -> Result<Message<'_>, Reject> {
    hear(frame, PORT).map(|Heard { source: _, message }| message)
}

/// The request in a frame that must be one.
pub(crate) fn request(frame: &[u8]) -> Request {
    match heard(frame).unwrap() {
        Message::Request(request) => request,
        other @ (Message::Answer { .. } | Message::Datagram { .. } | Message::Other) => panic!("{other:?}"),
    }
}

/// What an owner sends to whoever asked by this frame.
pub(crate) fn answer(frame: &[u8]) -> Vec<u8> {
    let mut neighbor = Neighbor::new(OURS, 1_000, 1);
    assert_eq!(neighbor.answer(Instant::from_millis(1), request(frame)), Answered::Queued);
    let mut answer = Vec::new();
    neighbor.poll_answer(&mut answer).unwrap();
    answer
}

/// Every gratuitous frame about a VIP in the time after it is taken, with its millisecond.
pub(crate) fn announcements(vip: IpAddr, time: Duration) -> Vec<(u128, Vec<u8>)> {
    let mut neighbor = Neighbor::new(OURS, 1_000, 1);
    let start = Instant::from_millis(1_000);
    neighbor.start(start, vip);
    let (mut now, mut sent, mut frame) = (start, Vec::new(), Vec::new());
    while now <= start + time {
        neighbor.handle_timeout(now);
        while neighbor.poll_gratuitous(now, &mut frame).is_some() {
            sent.push((now.since(start).as_millis(), frame.clone()));
        }
        now = neighbor.poll_timeout(now).unwrap();
    }
    sent
}

/// An ARP packet as RFC 826 draws it.
#[derive(Clone, Copy)]
pub(crate) struct Arp {
    pub(crate) hardware: u16,
    pub(crate) protocol: u16,
    pub(crate) lengths: [u8; 2],
    pub(crate) operation: u16,
    pub(crate) sender: (Mac, Ipv4Addr),
    pub(crate) target: (Mac, Ipv4Addr),
}

/// "Who has the VIP?", asked by the client.
pub(crate) const WHO_HAS: Arp = Arp {
    hardware: 1,
    protocol: 0x0800,
    lengths: [6, 4],
    operation: 1,
    sender: (THEIRS, CLIENT_V4),
    target: (Mac([0; 6]), V4),
};

impl Arp {
    pub(crate) fn frame(&self, to: Mac, from: Mac) -> Vec<u8> {
        let mut frame = [to.0, from.0].concat();
        frame.extend(0x0806_u16.to_be_bytes());
        frame.extend(self.hardware.to_be_bytes());
        frame.extend(self.protocol.to_be_bytes());
        frame.extend(self.lengths);
        frame.extend(self.operation.to_be_bytes());
        for (mac, ip) in [self.sender, self.target] {
            frame.extend(mac.0);
            frame.extend(ip.octets());
        }
        frame
    }

    /// Sent to all by the client.
    pub(crate) fn broadcast(&self) -> Vec<u8> {
        self.frame(Mac::BROADCAST, THEIRS)
    }
}

/// A neighbour solicitation or advertisement as RFC 4861 §4.3 and §4.4 draw it, sent by the client.
#[derive(Clone)]
pub(crate) struct Ndp {
    pub(crate) source: Ipv6Addr,
    pub(crate) destination: Ipv6Addr,
    pub(crate) hop_limit: u8,
    pub(crate) kind: u8,
    pub(crate) code: u8,
    pub(crate) flags: u8,
    pub(crate) target: Ipv6Addr,
    pub(crate) options: Vec<u8>,
}

pub(crate) const SOLICIT: u8 = 135;
pub(crate) const ADVERT: u8 = 136;
/// Source and target link-layer address options with the client's address.
pub(crate) const SOURCE_OPTION: [u8; 8] = [1, 1, 2, 0, 0, 0, 0, 9];
pub(crate) const TARGET_OPTION: [u8; 8] = [2, 1, 2, 0, 0, 0, 0, 9];
/// RFC 7527 §4.1: Linux adds a nonce to its probes for duplicates.
pub(crate) const NONCE_OPTION: [u8; 8] = [14, 1, 1, 2, 3, 4, 5, 6];

/// "Who has the VIP?", asked by the client.
pub(crate) fn solicit() -> Ndp {
    Ndp {
        source: CLIENT_V6,
        destination: SOLICITED_NODE,
        hop_limit: 255,
        kind: SOLICIT,
        code: 0,
        flags: 0,
        target: V6,
        options: SOURCE_OPTION.to_vec(),
    }
}

/// "May I have the VIP?", asked by a station that has no address yet.
pub(crate) fn probe() -> Ndp {
    Ndp { source: Ipv6Addr::UNSPECIFIED, options: NONCE_OPTION.to_vec(), ..solicit() }
}

impl Ndp {
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut icmp = vec![self.kind, self.code, 0, 0, self.flags, 0, 0, 0];
        icmp.extend(self.target.octets());
        icmp.extend(&self.options);
        let sum = checksum(self.source, self.destination, &icmp);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        self.carry(&icmp)
    }

    /// The same with the message cut after so many octets, its checksum right.
    pub(crate) fn cut(&self, octets: usize) -> Vec<u8> {
        let mut icmp = self.frame()[54..54 + octets].to_vec();
        icmp[2..4].fill(0);
        let sum = checksum(self.source, self.destination, &icmp);
        icmp[2..4].copy_from_slice(&sum.to_be_bytes());
        self.carry(&icmp)
    }

    fn carry(&self, icmp: &[u8]) -> Vec<u8> {
        let to = match self.destination.octets() {
            [0xff, .., a, b, c, d] => [0x33, 0x33, a, b, c, d],
            _ => OURS.0,
        };
        let mut frame = [to, THEIRS.0].concat();
        frame.extend(0x86dd_u16.to_be_bytes());
        frame.extend([0x60, 0, 0, 0]);
        frame.extend(u16::try_from(icmp.len()).unwrap().to_be_bytes());
        frame.extend([58, self.hop_limit]);
        frame.extend(self.source.octets());
        frame.extend(self.destination.octets());
        frame.extend(icmp);
        frame
    }
}

/// RFC 4443 §2.3, RFC 8200 §8.1.
pub(crate) fn checksum(source: Ipv6Addr, destination: Ipv6Addr, icmp: &[u8]) -> u16 {
    let length = u32::try_from(icmp.len()).unwrap().to_be_bytes();
    let pseudo = [&source.octets()[..], &destination.octets(), &length, &[0, 0, 0, 58], icmp].concat();
    let words = pseudo.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap()
}

/// The IPv6 source and destination of a frame.
pub(crate) fn addresses(frame: &[u8]) -> (Ipv6Addr, Ipv6Addr) {
    let at = |from: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&frame[from..from + 16]).unwrap());
    (at(22), at(38))
}
