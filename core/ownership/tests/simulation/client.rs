//! A client on the segment with the neighbour cache of Linux, and a gateway that answers for itself.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use core::time::Duration;
use ferrolb_neighbor::{Mac, Message, hear, write_answer, write_request};
use ferrolb_ownership::PORT;
use ferrolb_sansio::Instant;

/// Its cache as a Linux 6.18 client with default sysctls keeps it; the worst case, since it never asks anew for what
/// it has.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) mac: Mac,
    /// Its address of each family.
    pub(crate) ip: (Ipv4Addr, Ipv6Addr),
    pub(crate) cache: Vec<Entry>,
    places: BTreeMap<IpAddr, usize>,
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) vip: IpAddr,
    pub(crate) mac: Option<Mac>,
    updated: Instant,
}

/// Linux does not let an ordinary answer replace one younger than this.
const LOCKTIME: Duration = Duration::from_secs(1);

impl Client {
    pub(crate) fn new(mac: Mac, ip: (Ipv4Addr, Ipv6Addr), vips: &[IpAddr]) -> Self {
        let entry = |&vip: &IpAddr| Entry { vip, mac: None, updated: Instant::ZERO };
        let places = vips.iter().zip(0..).map(|(&vip, place)| (vip, place)).collect();
        Self { mac, ip, cache: vips.iter().map(entry).collect(), places }
    }

    /// The questions it asks now: for what it has no entry for.
    pub(crate) fn ask(&self, mut send: impl FnMut(&[u8])) {
        let mut frame = Vec::new();
        for entry in self.cache.iter().filter(|entry| entry.mac.is_none()) {
            let own = if entry.vip.is_ipv4() { self.ip.0.into() } else { self.ip.1.into() };
            write_request(&mut frame, self.mac, Some(own), entry.vip, None);
            send(&frame);
        }
    }

    /// It has not used any VIP for long: its entries are gone.
    pub(crate) fn forget(&mut self) {
        self.cache.iter_mut().for_each(|entry| entry.mac = None);
    }

    /// Takes a frame; returns whether it believes something else now.
    pub(crate) fn hear(&mut self, now: Instant, frame: &[u8]) -> bool {
        let Some(update) = Update::read(frame) else { return false };
        let Some(&place) = self.places.get(&update.vip) else { return false };
        let entry = &mut self.cache[place];
        let young = now.since(entry.updated) < LOCKTIME;
        let takes = match (entry.mac, update.strength) {
            (_, Strength::Ignored) => false,
            (None, Strength::Gratuitous) => false,
            (None, Strength::Answer) => update.to == self.mac,
            (Some(_), Strength::Gratuitous) => true,
            (Some(_), Strength::Answer) => !young,
        };
        if takes {
            let before = entry.mac.replace(update.mac);
            entry.updated = now;
            return before != entry.mac;
        }
        false
    }
}

/// What a frame says to a neighbour cache, read from its bytes and not by the code under test.
struct Update {
    vip: IpAddr,
    mac: Mac,
    to: Mac,
    strength: Strength,
}

#[derive(Clone, Copy)]
enum Strength {
    /// Replaces any entry: gratuitous ARP in the two forms Linux knows; an advertisement with Override.
    Gratuitous,
    /// Fills a missing entry, replaces one that is not young.
    Answer,
    Ignored,
}

impl Update {
    fn read(frame: &[u8]) -> Option<Self> {
        let to = Mac(frame.get(..6)?.try_into().ok()?);
        match frame.get(12..14)? {
            [0x08, 0x06] => {
                let arp = frame.get(14..42)?;
                let mac = |at: usize| Mac(arp[at..at + 6].try_into().unwrap());
                let ip = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&arp[at..at + 4]).unwrap());
                let (request, gratuitous) = (arp[7] == 1, ip(14) == ip(24));
                let strength = match (gratuitous, request) {
                    (true, true) => Strength::Gratuitous,
                    (true, false) if mac(8) == mac(18) => Strength::Gratuitous,
                    (true | false, false) => Strength::Answer,
                    (false, true) => Strength::Ignored,
                };
                Some(Self { vip: ip(14), mac: mac(8), to, strength })
            }
            [0x86, 0xdd] if frame.get(20) == Some(&58) && frame.get(54) == Some(&136) => {
                let flags = *frame.get(58)?;
                let (solicited, overrides, group) = (flags & 0x40 != 0, flags & 0x20 != 0, to.0[0] & 1 == 1);
                let strength = match (overrides, solicited) {
                    (true, false) => Strength::Gratuitous,
                    (true, true) if !group => Strength::Answer,
                    (true, true) | (false, _) => Strength::Ignored,
                };
                let vip = <[u8; 16]>::try_from(frame.get(62..78)?).ok()?;
                Some(Self { vip: vip.into(), mac: Mac(frame.get(80..86)?.try_into().ok()?), to, strength })
            }
            _ => None,
        }
    }
}

/// Answers for its own addresses. What it knows of VIPs, as any host does, is kept by a [`Client`] at its port.
#[derive(Debug)]
pub(crate) struct Gateway {
    pub(crate) mac: Mac,
    pub(crate) addresses: Vec<IpAddr>,
}

impl Gateway {
    pub(crate) fn hear(&self, frame: &[u8], send: impl FnOnce(&[u8])) {
        let Ok(heard) = hear(frame, PORT) else { return };
        if let Message::Request(request) = heard.message
            && self.addresses.contains(&request.target)
        {
            let mut frame = Vec::new();
            write_answer(&mut frame, self.mac, request.target, request.mac, request.asker);
            send(&frame);
        }
    }
}
