//! Flooding a segment with frames that look like ARP, NDP and heartbeats and are wrong in one way each.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferrolb_lab::Lab;

use crate::packet::{Mac, PacketSocket};

const IPV4: u16 = 0x0800;
/// The UDP port of frames between speakers.
const HEARTBEAT_PORT: u16 = 7114;
/// The station that floods; no host of a lab has this address.
const SOURCE: Mac = [2, 0, 0, 0, 0xbb, 1];
/// Frames are sent in portions of this long.
const PORTION: Duration = Duration::from_millis(1);

/// What was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Frames that left.
    pub frames: u64,
    /// How long that took.
    pub took: Duration,
}

impl Sent {
    /// Frames a second.
    pub fn rate(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a flood is far below 2^53 frames")]
        let frames = self.frames as f64;
        frames / self.took.as_secs_f64()
    }
}

/// Hears a frame between speakers on the network of `name`, for [`flood`] to spoil.
///
/// # Errors
/// None comes within `patience`.
pub fn hear_heartbeat(lab: &Lab, name: &str, patience: Duration) -> Result<Vec<u8>> {
    let socket = PacketSocket::open(lab, name, IPV4)?;
    let end = Instant::now() + patience;
    let mut buffer = [0; 2048];
    while let Some((frame, _)) = socket.receive(&mut buffer, end.saturating_duration_since(Instant::now()))? {
        let port = frame.get(36..38).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
        if frame.get(23) == Some(&17) && port == Some(HEARTBEAT_PORT) {
            return Ok(frame.to_vec());
        }
    }
    anyhow::bail!("no speaker was heard on {name} within {} s", patience.as_secs_f32())
}

/// Sends `per_second` wrong frames a second for `duration` from the network of `name`: ARP and NDP about `vip`, and
/// spoiled copies of `heartbeat`. The same arguments give the same frames.
///
/// # Errors
/// Frames cannot be sent at all.
pub fn flood(
    lab: &Lab,
    name: &str,
    (per_second, duration): (u32, Duration),
    vip: std::net::Ipv4Addr,
    heartbeat: &[u8],
) -> Result<Sent> {
    let socket = PacketSocket::open(lab, name, 0)?;
    let mut wrong = Wrong { random: 0x9e37_79b9_7f4a_7c15, vip: vip.octets(), heartbeat: heartbeat.to_vec() };
    // As many as a second needs; sent round and round, so that making them costs nothing while they are sent.
    let frames: Vec<Vec<u8>> = (0..4096).map(|number| wrong.frame(number)).collect();
    let start = Instant::now();
    let (mut due, mut sent) = (0_u64, 0);
    while start.elapsed() < duration {
        let until = u64::try_from(start.elapsed().as_micros())? * u64::from(per_second) / 1_000_000;
        for number in due..until {
            let index = usize::try_from(number)? % frames.len();
            sent += u64::from(socket.send(&frames[index])?);
        }
        due = until;
        sleep(PORTION);
    }
    ensure!(sent > 0, "not one frame could be sent on {name}");
    Ok(Sent { frames: sent, took: start.elapsed() })
}

/// Makes frames that are wrong.
struct Wrong {
    random: u64,
    vip: [u8; 4],
    heartbeat: Vec<u8>,
}

impl Wrong {
    /// All kinds in turn.
    fn frame(&mut self, number: usize) -> Vec<u8> {
        match number % 10 {
            0 => self.short_arp(),
            1 => self.arp_of_other_lengths(),
            2 => self.arp_from_everybody(),
            3 => self.solicitation(0, 255),
            4 => self.solicitation(1, 64),
            5 => self.advertisement_with_endless_option(),
            6 => self.heartbeat(|frame, random| flip(frame, 42, random)),
            7 => self.heartbeat(|frame, random| flip(frame, 60, random)),
            8 => self.heartbeat(|frame, random| frame.truncate(50 + pick(random, frame.len() - 50))),
            _ => self.noise(),
        }
    }

    fn short_arp(&mut self) -> Vec<u8> {
        let mut frame = self.arp();
        frame.truncate(14 + pick(self.next(), 28));
        frame
    }

    /// Lengths of addresses that the frame has no room for.
    fn arp_of_other_lengths(&mut self) -> Vec<u8> {
        let mut frame = self.arp();
        frame[18..20].copy_from_slice(&self.next().to_be_bytes()[..2]);
        frame
    }

    fn arp_from_everybody(&mut self) -> Vec<u8> {
        let mut frame = self.arp();
        frame[22..28].fill(0xff);
        frame
    }

    /// A request for the VIP.
    fn arp(&mut self) -> Vec<u8> {
        let mut frame = ethernet([0xff; 6], 0x0806);
        frame.extend_from_slice(&[0, 1, 8, 0, 6, 4, 0, 1]);
        frame.extend_from_slice(&SOURCE);
        frame.extend_from_slice(&[192, 0, 2, 99]);
        frame.extend_from_slice(&[0; 6]);
        frame.extend_from_slice(&self.vip);
        frame
    }

    /// A neighbour solicitation (RFC 4861 §4.3) whose checksum, option length or hop limit is wrong.
    fn solicitation(&mut self, option_length: u8, hop_limit: u8) -> Vec<u8> {
        let mut body =
            vec![135, 0, 0x12, 0x34, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        body.extend_from_slice(&self.next().to_be_bytes()[..2]);
        body.extend_from_slice(&[1, option_length, 2, 0, 0, 0, 0xbb, 1]);
        ipv6(&body, hop_limit)
    }

    /// A neighbour advertisement whose option is longer than the frame.
    fn advertisement_with_endless_option(&mut self) -> Vec<u8> {
        let mut body = vec![136, 0, 0, 0, 0x20, 0, 0, 0];
        body.extend_from_slice(&[0x20, 1, 0x0d, 0xb8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0]);
        body.extend_from_slice(&[2, 0xff, 2, 0, 0, 0, 0xbb, 1]);
        ipv6(&body, 255)
    }

    /// A copy of the genuine frame, changed.
    fn heartbeat(&mut self, change: impl FnOnce(&mut Vec<u8>, u64)) -> Vec<u8> {
        let mut frame = self.heartbeat.clone();
        frame[6..12].copy_from_slice(&SOURCE);
        let random = self.next();
        change(&mut frame, random);
        frame
    }

    fn noise(&mut self) -> Vec<u8> {
        let kinds = [0x0806, 0x0800, 0x86dd];
        let mut frame = ethernet([0xff; 6], kinds[pick(self.next(), kinds.len())]);
        for _ in 0..pick(self.next(), 20) {
            frame.extend_from_slice(&self.next().to_be_bytes());
        }
        frame
    }

    /// xorshift64.
    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

fn ethernet(to: Mac, ether_type: u16) -> Vec<u8> {
    [&to[..], &SOURCE, &ether_type.to_be_bytes()].concat()
}

/// To all nodes of the segment, with a checksum that holds by accident at best.
fn ipv6(body: &[u8], hop_limit: u8) -> Vec<u8> {
    let mut frame = ethernet([0x33, 0x33, 0, 0, 0, 1], 0x86dd);
    let length = u16::try_from(body.len()).expect("bodies are short");
    frame.extend_from_slice(&[0x60, 0, 0, 0]);
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(&[58, hop_limit]);
    frame.extend_from_slice(&[0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xbb, 1]);
    frame.extend_from_slice(&[0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    frame.extend_from_slice(body);
    frame
}

/// Changes one byte at or after `from`.
fn flip(frame: &mut [u8], from: usize, random: u64) {
    let at = from + pick(random, frame.len() - from);
    frame[at] ^= 1 + (random >> 56 & 0x7f) as u8;
}

fn pick(random: u64, below: usize) -> usize {
    usize::try_from(random >> 16).unwrap_or(usize::MAX) % below.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_an_ethernet_frame_and_none_a_genuine_heartbeat() {
        let heartbeat = vec![7; 200];
        let mut wrong = Wrong { random: 1, vip: [192, 0, 2, 128], heartbeat: heartbeat.clone() };
        for number in 0..10_000 {
            let frame = wrong.frame(number);
            assert!((14..=1514).contains(&frame.len()), "{} bytes", frame.len());
            assert_ne!(frame[12..], heartbeat[12..]);
        }
    }
}
