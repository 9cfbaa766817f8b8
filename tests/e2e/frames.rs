//! Every kind of ARP and NDP frame that a speaker sends about a VIP, as tshark reads it: a decoder that is not ours.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use ferrolb_lab::{Running, Space};
use libtest_mimic::Trial;
use nix::sys::signal::Signal;

use crate::client::settled_owner;
use crate::scene::Scene;
use crate::trial::{Disturbs, trial};
use crate::wait::{PATIENCE, wait_for};
use crate::workload::agnhost;

pub(crate) fn trials() -> Vec<Trial> {
    vec![trial("tshark_reads_every_kind_of_arp_and_ndp_frame", Disturbs::Everybody, read_by_tshark)]
}

fn read_by_tshark(scene: &Scene<'_>) -> Result<()> {
    let lab = &scene.cluster.lab;
    let client = lab.client();
    let capture = Capture::start(&client)?;
    scene.pool("lan", 1)?;
    agnhost(scene, &["n1", "n2"])?;
    scene.load_balancer("web", "ipFamilyPolicy: RequireDualStack")?;
    let addresses = scene.addresses("web")?;
    let v4 = addresses.iter().find(|address| address.is_ipv4()).context("it has an IPv4 address")?;
    let v6 = addresses.iter().find(|address| address.is_ipv6()).context("it has an IPv6 address")?;
    // Asks by ARP and NDP until one node answers.
    settled_owner(scene.cluster, *v4)?;
    settled_owner(scene.cluster, *v6)?;
    probe_v4(&client, *v4)?;
    probe_v6(&client, *v6)?;
    let frames = capture.frames(lab, *v4, *v6)?;

    let kinds: BTreeSet<Kind> = frames.iter().map(|frame| frame.kind(*v4, *v6)).collect::<Result<_>>()?;
    ensure!(kinds == BTreeSet::from(ALL), "tshark saw these kinds only: {kinds:?}");
    Ok(())
}

/// RFC 5227: a host that wants the address must hear that it is taken.
fn probe_v4(client: &Space, vip: IpAddr) -> Result<()> {
    let vip = vip.to_string();
    let free = client.run(["arping", "-D", "-c", "2", "-w", "4", "-I", "eth0", &vip])?;
    ensure!(!free.success && free.stdout.contains("reply"), "{vip} seems free: {}", free.stdout);
    Ok(())
}

/// RFC 4862: the same, with the kernel of a host that gives itself the address.
fn probe_v6(client: &Space, vip: IpAddr) -> Result<()> {
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

/// What a frame of a speaker's is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    ArpAnnouncement,
    ArpGratuitousReply,
    ArpReply,
    ArpReplyToProbe,
    AdvertSolicited,
    AdvertUnsolicited,
}

const ALL: [Kind; 6] = [
    Kind::ArpAnnouncement,
    Kind::ArpGratuitousReply,
    Kind::ArpReply,
    Kind::ArpReplyToProbe,
    Kind::AdvertSolicited,
    Kind::AdvertUnsolicited,
];

/// A running tcpdump.
struct Capture<'a> {
    client: &'a Space,
    file: String,
    tcpdump: Running,
}

impl<'a> Capture<'a> {
    fn start(client: &'a Space) -> Result<Self> {
        let file = format!("/tmp/frames-{}.pcap", std::process::id());
        let mut command = client.command([
            "tcpdump",
            "-i",
            "eth0",
            "-U",
            "--immediate-mode",
            "-w",
            &file,
            "arp or icmp6",
        ])?;
        let tcpdump =
            client.spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
        wait_for("tcpdump listens", PATIENCE, || client.check(["test", "-s", &file]).map(drop))?;
        Ok(Self { client, file, tcpdump })
    }

    /// What nodes sent about the VIPs, in tshark's words.
    fn frames(mut self, lab: &ferrolb_lab::Lab, v4: IpAddr, v6: IpAddr) -> Result<Vec<Frame>> {
        self.tcpdump.signal(Signal::SIGINT)?;
        self.tcpdump.wait()?;
        let about = format!("(arp.src.proto_ipv4 == {v4} || icmpv6.nd.na.target_address == {v6})");
        let all = self.tshark(&about)?;
        let wrong = self.tshark(&format!("{about} && (_ws.malformed || _ws.expert.severity >= 8388608)"))?;
        self.client.check(["rm", &self.file])?;
        ensure!(wrong.is_empty(), "tshark finds errors in {wrong:?}");
        Ok(all.into_iter().filter(|frame| lab.node_with_mac(frame.get("eth.src")).is_some()).collect())
    }

    fn tshark(&self, filter: &str) -> Result<Vec<Frame>> {
        let mut arguments =
            vec!["tshark", "-n", "-r", &self.file, "-Y", filter, "-T", "fields", "-E", "separator=|"];
        arguments.extend(FIELDS.iter().flat_map(|field| ["-e", field]));
        let lines = self.client.check(arguments)?;
        Ok(lines.lines().map(|line| Frame(line.split('|').map(str::to_owned).collect())).collect())
    }
}

const FIELDS: [&str; 26] = [
    "eth.src",
    "eth.dst",
    "arp.hw.type",
    "arp.proto.type",
    "arp.hw.size",
    "arp.proto.size",
    "arp.opcode",
    "arp.isgratuitous",
    "arp.isannouncement",
    "arp.src.hw_mac",
    "arp.src.proto_ipv4",
    "arp.dst.hw_mac",
    "arp.dst.proto_ipv4",
    "ipv6.src",
    "ipv6.dst",
    "ipv6.hlim",
    "icmpv6.type",
    "icmpv6.code",
    "icmpv6.checksum.status",
    "icmpv6.nd.na.flag.r",
    "icmpv6.nd.na.flag.s",
    "icmpv6.nd.na.flag.o",
    "icmpv6.nd.na.target_address",
    "icmpv6.opt.type",
    "icmpv6.opt.length",
    "icmpv6.opt.linkaddr",
];

/// The fields of one frame, in the order of [`FIELDS`].
#[derive(Debug)]
struct Frame(Vec<String>);

impl Frame {
    fn get(&self, field: &str) -> &str {
        let place = FIELDS.iter().position(|name| *name == field);
        place.and_then(|place| self.0.get(place)).map_or("", String::as_str)
    }

    fn are(&self, expected: &[(&str, &str)]) -> Result<()> {
        for (field, value) in expected {
            ensure!(self.get(field) == *value, "{field} is not {value} in {self:?}");
        }
        Ok(())
    }

    /// What it is for; an error if it is not as the RFCs want it.
    fn kind(&self, v4: IpAddr, v6: IpAddr) -> Result<Kind> {
        match self.get("arp.opcode") {
            "" => self.advert(&v6.to_string()),
            operation => self.arp(operation, &v4.to_string()),
        }
    }

    fn arp(&self, operation: &str, vip: &str) -> Result<Kind> {
        let (from, to) = (self.get("eth.src"), self.get("eth.dst"));
        self.are(&[
            ("arp.hw.type", "1"),
            ("arp.proto.type", "0x0800"),
            ("arp.hw.size", "6"),
            ("arp.proto.size", "4"),
            ("arp.src.hw_mac", from),
            ("arp.src.proto_ipv4", vip),
        ])?;
        match (operation, self.get("arp.dst.proto_ipv4")) {
            ("1", target) if target == vip => {
                self.are(&[("arp.isannouncement", "1"), ("arp.dst.hw_mac", "00:00:00:00:00:00")])?;
                Ok(Kind::ArpAnnouncement)
            }
            ("2", target) if target == vip => {
                self.are(&[("arp.isgratuitous", "1"), ("arp.dst.hw_mac", from), ("eth.dst", BROADCAST)])?;
                Ok(Kind::ArpGratuitousReply)
            }
            ("2", "0.0.0.0") => self.are(&[("arp.dst.hw_mac", to)]).map(|()| Kind::ArpReplyToProbe),
            ("2", _) => self.are(&[("arp.dst.hw_mac", to)]).map(|()| Kind::ArpReply),
            _ => bail!("what is {self:?} for?"),
        }
    }

    fn advert(&self, vip: &str) -> Result<Kind> {
        self.are(&[
            ("icmpv6.type", "136"),
            ("icmpv6.code", "0"),
            ("icmpv6.checksum.status", "1"),
            ("ipv6.hlim", "255"),
            ("ipv6.src", vip),
            ("icmpv6.nd.na.target_address", vip),
            ("icmpv6.nd.na.flag.r", "0"),
            ("icmpv6.nd.na.flag.o", "1"),
            ("icmpv6.opt.type", "2"),
            ("icmpv6.opt.length", "1"),
            ("icmpv6.opt.linkaddr", self.get("eth.src")),
        ])?;
        match self.get("icmpv6.nd.na.flag.s") {
            "1" => {
                let (to, station) = (self.get("ipv6.dst"), self.get("eth.dst"));
                ensure!(
                    !to.starts_with("ff") && !station.starts_with("33:33"),
                    "to all, but solicited: {self:?}"
                );
                Ok(Kind::AdvertSolicited)
            }
            _ => self.are(&[("ipv6.dst", "ff02::1")]).map(|()| Kind::AdvertUnsolicited),
        }
    }
}

const BROADCAST: &str = "ff:ff:ff:ff:ff:ff";
