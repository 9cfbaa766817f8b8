//! Every kind of ARP and NDP frame that speakers send about a VIP or a gateway, as tshark reads it: a decoder that is not ours.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use anyhow::{Context, Result, bail, ensure};
use ferrolb_lab::{Lab, Space};
use ferrolb_tests::tshark::{Capture, Frame};
use libtest_mimic::Trial;

use crate::client::{owned_by, settled_owner};
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("tshark_reads_every_kind_of_arp_and_ndp_frame", Disturbs::Everybody, read_by_tshark)]
}

/// Of several owners that fall silent one VIP each is asked for, so each family has an owner of its own.
fn read_by_tshark(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let client = lab.client();
    let captures = [Capture::start(&lab.node("n1"), "eth0")?, Capture::start(&lab.node("n2"), "eth0")?];
    scene.pool("lan", 1)?;
    agnhost(scene, &["n1", "n2"])?;
    scene.annotated_load_balancer("four", "ferrolb.io/move-to: n1", "ipFamilies: [IPv4]")?;
    scene.annotated_load_balancer("six", "ferrolb.io/move-to: n2", "ipFamilies: [IPv6]")?;
    let (four, six) = (scene.address("four")?, scene.address("six")?);
    // Asks by ARP and NDP until one node answers.
    settled_owner(scene.cluster, four)?;
    settled_owner(scene.cluster, six)?;
    owned_by(lab, four, "n1")?;
    owned_by(lab, six, "n2")?;
    let wire = Wire { lab, four: four.to_string().parse()?, six: six.to_string().parse()? };
    probe_v4(&client, wire.four)?;
    probe_v6(&client, wire.six)?;
    taken_from_frozen_owners(&wire)?;

    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for capture in captures {
        for frame in wire.from_nodes(capture)? {
            *kinds.entry(wire.kind(&frame)?).or_default() += 1;
        }
    }
    println!("frames: {kinds:?}");
    for (kind, least) in ALL {
        let seen = kinds.get(&kind).copied().unwrap_or_default();
        ensure!(seen >= least, "of {kind:?} tshark saw {seen} frames, of all kinds {kinds:?}");
    }
    Ok(())
}

/// RFC 5227: a host that wants the address must hear that it is taken.
fn probe_v4(client: &Space, vip: Ipv4Addr) -> Result<()> {
    let vip = vip.to_string();
    let free = client.run(["arping", "-D", "-c", "2", "-w", "4", "-I", "eth0", &vip])?;
    ensure!(!free.success && free.stdout.contains("reply"), "{vip} seems free: {}", free.stdout);
    Ok(())
}

/// RFC 4862: the same, with the kernel of a host that gives itself the address.
fn probe_v6(client: &Space, vip: Ipv6Addr) -> Result<()> {
    let own = format!("{vip}/128");
    // The lab's hosts take addresses at once; this one is to ask before.
    client.check(["sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=1"])?;
    client.check(["ip", "address", "add", &own, "dev", "eth0"])?;
    let refused = wait_for(&format!("the client's kernel finds {vip} taken"), PATIENCE, || {
        let failed = client.check(["ip", "-6", "address", "show", "dev", "eth0", "dadfailed"])?;
        ensure!(failed.contains(&vip.to_string()), "it does not");
        Ok(())
    });
    client.check(["ip", "address", "delete", &own, "dev", "eth0"])?;
    client.check(["sysctl", "-qw", "net.ipv6.conf.eth0.accept_dad=0"])?;
    refused
}

/// Who misses an owner asks for what it owned: the owner first, then everybody.
fn taken_from_frozen_owners(wire: &Wire<'_>) -> Result<()> {
    const SPEAKER: &str = "ferrolb-speaker";
    let owners = [wire.lab.node("n1"), wire.lab.node("n2")];
    for owner in &owners {
        owner.freeze(SPEAKER)?;
    }
    let taken =
        owned_by(wire.lab, wire.four.into(), "n3").and_then(|()| owned_by(wire.lab, wire.six.into(), "n3"));
    for owner in &owners {
        owner.thaw(SPEAKER)?;
    }
    taken
}

/// What a frame of a node's is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    ArpProbe,
    ArpRequest,
    ArpRequestToOwner,
    ArpRequestToGateway,
    ArpAnnouncement,
    ArpGratuitousReply,
    ArpReply,
    ArpReplyToProbe,
    SolicitProbe,
    Solicit,
    SolicitToOwner,
    SolicitToGateway,
    AdvertSolicited,
    AdvertUnsolicited,
}

/// All kinds, and how many of each there are at least. Kernels too ask gateways from time to time, but not every second.
const ALL: [(Kind, usize); 14] = [
    (Kind::ArpProbe, 1),
    (Kind::ArpRequest, 1),
    (Kind::ArpRequestToOwner, 1),
    (Kind::ArpRequestToGateway, 5),
    (Kind::ArpAnnouncement, 1),
    (Kind::ArpGratuitousReply, 1),
    (Kind::ArpReply, 1),
    (Kind::ArpReplyToProbe, 1),
    (Kind::SolicitProbe, 1),
    (Kind::Solicit, 1),
    (Kind::SolicitToOwner, 1),
    (Kind::SolicitToGateway, 5),
    (Kind::AdvertSolicited, 1),
    (Kind::AdvertUnsolicited, 1),
];

const GATEWAY: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(192, 0, 2, 254), Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xfe));
const GATEWAYS_MAC: &str = "02:00:00:00:00:fe";
const BROADCAST: &str = "ff:ff:ff:ff:ff:ff";
const NOWHERE: &str = "00:00:00:00:00:00";

/// The segment, with a VIP of n1's and one of n2's.
struct Wire<'a> {
    lab: &'a Lab,
    four: Ipv4Addr,
    six: Ipv6Addr,
}

impl Wire<'_> {
    /// What nodes sent about the VIPs, and what they asked the gateway.
    fn from_nodes(&self, capture: Capture) -> Result<Vec<Frame>> {
        let (four, six, (gateway_v4, gateway_v6)) = (self.four, self.six, GATEWAY);
        let about = [
            format!("arp.src.proto_ipv4 == {four} || arp.dst.proto_ipv4 == {four}"),
            format!("(arp.opcode == 1 && arp.dst.proto_ipv4 == {gateway_v4})"),
            format!("icmpv6.nd.na.target_address == {six} || icmpv6.nd.ns.target_address == {six}"),
            format!("icmpv6.nd.ns.target_address == {gateway_v6}"),
        ];
        // What a frozen owner is asked for, its kernel takes for somebody else's: it redirects (RFC 4861 §8) and forwards, and so
        // does who gets that.
        let kernels = "icmpv6.type == 137 || (icmpv6.type == 135 && ipv6.hlim < 255)";
        let frames = capture.frames(&format!("({}) && !({kernels})", about.join(" || ")))?;
        Ok(frames.into_iter().filter(|frame| self.node(frame).is_ok()).collect())
    }

    fn node(&self, frame: &Frame) -> Result<String> {
        self.lab.node_with_mac(frame.get("eth.src")).context("it is not from a node")
    }

    /// What it is for; an error if it is not as the RFCs want it.
    fn kind(&self, frame: &Frame) -> Result<Kind> {
        match (frame.get("arp.opcode"), frame.get("icmpv6.type")) {
            ("1", _) => self.arp_request(frame),
            ("2", _) => self.arp_reply(frame),
            (_, "135") => self.solicit(frame),
            (_, "136") => self.advert(frame),
            _ => bail!("what is {frame:?} for?"),
        }
    }

    fn arp_request(&self, frame: &Frame) -> Result<Kind> {
        are_arp(frame)?;
        frame.are(&[("arp.dst.hw_mac", NOWHERE)])?;
        let (vip, target) = (self.four.to_string(), frame.get("arp.dst.proto_ipv4"));
        let sender = frame.get("arp.src.proto_ipv4");
        if sender == vip {
            frame.are(&[("arp.isannouncement", "1"), ("arp.dst.proto_ipv4", &vip)])?;
            return Ok(Kind::ArpAnnouncement);
        }
        if sender == "0.0.0.0" {
            // RFC 5227 §2.1.1: to all, and it says of no address where it is.
            frame.are(&[("arp.isprobe", "1"), ("arp.dst.proto_ipv4", &vip), ("eth.dst", BROADCAST)])?;
            return Ok(Kind::ArpProbe);
        }
        let own = self.node(frame)?.replace('n', "192.0.2.1");
        ensure!(sender == own, "it is not from {own}, the node's address: {frame:?}");
        match frame.get("eth.dst") {
            BROADCAST => Ok(Kind::ArpRequest),
            GATEWAYS_MAC if target == GATEWAY.0.to_string() => Ok(Kind::ArpRequestToGateway),
            to if target == vip && self.is_at(to, "n1") => Ok(Kind::ArpRequestToOwner),
            _ => bail!("it is sent to somebody else: {frame:?}"),
        }
    }

    fn arp_reply(&self, frame: &Frame) -> Result<Kind> {
        are_arp(frame)?;
        let (from, to, vip) = (frame.get("eth.src"), frame.get("eth.dst"), self.four.to_string());
        frame.are(&[("arp.src.proto_ipv4", &vip)])?;
        match frame.get("arp.dst.proto_ipv4") {
            target if target == vip => {
                frame.are(&[("arp.isgratuitous", "1"), ("arp.dst.hw_mac", from), ("eth.dst", BROADCAST)])?;
                Ok(Kind::ArpGratuitousReply)
            }
            "0.0.0.0" => frame.are(&[("arp.dst.hw_mac", to)]).map(|()| Kind::ArpReplyToProbe),
            _ => frame.are(&[("arp.dst.hw_mac", to)]).map(|()| Kind::ArpReply),
        }
    }

    fn solicit(&self, frame: &Frame) -> Result<Kind> {
        are_ndp(frame)?;
        let target: Ipv6Addr = frame.get("icmpv6.nd.ns.target_address").parse()?;
        let (group, groups_mac) = solicited_node(target);
        let (from, to) = (frame.get("ipv6.src"), frame.get("ipv6.dst"));
        if from == "::" {
            // RFC 4861 §4.3: to the group, and without its sender's station.
            frame.are(&[("ipv6.dst", &group), ("eth.dst", &groups_mac), ("icmpv6.opt.type", "")])?;
            ensure!(target == self.six, "it is no VIP that is asked for: {frame:?}");
            return Ok(Kind::SolicitProbe);
        }
        let number: u8 = self.node(frame)?.replace('n', "").parse()?;
        let own = [format!("fe80::ff:fe00:{:x}", 10 + number), format!("2001:db8:1::1{number}")];
        ensure!(own.iter().any(|own| from == own), "it is from none of {own:?}: {frame:?}");
        are_with_station(frame, "1")?;
        if to == group {
            frame.are(&[("eth.dst", &groups_mac)])?;
            return Ok(Kind::Solicit);
        }
        frame.are(&[("ipv6.dst", &target.to_string())])?;
        match frame.get("eth.dst") {
            GATEWAYS_MAC if target == GATEWAY.1 => Ok(Kind::SolicitToGateway),
            to if target == self.six && self.is_at(to, "n2") => Ok(Kind::SolicitToOwner),
            _ => bail!("it is sent to somebody else: {frame:?}"),
        }
    }

    fn advert(&self, frame: &Frame) -> Result<Kind> {
        are_ndp(frame)?;
        are_with_station(frame, "2")?;
        let vip = self.six.to_string();
        frame.are(&[
            ("ipv6.src", &vip),
            ("icmpv6.nd.na.target_address", &vip),
            ("icmpv6.nd.na.flag.r", "0"),
            ("icmpv6.nd.na.flag.o", "1"),
        ])?;
        match frame.get("icmpv6.nd.na.flag.s") {
            "1" => {
                let (to, station) = (frame.get("ipv6.dst"), frame.get("eth.dst"));
                ensure!(
                    !to.starts_with("ff") && !station.starts_with("33:33"),
                    "to all, but solicited: {frame:?}"
                );
                Ok(Kind::AdvertSolicited)
            }
            _ => frame.are(&[("ipv6.dst", "ff02::1")]).map(|()| Kind::AdvertUnsolicited),
        }
    }

    fn is_at(&self, mac: &str, node: &str) -> bool {
        self.lab.node_with_mac(mac).as_deref() == Some(node)
    }
}

/// RFC 826, and that it is its sender who says so.
fn are_arp(frame: &Frame) -> Result<()> {
    frame.are(&[
        ("arp.hw.type", "1"),
        ("arp.proto.type", "0x0800"),
        ("arp.hw.size", "6"),
        ("arp.proto.size", "4"),
        ("arp.src.hw_mac", frame.get("eth.src")),
    ])
}

/// RFC 4861 §7.1: what receivers check.
fn are_ndp(frame: &Frame) -> Result<()> {
    frame.are(&[("icmpv6.code", "0"), ("icmpv6.checksum.status", "1"), ("ipv6.hlim", "255")])
}

/// RFC 4861 §4.6.1: one option, the sender's station, or the target's, which is the same one here.
fn are_with_station(frame: &Frame, option: &str) -> Result<()> {
    frame.are(&[
        ("icmpv6.opt.type", option),
        ("icmpv6.opt.length", "1"),
        ("icmpv6.opt.linkaddr", frame.get("eth.src")),
    ])
}

/// The group of an address (RFC 4291 §2.7.1) and the station that it is sent to (RFC 2464 §7).
fn solicited_node(address: Ipv6Addr) -> (String, String) {
    let [.., a, b, c] = address.octets();
    let [high, low] = [u16::from_be_bytes([0xff, a]), u16::from_be_bytes([b, c])];
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, high, low);
    (group.to_string(), format!("33:33:ff:{a:02x}:{b:02x}:{c:02x}"))
}
