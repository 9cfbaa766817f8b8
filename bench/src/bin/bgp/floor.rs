//! What a receiver can take: messages that were packed beforehand and are written at once. No sender can be faster.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpStream};

use anyhow::{Result, ensure};
use ferrolb_tests::inside;
use ipnet::IpNet;

use crate::stage::{FLOOR, OURS, Stage, host, node, router};

const OPEN: u8 = 1;
const UPDATE: u8 = 2;
const KEEPALIVE: u8 = 4;
const HEADER: usize = 19;
/// RFC 4271 §4.1.
const LONGEST: usize = 4096;
/// A /32 with its length before it.
const PREFIX: usize = 5;

/// A session held by hand (RFC 4271 §4), without capabilities but IPv4 unicast.
pub(crate) struct Floor(TcpStream);

impl Floor {
    pub(crate) fn connect(stage: &Stage) -> Result<Self> {
        let stream = inside(stage, FLOOR, || Ok(TcpStream::connect((router(1), 179))?))?;
        stream.set_nodelay(true)?;
        let mut floor = Self(stream);
        let asn = u16::try_from(OURS)?.to_be_bytes();
        // Version, AS, hold time 0 (no keepalives), identifier; parameter 2, capabilities: 1, of four octets.
        let open = [&[4][..], &asn, &[0, 0], &node(2).octets(), &[8, 2, 6, 1, 4, 0, 1, 0, 1]].concat();
        floor.0.write_all(&message(OPEN, &open))?;
        ensure!(floor.read()? == OPEN, "the router refuses the session");
        floor.0.write_all(&message(KEEPALIVE, &[]))?;
        ensure!(floor.read()? == KEEPALIVE, "the router refuses the session");
        Ok(floor)
    }

    pub(crate) fn write(&mut self, packed: &[u8]) -> Result<()> {
        Ok(self.0.write_all(packed)?)
    }

    /// Takes one message; its kind.
    fn read(&mut self) -> Result<u8> {
        let mut header = [0; HEADER];
        self.0.read_exact(&mut header)?;
        let length = usize::from(u16::from_be_bytes([header[16], header[17]]));
        self.0.read_exact(&mut vec![0; length - HEADER])?;
        Ok(header[18])
    }
}

/// UPDATEs that announce so many VIPs.
pub(crate) fn announcements(count: u32) -> Result<Vec<u8>> {
    let asn = u16::try_from(OURS)?.to_be_bytes();
    // ORIGIN IGP; AS_PATH, a sequence of one; NEXT_HOP.
    let path = [&[0x40, 2, 4, 2, 1][..], &asn].concat();
    let attributes = [&[0x40, 1, 1, 0][..], &path, &[0x40, 3, 4], &node(2).octets()].concat();
    let length = u16::try_from(attributes.len())?.to_be_bytes();
    let before = [&[0, 0][..], &length, &attributes].concat();
    packed(count, |prefixes| Ok([&before, prefixes].concat()))
}

/// UPDATEs that withdraw them.
pub(crate) fn withdrawals(count: u32) -> Result<Vec<u8>> {
    packed(count, |prefixes| {
        let length = u16::try_from(prefixes.len())?.to_be_bytes();
        Ok([&length[..], prefixes, &[0, 0]].concat())
    })
}

fn packed(count: u32, body: impl Fn(&[u8]) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
    let room = (LONGEST - HEADER - body(&[])?.len()) / PREFIX;
    let prefixes: Vec<u8> = (0..count).flat_map(|number| wire(host(number))).collect();
    let messages = prefixes.chunks(room * PREFIX).map(|prefixes| Ok(message(UPDATE, &body(prefixes)?)));
    Ok(messages.collect::<Result<Vec<_>>>()?.concat())
}

fn wire(prefix: IpNet) -> [u8; PREFIX] {
    let IpNet::V4(prefix) = prefix else { unreachable!("VIPs are IPv4 here") };
    let [a, b, c, d] = Ipv4Addr::octets(&prefix.network());
    [prefix.prefix_len(), a, b, c, d]
}

/// A message with its header.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(HEADER + body.len()).expect("messages are short").to_be_bytes();
    [&[0xff; 16][..], &length, &[kind], body].concat()
}
