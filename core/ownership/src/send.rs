use core::time::Duration;
use std::sync::Arc;

use ferrolb_neighbor::Station;
use ferrolb_sansio::Instant;

use crate::ShortUid;
use crate::machine::Machine;
use crate::outbox::{Content, Outgoing};
use crate::peers::Peer;
use crate::wire::{self, Claim, Flap, Header, Loss, News, PeerRecord, Record, kind, limits};

/// Peers silent for longer are not listed in heartbeats, nor told anything by unicast.
const LISTED_FOR: Duration = Duration::from_secs(2);

/// What this speaker says.
impl Machine {
    /// Whether something is to be told that was not yet.
    pub(crate) fn has_news(&self) -> bool {
        self.pages.has_changed() || self.out.has_news()
    }

    /// Sends pages that changed, now and twice more (frames get lost), to the group and to each speaker.
    pub(crate) fn flush(&mut self) {
        let changed = self.pages.take_changed();
        if !changed.is_empty() {
            let pages: Arc<[u16]> = changed.into_iter().collect();
            self.tell_thrice(&Content::Pages(pages));
        }
        let lost = core::mem::take(&mut self.out.lost);
        for part in lost.chunks(limits::MAX_BALLOTS) {
            self.tell_thrice(&Content::Lost(part.into()));
        }
        let resigned = core::mem::take(&mut self.out.resigned);
        for part in resigned.chunks(limits::MAX_BALLOTS) {
            self.tell_thrice(&Content::Resign(part.into()));
        }
        let mut offers = core::mem::take(&mut self.out.offers);
        offers.sort_by_key(|offer| offer.to);
        for of_one in offers.chunk_by(|one, other| one.to == other.to) {
            for part in of_one.chunks(limits::MAX_OFFERS) {
                // Offers are repeated by their own clock, as long as they stand.
                let content = Content::Offers(part.into());
                self.out.frame(Some(of_one[0].to), content.clone());
                self.out.frame(None, content);
            }
        }
        let evictions = core::mem::take(&mut self.out.evictions);
        for part in evictions.chunks(limits::MAX_EVICTIONS) {
            self.tell_thrice(&Content::Evictions(part.into()));
        }
        let mut rivals = core::mem::take(&mut self.out.rivals);
        rivals.sort_by_key(|(winner, _)| *winner);
        for of_one in rivals.chunk_by(|(one, _), (other, _)| one == other) {
            for part in of_one.chunks(limits::MAX_BALLOTS) {
                let losses = part.iter().map(|(_, loss)| *loss).collect();
                self.out.frame(Some(of_one[0].0), Content::Lost(losses));
            }
        }
    }

    /// Says something to the group and to each speaker heard lately, and twice more.
    pub(crate) fn tell_thrice(&mut self, content: &Content) {
        self.out.repeat(self.now, content);
        self.tell(content);
    }

    fn tell(&mut self, content: &Content) {
        if let Content::Pages(pages) = content {
            for &page in pages.iter() {
                self.tell_all(&Content::Page(page));
                if !self.pages.lost(page).is_empty() {
                    self.tell_all(&Content::Tombstones(page));
                }
            }
        } else {
            self.tell_all(content);
        }
    }

    fn tell_all(&mut self, content: &Content) {
        self.out.frame(None, content.clone());
        for peer in self.peers.iter().filter(|peer| peer.proven && recent(peer, self.now)) {
            self.out.frame(Some(peer.uid), content.clone());
        }
    }

    /// Says again what is due; returns when the next copy is.
    pub(crate) fn due_repeats(&mut self) -> Instant {
        while let Some(content) = self.out.take_repeat(self.now) {
            self.tell(&content);
        }
        self.out.next_repeat()
    }

    /// Asks for missing pages and corrects claims that are too low, where that is due; returns when it next is.
    pub(crate) fn due_of_peers(&mut self) -> Instant {
        let now = self.now;
        let mut next = Instant::MAX;
        let mut correct: Vec<ShortUid> = Vec::new();
        for peer in self.peers.iter_mut() {
            if peer.ask_pages.is_some_and(|at| at <= now) {
                peer.ask_pages = None;
                if !peer.pages.current() {
                    self.out.frame(Some(peer.uid), Content::PageRequest);
                }
            }
            if peer.correct.is_some_and(|at| at <= now) {
                peer.correct = None;
                correct.push(peer.uid);
            }
            next = next.min(peer.ask_pages.unwrap_or(next)).min(peer.correct.unwrap_or(next));
        }
        correct.into_iter().for_each(|uid| self.correct(uid));
        next
    }

    /// Tells a peer, whose pages still stand, of the ballots above its claims, and their owners that it claimed.
    fn correct(&mut self, uid: ShortUid) {
        let now = self.now;
        let Some(peer) = self.peers.get(uid) else { return };
        if !self.fresh(peer) {
            return;
        }
        let (mut news, mut losses) = (Vec::new(), Vec::new());
        for (address, ballot) in peer.pages.ballots(uid) {
            let Some(vip) = self.vips.get(&address) else { continue };
            let Some(best) = vip.ballot().filter(|best| *best > ballot && best.uid != uid) else { continue };
            // A thawed owner must not win by its old ballot: what it does not hold it tells with an age beyond all
            // measure, which nobody adopts; but the owner may climb above it.
            news.extend(self.news_of(address, best));
            if best.uid != self.me {
                losses.push(Loss { vip: address, ballot });
            }
        }
        if news.is_empty() {
            return;
        }
        self.counters.corrections += 1;
        if let Some(peer) = self.peers.get_mut(uid) {
            peer.corrected = now;
        }
        for part in news.chunks(limits::MAX_BALLOTS) {
            let content = Content::News(Arc::from(part));
            self.out.frame(Some(uid), content.clone());
            self.out.frame(None, content);
        }
        losses.chunks(limits::MAX_BALLOTS).for_each(|part| self.tell_all(&Content::Lost(part.into())));
    }

    /// Writes the next speaker frame into `payload`; returns where it goes, `None` standing for the group.
    pub(crate) fn poll_frame(&mut self, payload: &mut Vec<u8>) -> Option<Option<Station>> {
        loop {
            let Outgoing { to, content } = self.out.take_frame()?;
            if self.is_shadowed() {
                continue;
            }
            let station = match to {
                None => None,
                Some(uid) => match self.peers.get(uid).and_then(|peer| peer.station) {
                    Some(station) => Some(station),
                    None => continue,
                },
            };
            self.write(payload, to, &content);
            return Some(station);
        }
    }

    /// Whether every speaker heard lately, believed or not, accepts the key.
    fn all_hold(&self, key: u32) -> bool {
        let mut heard = self.peers.iter().filter(|peer| peer.station.is_some() && recent(peer, self.now));
        heard.all(|peer| peer.keys.contains(&key))
    }

    fn write(&mut self, out: &mut Vec<u8>, to: Option<ShortUid>, content: &Content) {
        self.sequence += 1;
        let key = self.settings.keys.signing(|id| self.all_hold(id));
        let header = Header {
            cluster: self.settings.cluster,
            key: key.id(),
            flags: self.flags(),
            interval: self.pace.announced,
            uid: self.settings.uid,
            sequence: self.sequence,
            nonce: self.nonce,
            revision: self.revision,
            page_version: self.pages.version(),
            page_count: self.pages.count(),
        };
        wire::start(out, &header);
        match content {
            Content::Heartbeat => self.write_heartbeat(out),
            Content::Pages(_) => {}
            &Content::Page(index) => self.write_page(out, index),
            Content::PagesInTurn => self.write_pages_in_turn(out),
            &Content::Tombstones(index) => self.write_tombstones(out, index),
            Content::PageRequest => wire::append(out, kind::PAGE_REQUEST, |out| {
                if let Some(peer) = to.and_then(|uid| self.peers.get(uid)) {
                    peer.pages.versions().for_each(|version| version.write(out));
                }
            }),
            Content::News(news) => append_all(out, kind::NEWS, news),
            Content::Lost(losses) => append_all(out, kind::LOST, losses),
            Content::Resign(losses) => append_all(out, kind::RESIGN, losses),
            Content::Offers(offers) => append_all(out, kind::OFFER, offers),
            Content::Evictions(evictions) => append_all(out, kind::EVICT, evictions),
            Content::TableRequest => wire::append(out, kind::TABLE_REQUEST, |_| {}),
            Content::Table { part, parts, ballots } => wire::append(out, kind::TABLE, |out| {
                out.extend_from_slice(&part.to_be_bytes());
                out.extend_from_slice(&parts.to_be_bytes());
                ballots.iter().for_each(|news| news.write(out));
            }),
        }
        wire::sign(out, self.settings.keys.signing(|id| self.all_hold(id)));
    }

    fn write_page(&self, out: &mut Vec<u8>, index: u16) {
        let Some((version, claims)) = self.pages.page(index) else { return };
        wire::append(out, kind::PAGE, |out| {
            out.extend_from_slice(&index.to_be_bytes());
            version.write(out);
            claims.iter().for_each(|claim| self.with_moves(*claim).write(out));
        });
    }

    fn write_pages_in_turn(&mut self, out: &mut Vec<u8>) {
        let count = self.pages.count();
        for _ in 0..count {
            let (length, index) = (out.len(), self.paged % count);
            self.write_page(out, index);
            if out.len() > wire::MAX_UNSIGNED {
                out.truncate(length);
                return;
            }
            self.paged = index + 1;
        }
    }

    fn with_moves(&self, claim: Claim) -> Claim {
        let moves = self.vips.get(&claim.vip).map(|vip| vip.moves).unwrap_or_default();
        Claim { moves: moves.ages(self.now), ..claim }
    }

    /// Lists up to 32 peers, taking turns where there are more.
    fn write_heartbeat(&mut self, out: &mut Vec<u8>) {
        self.counters.heartbeats += 1;
        let (now, first) = (self.now, self.listed);
        let recents = || self.peers.iter().filter(|peer| peer.station.is_some() && recent(peer, now));
        let count = recents().count();
        let listed = count.min(limits::MAX_PEERS);
        let node = self.settings.node.as_str().as_bytes();
        wire::append(out, kind::NODE, |out| out.extend_from_slice(node));
        wire::append(out, kind::KEYS, |out| self.settings.keys.ids().for_each(|id| id.write(out)));
        wire::append(out, kind::INTERFACE, |out| self.index.write(out));
        let turn = if count > limits::MAX_PEERS { first % count } else { 0 };
        let named = || recents().skip(turn).chain(recents()).take(listed);
        wire::append(out, kind::PEERS, |out| {
            for peer in named() {
                // Others take the age for evidence of life, which an unproven peer has not given.
                let age = peer.life.heard.filter(|_| peer.proven).map_or(Duration::MAX, |at| now.since(at));
                PeerRecord { uid: peer.uid, age, echo: peer.nonce }.write(out);
            }
        });
        let flap = |peer: &Peer| Some(Flap { uid: peer.uid, left: self.penalty(peer)? });
        let mut flaps: Vec<Flap> = named().filter_map(flap).collect();
        if flaps.len() > limits::MAX_FLAPS {
            let turn = self.counters.heartbeats as usize % flaps.len();
            flaps.rotate_left(turn);
            flaps.truncate(limits::MAX_FLAPS);
        }
        if !flaps.is_empty() {
            append_all(out, kind::FLAPPING, &flaps);
        }
        self.listed = first.wrapping_add(listed);
    }

    fn write_tombstones(&self, out: &mut Vec<u8>, index: u16) {
        wire::append(out, kind::TOMBSTONES, |out| {
            let lost = self.pages.lost(index).iter().map(|(vip, _)| *vip);
            let news = lost.filter_map(|vip| {
                let ballot = self.vips.get(&vip)?.ballot().filter(|ballot| ballot.uid != self.me)?;
                self.news_of(vip, ballot)
            });
            news.take(limits::MAX_BALLOTS).for_each(|news: News| news.write(out));
        });
    }
}

fn append_all<T: Record>(out: &mut Vec<u8>, kind: u16, records: &[T]) {
    wire::append(out, kind, |out| records.iter().for_each(|record| record.write(out)));
}

fn recent(peer: &Peer, now: Instant) -> bool {
    now.since(peer.contact) < LISTED_FOR
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use crate::wire::Block;

    /// Thirty speakers that all die again and again, and the longest name: it is a frame, and each is told some time.
    #[test]
    fn a_heartbeat_fits_into_a_frame_however_many_flap() {
        let mut machine =
            Machine::new(Instant::from_millis(1), Settings::alone(&"a".repeat(253)), 2, true, 1);
        for n in 0..limits::MAX_PEERS as u64 {
            let (node, now) = (crate::NodeName::new(&format!("node-{n}")).unwrap(), machine.now);
            (0..3).for_each(|_| machine.flapping.died(&node, now));
            let peer = machine.peers.entry(ShortUid(n), Duration::from_millis(25)).0;
            (peer.node, peer.contact) = (Some(node), now);
            peer.station = Some(Station { ip: [192, 0, 2, 2].into(), mac: ferrolb_neighbor::Mac([2; 6]) });
        }
        let mut told = std::collections::BTreeSet::new();
        for _ in 0..limits::MAX_PEERS {
            let mut frame = Vec::new();
            machine.write(&mut frame, None, &Content::Heartbeat);
            assert!(frame.len() <= wire::MAX_LEN, "{}", frame.len());
            for block in wire::blocks(wire::open(&frame, &machine.settings.keys).unwrap()).flatten() {
                if let Block::Flapping(flaps) = block {
                    told.extend(flaps.iter().map(|flap| flap.uid));
                }
            }
        }
        assert_eq!(told.len(), limits::MAX_PEERS);
    }

    #[test]
    fn pages_take_turns_where_they_do_not_fit_into_a_frame() {
        let settings = Settings::alone("node-a");
        let mut machine = Machine::new(Instant::from_millis(1), settings, 2, true, 1);
        for n in 0..3 * limits::MAX_CLAIMS {
            let vip = [192, 0, 2, u8::try_from(n).unwrap()].into();
            machine.pages.claim(Claim { vip, connected: true, term: 1, moves: [0; 2] });
        }
        let mut told = || {
            let mut frame = Vec::new();
            machine.write(&mut frame, None, &Content::PagesInTurn);
            assert!(frame.len() <= wire::MAX_LEN);
            let body = wire::open(&frame, &machine.settings.keys).unwrap();
            let index = |block| if let Block::Page { index, .. } = block { Some(index) } else { None };
            let told: Vec<u16> = wire::blocks(body).flatten().filter_map(index).collect();
            told
        };
        assert_eq!([told(), told(), told(), told()], [[0], [1], [2], [0]]);
        for n in 0..3 * limits::MAX_CLAIMS {
            machine.pages.withdraw([192, 0, 2, u8::try_from(n).unwrap()].into(), None);
        }
        let mut frame = Vec::new();
        machine.write(&mut frame, None, &Content::PagesInTurn);
        let body = wire::open(&frame, &machine.settings.keys).unwrap();
        assert_eq!(wire::blocks(body).count(), 3, "empty ones fit into one");
    }
}
