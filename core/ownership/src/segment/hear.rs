use std::net::IpAddr;

use ferrolb_neighbor::{Answered, Mac, Message, Reject, Request, Station, hear};
use ferrolb_sansio::Instant;

use super::Segment;
use crate::wire::{self, Refused};
use crate::{Event, PORT};

/// Frames in.
impl Segment {
    /// Hears one Ethernet frame; `received` is the kernel's time stamp of it, on the clock of `now`.
    pub fn handle_frame(&mut self, now: Instant, received: Instant, frame: &[u8]) {
        self.machine.observe(now);
        let received = received.min(now);
        let heard = match hear(frame, PORT) {
            Ok(heard) => heard,
            Err(Reject::Malformed) => return self.machine.counters.malformed += 1,
            Err(Reject::Implausible) => return self.machine.counters.implausible += 1,
        };
        if heard.source == self.interface.mac {
            self.machine.counters.own_frames += 1;
            return;
        }
        self.machine.heard = self.machine.heard.max(received);
        match heard.message {
            Message::Request(request) => self.hear_request(received, request),
            Message::Answer { address, mac, gratuitous } => {
                self.hear_answer(received, address, mac, gratuitous);
            }
            Message::Datagram { source, payload } => {
                let from = Station { ip: source, mac: heard.source };
                if let Err(refused) = self.hear_speaker(received, from, payload) {
                    self.count(refused);
                }
            }
            Message::Other => self.machine.counters.other_frames += 1,
        }
        self.turn();
    }

    fn hear_request(&mut self, received: Instant, request: Request) {
        if request.target.is_ipv4() {
            self.machine.counters.arp_requests += 1;
        } else {
            self.machine.counters.neighbor_solicits += 1;
        }
        if let Some(asker) = request.asker
            && self.machine.vips.contains_key(&asker)
        {
            self.hear_usage(received, asker, request.mac, true);
        }
        let Some(vip) = self.machine.vips.get(&request.target) else { return };
        let owned = vip.owned();
        if self.machine.peers.at(request.mac).is_none() {
            self.machine.client(received);
            self.neighbor.note_asker(&request);
            if !owned && request.asker.is_some() {
                self.machine.asked(received, request.target, request.mac);
            }
        }
        if owned {
            match self.neighbor.answer(self.machine.now, request) {
                Answered::Queued => {}
                Answered::Throttled => self.machine.counters.replies_throttled += 1,
                Answered::Dropped => self.machine.counters.replies_dropped += 1,
            }
        }
    }

    fn hear_answer(&mut self, received: Instant, address: IpAddr, mac: Mac, gratuitous: bool) {
        if address.is_ipv4() {
            self.machine.counters.arp_replies += 1;
        } else {
            self.machine.counters.neighbor_adverts += 1;
        }
        self.hear_usage(received, address, mac, gratuitous);
    }

    /// A station uses an address: it answered for it, announced it, or asked from it.
    fn hear_usage(&mut self, received: Instant, address: IpAddr, mac: Mac, gratuitous: bool) {
        if mac == self.interface.mac {
            return;
        }
        if self.interface.gateways.contains(&address) {
            self.machine.witness(received);
            self.note_witness(address, mac);
        }
        let Some(vip) = self.machine.vips.get(&address) else { return };
        if !vip.owned() {
            // What nobody asked for may be an old frame sent again; it shows nothing.
            if !gratuitous {
                self.machine.answered(received, address, mac);
            }
            self.hear_contestant(received, address, mac);
        } else if self.machine.peers.at(mac).is_some() {
            self.machine.announce_again(address);
        } else {
            self.machine.counters.duplicates += 1;
            if self.neighbor.duplicate(self.machine.now, address, mac) {
                self.machine.out.event(Event::Duplicate { vip: address, mac });
            }
            self.hear_contestant(received, address, mac);
        }
    }

    /// A station uses a VIP. Routers may answer for whatever they know a way to (proxy ARP): that is no claim to it.
    fn hear_contestant(&mut self, received: Instant, address: IpAddr, mac: Mac) {
        let proxy = self.witnesses.iter().any(|(gateway, at)| *at == mac && *gateway != address);
        if !proxy {
            self.machine.contested(received, address, mac);
        }
    }

    fn note_witness(&mut self, address: IpAddr, mac: Mac) {
        if self.witnesses.contains(&(address, mac)) {
            return;
        }
        self.witnesses.retain(|(gateway, _)| *gateway != address);
        self.witnesses.push((address, mac));
        let mut macs: Vec<Mac> = self.witnesses.iter().map(|(_, mac)| *mac).collect();
        macs.sort_unstable();
        macs.dedup();
        self.neighbor.set_witnesses(macs);
    }

    fn hear_speaker(&mut self, received: Instant, from: Station, payload: &[u8]) -> Result<(), Refused> {
        let (cluster, uid) = (self.machine.settings.cluster, self.machine.settings.uid);
        let header = match wire::peek(payload, cluster, uid) {
            Err(Refused::OwnFrame) => {
                let body = wire::open(payload, &self.machine.settings.keys)?;
                self.machine.own_frame(received, from.mac, body);
                return Err(Refused::OwnFrame);
            }
            result => result?,
        };
        self.machine.acquaint();
        let known = self.machine.peers.at(from.mac).is_some();
        let forgers = if known { &mut self.forged_speakers } else { &mut self.forgers };
        let now = self.machine.now;
        if forgers.exhausted(now, from.mac) {
            return Err(Refused::Throttled);
        }
        let body = wire::open(payload, &self.machine.settings.keys).inspect_err(|_| {
            forgers.take(now, from.mac);
        })?;
        self.machine.speaker_frame(received, from, &header, body);
        Ok(())
    }

    fn count(&mut self, refused: Refused) {
        let counters = &mut self.machine.counters;
        *match refused {
            Refused::NotOurs => &mut counters.other_frames,
            Refused::UnknownVersion => &mut counters.unknown_version,
            Refused::ForeignCluster => &mut counters.foreign_cluster,
            Refused::OwnFrame => &mut counters.own_frames,
            Refused::UnknownKey => &mut counters.unknown_key,
            Refused::Throttled => &mut counters.bad_signature_throttled,
            Refused::BadSignature => &mut counters.bad_signature,
            Refused::Malformed => &mut counters.malformed_speaker_frames,
        } += 1;
    }
}
