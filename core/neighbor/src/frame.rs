use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet,
    Icmpv6Repr, IpProtocol, Ipv4Packet, Ipv4Repr, Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscRepr,
    UdpPacket, UdpRepr,
};

use crate::Mac;
use crate::heard::{group_mac, solicited_node};

const ETHERNET: usize = 14;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const HOP_LIMIT: u8 = 255;

/// One station: an IP address and where it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Station {
    /// Its address.
    pub ip: IpAddr,
    /// Its Ethernet address.
    pub mac: Mac,
}

/// The two forms of gratuitous ARP: some neighbours heed one, some the other. NDP has only one form.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Form {
    /// A request from the address for itself (RFC 5227 §3, "ARP announcement").
    Request,
    /// A reply nobody asked for. Its target hardware address is the sender's: Linux ignores the broadcast address
    /// there while an entry is younger than a second.
    Reply,
}

/// Writes the answer "`vip` is at `mac`" to the station `to`, or, without an address there, to a prober.
///
/// RFC 826; RFC 4861 §7.2.4: a probe from the unspecified address is answered to all nodes, unsolicited.
pub fn write_answer(frame: &mut Vec<u8>, mac: Mac, vip: IpAddr, to: Mac, asker: Option<IpAddr>) {
    match (vip, asker) {
        (IpAddr::V4(vip), asker) => {
            let target = match asker {
                Some(IpAddr::V4(asker)) => asker,
                Some(IpAddr::V6(_)) | None => Ipv4Addr::UNSPECIFIED,
            };
            write_arp(frame, mac, to, ArpOperation::Reply, (mac, vip), (to, target));
        }
        (IpAddr::V6(vip), Some(IpAddr::V6(asker))) => {
            let flags = NdiscNeighborFlags::SOLICITED | NdiscNeighborFlags::OVERRIDE;
            write_advert(frame, mac, to, asker, vip, flags);
        }
        (IpAddr::V6(vip), Some(IpAddr::V4(_)) | None) => write_unsolicited_advert(frame, mac, vip, None),
    }
}

/// Writes "`vip` is at `mac`" though nobody asked, to the station `to`, or to all.
pub fn write_gratuitous(frame: &mut Vec<u8>, mac: Mac, vip: IpAddr, form: Form, to: Option<Mac>) {
    let destination = to.unwrap_or(Mac::BROADCAST);
    match (vip, form) {
        (IpAddr::V4(vip), Form::Request) => {
            write_arp(frame, mac, destination, ArpOperation::Request, (mac, vip), (Mac::default(), vip));
        }
        (IpAddr::V4(vip), Form::Reply) => {
            write_arp(frame, mac, destination, ArpOperation::Reply, (mac, vip), (mac, vip));
        }
        (IpAddr::V6(vip), Form::Request | Form::Reply) => write_unsolicited_advert(frame, mac, vip, to),
    }
}

/// Writes the question who has `target`, from `own` (or, without an address, as a probe that touches no cache),
/// to the station `to`, or to all.
pub fn write_request(frame: &mut Vec<u8>, mac: Mac, own: Option<IpAddr>, target: IpAddr, to: Option<Mac>) {
    match target {
        IpAddr::V4(target) => {
            let sender = match own {
                Some(IpAddr::V4(own)) => own,
                Some(IpAddr::V6(_)) | None => Ipv4Addr::UNSPECIFIED,
            };
            let destination = to.unwrap_or(Mac::BROADCAST);
            write_arp(
                frame,
                mac,
                destination,
                ArpOperation::Request,
                (mac, sender),
                (Mac::default(), target),
            );
        }
        IpAddr::V6(target) => {
            let (source, option) = match own {
                Some(IpAddr::V6(own)) => (own, Some(EthernetAddress(mac.0).into())),
                Some(IpAddr::V4(_)) | None => (Ipv6Addr::UNSPECIFIED, None),
            };
            let group = solicited_node(target);
            let ip = if to.is_some() && option.is_some() { target } else { group };
            let solicit = NdiscRepr::NeighborSolicit { target_addr: target, lladdr: option };
            write_ndisc(frame, mac, to.unwrap_or_else(|| group_mac(group.into())), source, ip, solicit);
        }
    }
}

/// Writes a UDP datagram with TTL or hop limit 255 from and to `port`. Both addresses must be of one family; the
/// payload must fit the link, which is the caller's to know.
pub fn write_datagram(frame: &mut Vec<u8>, own: Station, to: Station, port: u16, payload: &[u8]) {
    let udp = UdpRepr { src_port: port, dst_port: port };
    let length = udp.header_len() + payload.len();
    let ip_length = match (own.ip, to.ip) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let ip = Ipv4Repr {
                src_addr: source,
                dst_addr: destination,
                next_header: IpProtocol::Udp,
                payload_len: length,
                hop_limit: HOP_LIMIT,
            };
            start(frame, own.mac, to.mac, EthernetProtocol::Ipv4, ip.buffer_len() + length);
            ip.emit(&mut Ipv4Packet::new_unchecked(&mut frame[ETHERNET..]), &ChecksumCapabilities::default());
            ip.buffer_len()
        }
        (_, _) => {
            let ip = Ipv6Repr {
                src_addr: mapped(own.ip),
                dst_addr: mapped(to.ip),
                next_header: IpProtocol::Udp,
                payload_len: length,
                hop_limit: HOP_LIMIT,
            };
            start(frame, own.mac, to.mac, EthernetProtocol::Ipv6, ip.buffer_len() + length);
            ip.emit(&mut Ipv6Packet::new_unchecked(&mut frame[ETHERNET..]));
            ip.buffer_len()
        }
    };
    udp.emit(
        &mut UdpPacket::new_unchecked(&mut frame[ETHERNET + ip_length..]),
        &own.ip.into(),
        &to.ip.into(),
        payload.len(),
        |buffer| buffer.copy_from_slice(payload),
        &ChecksumCapabilities::default(),
    );
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn write_arp(
    frame: &mut Vec<u8>,
    source: Mac,
    destination: Mac,
    operation: ArpOperation,
    sender: (Mac, Ipv4Addr),
    target: (Mac, Ipv4Addr),
) {
    let arp = ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr: EthernetAddress(sender.0.0),
        source_protocol_addr: sender.1,
        target_hardware_addr: EthernetAddress(target.0.0),
        target_protocol_addr: target.1,
    };
    start(frame, source, destination, EthernetProtocol::Arp, arp.buffer_len());
    arp.emit(&mut ArpPacket::new_unchecked(&mut frame[ETHERNET..]));
}

/// RFC 4861 §7.2.6: Override set, Solicited clear (with it set, Linux ignores a multicast advertisement).
fn write_unsolicited_advert(frame: &mut Vec<u8>, mac: Mac, vip: Ipv6Addr, to: Option<Mac>) {
    let destination = to.unwrap_or_else(|| group_mac(ALL_NODES.into()));
    write_advert(frame, mac, destination, ALL_NODES, vip, NdiscNeighborFlags::OVERRIDE);
}

/// Advertisements come from the VIP itself: it is the one address of the target's scope that is surely ours.
fn write_advert(
    frame: &mut Vec<u8>,
    mac: Mac,
    to: Mac,
    destination: Ipv6Addr,
    vip: Ipv6Addr,
    flags: NdiscNeighborFlags,
) {
    let lladdr = Some(EthernetAddress(mac.0).into());
    let advert = NdiscRepr::NeighborAdvert { flags, target_addr: vip, lladdr };
    write_ndisc(frame, mac, to, vip, destination, advert);
}

fn write_ndisc(
    frame: &mut Vec<u8>,
    mac: Mac,
    to: Mac,
    source: Ipv6Addr,
    destination: Ipv6Addr,
    message: NdiscRepr<'_>,
) {
    let icmp = Icmpv6Repr::Ndisc(message);
    let ip = Ipv6Repr {
        src_addr: source,
        dst_addr: destination,
        next_header: IpProtocol::Icmpv6,
        payload_len: icmp.buffer_len(),
        hop_limit: HOP_LIMIT,
    };
    start(frame, mac, to, EthernetProtocol::Ipv6, ip.buffer_len() + icmp.buffer_len());
    ip.emit(&mut Ipv6Packet::new_unchecked(&mut frame[ETHERNET..]));
    icmp.emit(
        &source,
        &destination,
        &mut Icmpv6Packet::new_unchecked(&mut frame[ETHERNET + ip.buffer_len()..]),
        &ChecksumCapabilities::default(),
    );
}

fn start(frame: &mut Vec<u8>, source: Mac, destination: Mac, protocol: EthernetProtocol, payload: usize) {
    frame.clear();
    frame.resize(ETHERNET + payload, 0);
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame[..]);
    ethernet.set_src_addr(EthernetAddress(source.0));
    ethernet.set_dst_addr(EthernetAddress(destination.0));
    ethernet.set_ethertype(protocol);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heard::{Message, Request, hear};

    const OURS: Mac = Mac([2, 0, 0, 0, 0, 1]);
    const THEIRS: Mac = Mac([2, 0, 0, 0, 0, 2]);
    const PORT: u16 = 7114;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The four rows of a Linux client's table that it heeds, byte by byte where it looks.
    #[test]
    fn gratuitous_frames_have_the_form_neighbours_heed() {
        let mut frame = Vec::new();
        write_gratuitous(&mut frame, OURS, ip("192.0.2.7"), Form::Request, None);
        assert_eq!(&frame[..6], &[0xff; 6]);
        assert_eq!(frame[20..22], [0, 1], "request");
        assert_eq!(frame[28..32], frame[38..42], "sender and target address are the VIP");
        write_gratuitous(&mut frame, OURS, ip("192.0.2.7"), Form::Reply, Some(THEIRS));
        assert_eq!(frame[..6], THEIRS.0);
        assert_eq!(frame[20..22], [0, 2], "reply");
        assert_eq!(frame[22..28], frame[32..38], "target hardware address is the sender's");
        write_gratuitous(&mut frame, OURS, ip("2001:db8::7"), Form::Request, None);
        assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1]);
        assert_eq!(frame[21], 255, "hop limit");
        assert_eq!(frame[58], 0x20, "Router clear, Solicited clear, Override set");
    }

    #[test]
    fn what_is_written_is_heard() {
        let mut frame = Vec::new();
        for (vip, asker) in [("192.0.2.7", "192.0.2.9"), ("2001:db8::7", "2001:db8::9")] {
            let (vip, asker) = (ip(vip), ip(asker));
            write_request(&mut frame, THEIRS, Some(asker), vip, None);
            let request = Request { target: vip, mac: THEIRS, sender: THEIRS, asker: Some(asker) };
            assert_eq!(hear(&frame, PORT).unwrap().message, Message::Request(request));
            write_request(&mut frame, THEIRS, None, vip, Some(OURS));
            let probe = Request { asker: None, ..request };
            assert_eq!(hear(&frame, PORT).unwrap().message, Message::Request(probe));
            write_answer(&mut frame, OURS, vip, THEIRS, Some(asker));
            let answer = Message::Answer { address: vip, mac: OURS, gratuitous: false };
            assert_eq!(hear(&frame, PORT).unwrap().message, answer);
            write_gratuitous(&mut frame, OURS, vip, Form::Request, None);
            let gratuitous = Message::Answer { address: vip, mac: OURS, gratuitous: true };
            assert_eq!(hear(&frame, PORT).unwrap().message, gratuitous);
            write_datagram(
                &mut frame,
                Station { ip: asker, mac: THEIRS },
                Station { ip: vip, mac: OURS },
                PORT,
                b"hello",
            );
            let heard = hear(&frame, PORT).unwrap();
            assert_eq!(heard.message, Message::Datagram { source: asker, payload: b"hello" });
            assert_eq!(heard.source, THEIRS);
        }
    }

    /// RFC 4861 §7.2.4: a solicitation from the unspecified address is answered to all nodes with S clear.
    #[test]
    fn probes_for_duplicates_are_answered_to_all_nodes() {
        let mut frame = Vec::new();
        write_answer(&mut frame, OURS, ip("2001:db8::7"), THEIRS, None);
        assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1]);
        assert_eq!(frame[58], 0x20);
        write_answer(&mut frame, OURS, ip("2001:db8::7"), THEIRS, Some(ip("2001:db8::9")));
        assert_eq!(frame[..6], THEIRS.0);
        assert_eq!(frame[58], 0x60, "Solicited and Override set");
    }

    /// Mutations of every frame we can write: nothing panics, and what is refused has a reason.
    #[test]
    fn no_mutation_of_a_frame_panics() {
        let mut rng = ferrolb_sansio::Rng::new(42);
        let mut seeds: Vec<Vec<u8>> = vec![Vec::new(); 5];
        write_request(&mut seeds[0], THEIRS, Some(ip("192.0.2.9")), ip("192.0.2.7"), None);
        write_request(&mut seeds[1], THEIRS, Some(ip("2001:db8::9")), ip("2001:db8::7"), None);
        write_answer(&mut seeds[2], OURS, ip("2001:db8::7"), THEIRS, None);
        let (v4, v6) = (ip("192.0.2.9"), ip("2001:db8::9"));
        let station = |ip| Station { ip, mac: OURS };
        write_datagram(&mut seeds[3], station(v4), station(ip("224.0.0.254")), PORT, &[7; 60]);
        write_datagram(&mut seeds[4], station(v6), station(ip("ff02::114")), PORT, &[7; 60]);
        let mut refused = 0;
        for round in 0..100_000usize {
            let mut frame = seeds[round % seeds.len()].clone();
            for _ in 0..=rng.below(4) {
                let at = usize::try_from(rng.below(frame.len() as u64)).unwrap();
                frame[at] = rng.next().to_le_bytes()[0];
            }
            if rng.below(3) == 0 {
                frame.truncate(usize::try_from(rng.below(frame.len() as u64)).unwrap());
            }
            refused += u32::from(hear(&frame, PORT).is_err());
        }
        assert!(refused > 10_000, "only {refused} mutations were refused: the checks do not check");
    }
}
