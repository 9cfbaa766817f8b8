use std::net::IpAddr;

use ferrolb_neighbor::{Sent, Station, group_mac, write_datagram, write_request};

use super::Segment;
use crate::outbox::Probe;
use crate::{GROUP_V4, GROUP_V6, PORT};

/// Frames out.
impl Segment {
    /// Fills `frame` with the next Ethernet frame to send; `false` if there is none now.
    pub fn poll_transmit(&mut self, frame: &mut Vec<u8>) -> bool {
        frame.clear();
        if !self.interface.carrier {
            return false;
        }
        self.poll_answer(frame)
            || self.poll_speaker(frame)
            || self.poll_probe(frame)
            || self.poll_gratuitous(frame)
    }

    fn poll_answer(&mut self, frame: &mut Vec<u8>) -> bool {
        let sent = self.neighbor.poll_answer(frame).is_some();
        self.machine.counters.replies += u64::from(sent);
        sent
    }

    fn poll_gratuitous(&mut self, frame: &mut Vec<u8>) -> bool {
        let sent = self.neighbor.poll_gratuitous(self.machine.now, frame) == Some(Sent::Gratuitous);
        self.machine.counters.gratuitous += u64::from(sent);
        sent
    }

    fn poll_speaker(&mut self, frame: &mut Vec<u8>) -> bool {
        while let Some(to) = self.machine.poll_frame(&mut self.payload) {
            let group = || {
                let group = if self.own(true).is_some() { GROUP_V4.into() } else { IpAddr::from(GROUP_V6) };
                Station { ip: group, mac: group_mac(group) }
            };
            let to = to.unwrap_or_else(group);
            if let Some(ip) = self.own(to.ip.is_ipv4()) {
                write_datagram(frame, Station { ip, mac: self.interface.mac }, to, PORT, &self.payload);
                return true;
            }
        }
        false
    }

    fn poll_probe(&mut self, frame: &mut Vec<u8>) -> bool {
        if self.probes.is_empty() {
            match self.machine.out.take_probe() {
                Some(probe @ (Probe::Vip { .. } | Probe::Claim { .. })) => self.probes.push(probe),
                Some(Probe::Witnesses) => {
                    let ask = |&gateway: &IpAddr| {
                        let known = self.witnesses.iter().find(|(address, _)| *address == gateway);
                        Probe::Vip { vip: gateway, to: known.map(|(_, mac)| *mac) }
                    };
                    self.probes.extend(self.interface.gateways.iter().map(ask));
                }
                None => {}
            }
        }
        match self.probes.pop() {
            Some(Probe::Vip { vip, to }) => {
                write_request(frame, self.interface.mac, self.own(vip.is_ipv4()), vip, to);
            }
            Some(Probe::Claim { vip }) => write_request(frame, self.interface.mac, None, vip, None),
            Some(Probe::Witnesses) | None => return false,
        }
        self.machine.counters.probes += 1;
        true
    }

    /// The interface's own first address of a family; link-local ones first, since every neighbour can reach those.
    fn own(&self, ipv4: bool) -> Option<IpAddr> {
        let of_family =
            || self.interface.addresses.iter().map(|net| net.addr()).filter(|ip| ip.is_ipv4() == ipv4);
        let link_local = of_family().find(|ip| match ip {
            IpAddr::V4(_) => false,
            IpAddr::V6(ip) => ip.is_unicast_link_local(),
        });
        link_local.or_else(|| of_family().next())
    }
}
