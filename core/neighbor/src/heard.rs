use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetFrame, EthernetProtocol, Icmpv6Packet, Icmpv6Repr, IpProtocol,
    Ipv4Packet, Ipv6Packet, NdiscRepr, UdpPacket,
};

use crate::Mac;

/// An Ethernet frame from the network, checked and cut down to what layer 2 wants to know of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard<'a> {
    /// The station that sent the frame, by its Ethernet header.
    pub source: Mac,
    /// What it says.
    pub message: Message<'a>,
}

/// What a heard frame says. ARP and NDP say the same things; the family is that of the addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    /// Somebody asks who has `target`: an ARP request or a neighbour solicitation.
    Request(Request),
    /// Somebody says that `address` is at `mac`: an ARP reply, a gratuitous ARP in either form, a neighbour
    /// advertisement.
    Answer {
        /// The address said to be there.
        address: IpAddr,
        /// Where it is said to be.
        mac: Mac,
        /// Nobody asked: both addresses of the ARP are the same, or the advertisement is unsolicited.
        gratuitous: bool,
    },
    /// A UDP datagram to the port given, sent by a direct neighbour (TTL or hop limit 255).
    Datagram {
        /// The sender's IP address.
        source: IpAddr,
        /// What it carries; nothing in it was checked.
        payload: &'a [u8],
    },
    /// Anything else; not an error.
    Other,
}

/// A question who has an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Request {
    /// The address asked for.
    pub target: IpAddr,
    /// Who asks; answers go there.
    pub mac: Mac,
    /// The station that sent the frame: what it may ask is counted by this, which is harder to forge through a switch.
    pub sender: Mac,
    /// The asker's address; none in probes for duplicates (RFC 5227 §2.1.1, RFC 4862 §5.4.2).
    pub asker: Option<IpAddr>,
}

/// Why a frame is not heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reject {
    /// Its lengths contradict each other, or its checksum is wrong.
    Malformed,
    /// It is well-formed but may not be sent like this (RFC 4861 §7.1, RFC 826).
    Implausible,
}

const HOP_LIMIT: u8 = 255;

/// Checks one Ethernet frame; datagrams are those to UDP port `port`. Never panics, whatever the bytes.
pub fn hear(frame: &[u8], port: u16) -> Result<Heard<'_>, Reject> {
    let ethernet = EthernetFrame::new_checked(frame).map_err(|_| Reject::Malformed)?;
    let source = Mac(ethernet.src_addr().0);
    if !source.is_unicast() {
        return Err(Reject::Implausible);
    }
    let message = match ethernet.ethertype() {
        EthernetProtocol::Arp => hear_arp(ethernet.payload(), source),
        EthernetProtocol::Ipv4 => hear_ipv4(ethernet.payload(), port),
        EthernetProtocol::Ipv6 => hear_ipv6(ethernet.payload(), source, port),
        EthernetProtocol::Unknown(_) => Ok(Message::Other),
    }?;
    Ok(Heard { source, message })
}

fn hear_arp(packet: &[u8], source: Mac) -> Result<Message<'_>, Reject> {
    let packet = ArpPacket::new_checked(packet).map_err(|_| Reject::Malformed)?;
    let Ok(ArpRepr::EthernetIpv4 {
        operation,
        source_hardware_addr,
        source_protocol_addr: sender,
        target_protocol_addr: target,
        ..
    }) = ArpRepr::parse(&packet)
    else {
        return Ok(Message::Other);
    };
    let mac = Mac(source_hardware_addr.0);
    if !mac.is_unicast() || target.is_multicast() || sender.is_multicast() || sender.is_broadcast() {
        return Err(Reject::Implausible);
    }
    match operation {
        ArpOperation::Request | ArpOperation::Reply if sender == target => {
            Ok(Message::Answer { address: sender.into(), mac, gratuitous: true })
        }
        ArpOperation::Request => {
            let asker = Some(sender).filter(|sender| !sender.is_unspecified()).map(IpAddr::from);
            Ok(Message::Request(Request { target: target.into(), mac, sender: source, asker }))
        }
        ArpOperation::Reply => Ok(Message::Answer { address: sender.into(), mac, gratuitous: false }),
        ArpOperation::Unknown(_) => Ok(Message::Other),
    }
}

fn hear_ipv4(packet: &[u8], port: u16) -> Result<Message<'_>, Reject> {
    let packet = Ipv4Packet::new_checked(packet).map_err(|_| Reject::Malformed)?;
    if packet.version() != 4 {
        return Err(Reject::Malformed);
    }
    if packet.next_header() != IpProtocol::Udp || packet.more_frags() || packet.frag_offset() != 0 {
        return Ok(Message::Other);
    }
    hear_udp(packet.payload(), packet.src_addr().into(), packet.hop_limit(), port)
}

fn hear_ipv6(packet: &[u8], source: Mac, port: u16) -> Result<Message<'_>, Reject> {
    let packet = Ipv6Packet::new_checked(packet).map_err(|_| Reject::Malformed)?;
    if packet.version() != 6 {
        return Err(Reject::Malformed);
    }
    match packet.next_header() {
        IpProtocol::Udp => hear_udp(packet.payload(), packet.src_addr().into(), packet.hop_limit(), port),
        IpProtocol::Icmpv6 => hear_icmpv6(&packet, source),
        IpProtocol::HopByHop
        | IpProtocol::Icmp
        | IpProtocol::Igmp
        | IpProtocol::Tcp
        | IpProtocol::Ipv6Route
        | IpProtocol::Ipv6Frag
        | IpProtocol::IpSecEsp
        | IpProtocol::IpSecAh
        | IpProtocol::Ipv6NoNxt
        | IpProtocol::Ipv6Opts
        | IpProtocol::Unknown(_) => Ok(Message::Other),
    }
}

/// The UDP checksum is not verified: what a datagram carries is authenticated, which says more.
fn hear_udp(packet: &[u8], source: IpAddr, hop_limit: u8, port: u16) -> Result<Message<'_>, Reject> {
    let udp = UdpPacket::new_checked(packet).map_err(|_| Reject::Malformed)?;
    if udp.dst_port() != port {
        return Ok(Message::Other);
    }
    if hop_limit != HOP_LIMIT || source.is_multicast() {
        return Err(Reject::Implausible);
    }
    Ok(Message::Datagram { source, payload: udp.payload() })
}

/// Validates as RFC 4861 §7.1.1 and §7.1.2 ask.
fn hear_icmpv6<'a>(ip: &Ipv6Packet<&'a [u8]>, source: Mac) -> Result<Message<'a>, Reject> {
    let icmp = Icmpv6Packet::new_checked(ip.payload()).map_err(|_| Reject::Malformed)?;
    if !icmp.msg_type().is_ndisc() {
        return Ok(Message::Other);
    }
    if ip.hop_limit() != HOP_LIMIT || icmp.msg_code() != 0 {
        return Err(Reject::Implausible);
    }
    let (from, to) = (ip.src_addr(), ip.dst_addr());
    let Ok(Icmpv6Repr::Ndisc(message)) =
        Icmpv6Repr::parse(&from, &to, &icmp, &ChecksumCapabilities::default())
    else {
        return Err(Reject::Malformed);
    };
    match message {
        NdiscRepr::NeighborSolicit { target_addr: target, lladdr } => {
            let probe = from.is_unspecified();
            let misplaced_probe = probe && (lladdr.is_some() || to != solicited_node(target));
            if target.is_multicast() || from.is_multicast() || misplaced_probe {
                return Err(Reject::Implausible);
            }
            let mac = option_mac(lladdr.as_ref().map(|option| option.as_bytes())).unwrap_or(source);
            let asker = (!probe).then_some(IpAddr::from(from));
            Ok(Message::Request(Request { target: target.into(), mac, sender: source, asker }))
        }
        NdiscRepr::NeighborAdvert { flags, target_addr: target, lladdr } => {
            let solicited = flags.contains(smoltcp::wire::NdiscNeighborFlags::SOLICITED);
            if target.is_multicast() || (solicited && to.is_multicast()) {
                return Err(Reject::Implausible);
            }
            let mac = option_mac(lladdr.as_ref().map(|option| option.as_bytes())).unwrap_or(source);
            Ok(Message::Answer { address: target.into(), mac, gratuitous: !solicited })
        }
        NdiscRepr::RouterSolicit { .. } | NdiscRepr::RouterAdvert { .. } | NdiscRepr::Redirect { .. } => {
            Ok(Message::Other)
        }
    }
}

fn option_mac(option: Option<&[u8]>) -> Option<Mac> {
    option.and_then(|octets| <[u8; 6]>::try_from(octets).ok()).map(Mac).filter(|mac| mac.is_unicast())
}

/// The group that solicitations of `address` are sent to (RFC 4291 §2.7.1).
pub fn solicited_node(address: Ipv6Addr) -> Ipv6Addr {
    let [.., a, b, c] = address.octets();
    let low = u16::from_be_bytes([b, c]);
    Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), low)
}

/// The Ethernet group of an IP group (RFC 1112 §6.4, RFC 2464 §7).
pub fn group_mac(group: IpAddr) -> Mac {
    match group {
        IpAddr::V4(group) => {
            let [_, b, c, d] = Ipv4Addr::octets(&group);
            Mac([0x01, 0x00, 0x5e, b & 0x7f, c, d])
        }
        IpAddr::V6(group) => {
            let [.., a, b, c, d] = group.octets();
            Mac([0x33, 0x33, a, b, c, d])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_map_to_ethernet_as_the_rfcs_say() {
        let vip: Ipv6Addr = "2001:db8::12:3456".parse().unwrap();
        let group = solicited_node(vip);
        assert_eq!(group.to_string(), "ff02::1:ff12:3456");
        assert_eq!(group_mac(group.into()).to_string(), "33:33:ff:12:34:56");
        assert_eq!(group_mac(IpAddr::from([224, 0, 0, 254])).to_string(), "01:00:5e:00:00:fe");
    }

    /// A duplicate-address probe as Linux sends it: from ::, no option.
    #[test]
    fn hears_a_probe_for_duplicates_captured_from_linux() {
        let frame = hex("3333ff000001 020000000001 86dd 6000000000183aff 00000000000000000000000000000000 \
             ff0200000000000000000001ff000001 87004a4e00000000 20010db8000000000000000000000001");
        let frame = fix_checksum(frame);
        assert_eq!(
            hear(&frame, 7114).unwrap().message,
            Message::Request(Request {
                target: "2001:db8::1".parse().unwrap(),
                mac: Mac([2, 0, 0, 0, 0, 1]),
                sender: Mac([2, 0, 0, 0, 0, 1]),
                asker: None
            })
        );
    }

    #[test]
    fn neighbour_messages_from_beyond_a_router_are_implausible() {
        let mut frame =
            hex("3333ff000001 020000000001 86dd 6000000000183a40 20010db8000000000000000000000009 \
             ff0200000000000000000001ff000001 8700000000000000 20010db8000000000000000000000001");
        frame = fix_checksum(frame);
        assert_eq!(hear(&frame, 7114), Err(Reject::Implausible), "RFC 4861 §7.1.1: hop limit 255");
    }

    /// RFC 4861 §6.1: an option of length zero must be discarded; longer ones must fit.
    #[test]
    fn options_of_impossible_length_are_malformed() {
        for length in [0u8, 2, 32, 255] {
            let mut frame =
                hex("3333ff000001 020000000001 86dd 6000000000203aff 20010db8000000000000000000000009 \
                 ff0200000000000000000001ff000001 8700000000000000 20010db8000000000000000000000001 \
                 0101020000000001");
            frame[14 + 40 + 24 + 1] = length;
            assert_eq!(hear(&fix_checksum(frame), 7114), Err(Reject::Malformed), "length {length}");
        }
    }

    #[test]
    fn a_wrong_checksum_is_malformed() {
        let frame = hex("3333ff000001 020000000001 86dd 6000000000183aff 00000000000000000000000000000000 \
             ff0200000000000000000001ff000001 8700dead00000000 20010db8000000000000000000000001");
        assert_eq!(hear(&frame, 7114), Err(Reject::Malformed));
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap()).collect()
    }

    fn fix_checksum(mut frame: Vec<u8>) -> Vec<u8> {
        let ip = Ipv6Packet::new_unchecked(&frame[14..]);
        let (from, to) = (ip.src_addr(), ip.dst_addr());
        Icmpv6Packet::new_unchecked(&mut frame[54..]).fill_checksum(&from, &to);
        frame
    }
}
