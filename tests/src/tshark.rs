//! What tshark reads of the ARP and NDP frames that pass an interface: a decoder that is not ours.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_lab::{Running, Space, wait};
use nix::sys::signal::Signal;

/// How long tcpdump may take to begin, on a machine that does something else meanwhile.
const LISTENS: Duration = Duration::from_secs(60);
/// Wireshark's PI_ERROR: what it cannot make sense of. A wrong checksum is less.
const ERROR: u32 = 0x0080_0000;

/// A running tcpdump.
#[derive(Debug)]
pub struct Capture {
    space: Space,
    file: String,
    tcpdump: Running,
}

impl Capture {
    /// Writes down what passes `interface` of `space` from now on, in both directions.
    ///
    /// # Errors
    /// tcpdump does not start.
    pub fn start(space: &Space, interface: &str) -> Result<Self> {
        let file = format!("/tmp/{}-{interface}-{}.pcap", space.name(), std::process::id());
        let mut command = space.command([
            "tcpdump",
            "-i",
            interface,
            "-U",
            "--immediate-mode",
            "-w",
            &file,
            "arp or icmp6",
        ])?;
        let tcpdump =
            space.spawn(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
        let listens = || space.run(["test", "-s", &file]).is_ok_and(|output| output.success);
        wait("tcpdump listens", LISTENS, listens)?;
        Ok(Self { space: space.clone(), file, tcpdump })
    }

    /// Ends it; the frames that tshark's display filter `about` is for, in order.
    ///
    /// # Errors
    /// tshark finds an error in one of them.
    pub fn frames(mut self, about: &str) -> Result<Vec<Frame>> {
        self.tcpdump.signal(Signal::SIGINT)?;
        self.tcpdump.wait()?;
        let mut arguments =
            vec!["tshark", "-n", "-r", &self.file, "-Y", about, "-T", "fields", "-E", "separator=|"];
        arguments.extend(FIELDS.iter().flat_map(|field| ["-e", field]));
        let lines = self.space.check(arguments)?;
        self.space.check(["rm", &self.file])?;
        let read = |line: &str| Frame(line.split('|').map(str::to_owned).collect());
        let frames: Vec<Frame> = lines.lines().map(read).collect();
        let wrong: Vec<_> = frames.iter().filter(|frame| frame.is_wrong()).collect();
        ensure!(wrong.is_empty(), "tshark finds errors in {wrong:?}");
        Ok(frames)
    }
}

const FIELDS: [&str; 30] = [
    "_ws.expert.severity",
    "eth.src",
    "eth.dst",
    "arp.hw.type",
    "arp.proto.type",
    "arp.hw.size",
    "arp.proto.size",
    "arp.opcode",
    "arp.isgratuitous",
    "arp.isannouncement",
    "arp.isprobe",
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
    "icmpv6.nd.ns.target_address",
    "icmpv6.nd.na.flag.r",
    "icmpv6.nd.na.flag.s",
    "icmpv6.nd.na.flag.o",
    "icmpv6.nd.na.target_address",
    "icmpv6.nd.ra.router_lifetime",
    "icmpv6.opt.type",
    "icmpv6.opt.length",
    "icmpv6.opt.linkaddr",
];

/// The fields of one frame, in the order of [`FIELDS`].
#[derive(Debug)]
pub struct Frame(Vec<String>);

impl Frame {
    /// A field by tshark's name for it; empty if the frame has none.
    ///
    /// # Panics
    /// tshark was not asked for this field.
    pub fn get(&self, field: &str) -> &str {
        let place = FIELDS.iter().position(|name| *name == field);
        let place = place.unwrap_or_else(|| panic!("tshark was not asked for {field}"));
        self.0.get(place).map_or("", String::as_str)
    }

    /// Whether each of these fields has this value.
    ///
    /// # Errors
    /// One has another.
    pub fn are(&self, expected: &[(&str, &str)]) -> Result<()> {
        for (field, value) in expected {
            ensure!(self.get(field) == *value, "{field} is not {value} in {self:?}");
        }
        Ok(())
    }

    fn is_wrong(&self) -> bool {
        let severities = self.get("_ws.expert.severity").split(',');
        severities.filter_map(|severity| severity.parse::<u32>().ok()).any(|severity| severity >= ERROR)
    }
}
