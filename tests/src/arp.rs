//! Asking by ARP (RFC 826) who has an address, and how long the answer takes.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Result;
use ferrolb_lab::Lab;

use crate::packet::{Mac, PacketSocket, now};

const ETHER_TYPE: u16 = 0x0806;
const REQUEST: u16 = 1;
const REPLY: u16 = 2;
const LENGTH: usize = 42;

/// A station that asks from a socket of its own: the kernel beside it neither asks nor, having no question open, learns
/// more than it did.
#[derive(Debug)]
pub struct Asker {
    socket: PacketSocket,
    source: Ipv4Addr,
}

/// A station that says it has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Answer {
    /// When the answer arrived, in nanoseconds of [`clock`].
    pub at: u64,
    /// The address.
    pub address: Ipv4Addr,
    /// Who has it.
    pub mac: Mac,
}

/// The clock of [`Answer::at`], in nanoseconds.
pub fn clock() -> u64 {
    now()
}

impl Asker {
    /// Asks from the network of `name` (`client`, `cp`, …), whose IPv4 address is `source`.
    ///
    /// # Errors
    /// There is no such network.
    pub fn open(lab: &Lab, name: &str, source: Ipv4Addr) -> Result<Self> {
        Ok(Self { socket: PacketSocket::open(lab, name, ETHER_TYPE)?, source })
    }

    /// Asks everybody who has `address`; returns when, by [`clock`].
    ///
    /// # Errors
    /// The frame cannot be sent.
    pub fn ask(&self, address: Ipv4Addr) -> Result<u64> {
        self.ask_as(self.source, address)
    }

    /// The same as if from a host with the address `source`, which the answer repeats.
    ///
    /// # Errors
    /// The frame cannot be sent.
    pub fn ask_as(&self, source: Ipv4Addr, address: Ipv4Addr) -> Result<u64> {
        let at = now();
        self.socket.send(&request(self.socket.mac, source, address))?;
        Ok(at)
    }

    /// The next answer to anybody heard here; `None` if none comes in time.
    ///
    /// # Errors
    /// The socket fails.
    pub fn answer(&self, patience: Duration) -> Result<Option<Answer>> {
        let end = Instant::now() + patience;
        let mut buffer = [0; 128];
        loop {
            let left = end.saturating_duration_since(Instant::now());
            // The kernel waits for a tick at least; where somebody answers every millisecond, that would have no end.
            if left.is_zero() {
                return Ok(None);
            }
            let Some((frame, at)) = self.socket.receive(&mut buffer, left)? else { return Ok(None) };
            if let Some((address, mac)) = reply(frame) {
                return Ok(Some(Answer { at, address, mac }));
            }
        }
    }

    /// Asks once and waits for the answer about `address`: who has it, and nanoseconds until the answer arrived.
    ///
    /// # Errors
    /// The socket fails.
    pub fn owner(&self, address: Ipv4Addr, patience: Duration) -> Result<Option<(Mac, u64)>> {
        let asked = self.ask(address)?;
        let end = Instant::now() + patience;
        while let Some(answer) = self.answer(end.saturating_duration_since(Instant::now()))? {
            if answer.address == address && answer.at >= asked {
                return Ok(Some((answer.mac, answer.at - asked)));
            }
        }
        Ok(None)
    }

    /// Everybody who answers for `address` to one question within `patience`, in order of answer.
    ///
    /// # Errors
    /// The socket fails.
    pub fn owners(&self, address: Ipv4Addr, patience: Duration) -> Result<Vec<Mac>> {
        let asked = self.ask(address)?;
        let end = Instant::now() + patience;
        let mut owners = Vec::new();
        while let Some(answer) = self.answer(end.saturating_duration_since(Instant::now()))? {
            if answer.address == address && answer.at >= asked && !owners.contains(&answer.mac) {
                owners.push(answer.mac);
            }
        }
        Ok(owners)
    }
}

fn request(mac: Mac, source: Ipv4Addr, target: Ipv4Addr) -> [u8; LENGTH] {
    let mut frame = [0; LENGTH];
    frame[..6].fill(0xff);
    frame[6..12].copy_from_slice(&mac);
    frame[12..14].copy_from_slice(&ETHER_TYPE.to_be_bytes());
    // Ethernet, IPv4, their lengths.
    frame[14..20].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
    frame[20..22].copy_from_slice(&REQUEST.to_be_bytes());
    frame[22..28].copy_from_slice(&mac);
    frame[28..32].copy_from_slice(&source.octets());
    frame[38..42].copy_from_slice(&target.octets());
    frame
}

/// What an ARP frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Whether it asks; if not, it answers.
    pub asks: bool,
    /// Who says so.
    pub mac: Mac,
    /// The address it says it has.
    pub address: Ipv4Addr,
    /// The address it asks for, or whom it answers.
    pub target: Ipv4Addr,
}

impl Packet {
    /// Reads an Ethernet frame; `None` if it is no question or answer of ARP.
    pub fn read(frame: &[u8]) -> Option<Self> {
        let body = frame.get(14..LENGTH)?;
        let kind = u16::from_be_bytes([body[6], body[7]]);
        if frame[12..14] != ETHER_TYPE.to_be_bytes() || ![REQUEST, REPLY].contains(&kind) {
            return None;
        }
        let address = |at: usize| Ipv4Addr::new(body[at], body[at + 1], body[at + 2], body[at + 3]);
        let mac = body[8..14].try_into().expect("six bytes were taken");
        Some(Self { asks: kind == REQUEST, mac, address: address(14), target: address(24) })
    }
}

/// Whose address a reply (gratuitous ones too) announces, and where it is.
fn reply(frame: &[u8]) -> Option<(Ipv4Addr, Mac)> {
    let packet = Packet::read(frame).filter(|packet| !packet.asks)?;
    Some((packet.address, packet.mac))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reply_is_a_request_turned_round() {
        let (mac, target) = ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(192, 0, 2, 128));
        let mut frame = request(mac, Ipv4Addr::new(192, 0, 2, 1), target);
        assert_eq!(reply(&frame), None);
        let asked = Packet { asks: true, mac, address: Ipv4Addr::new(192, 0, 2, 1), target };
        assert_eq!(Packet::read(&frame), Some(asked));
        frame[20..22].copy_from_slice(&REPLY.to_be_bytes());
        frame[22..28].copy_from_slice(&[2, 0, 0, 0, 0, 0x0b]);
        frame[28..32].copy_from_slice(&target.octets());
        assert_eq!(reply(&frame), Some((target, [2, 0, 0, 0, 0, 0x0b])));
        assert_eq!(reply(&frame[..30]), None);
    }
}
