use core::mem::replace;
use core::time::Duration;

use ferrolb_neighbor::Station;
use ferrolb_sansio::Instant;

use crate::evidence::STALE;
use crate::machine::Machine;
use crate::replay::Order;
use crate::wire::{self, Block, Flags, Header, PeerRecord, Records, limits};
use crate::{NodeName, ShortUid};

/// A page that is missing is asked for after a random part of this.
const PAGE_REQUEST_JITTER: Duration = Duration::from_millis(20);
/// The shortest and longest interval a peer may announce.
const MIN_INTERVAL: Duration = Duration::from_millis(5);
const MAX_INTERVAL: Duration = Duration::from_secs(2);

/// What other speakers say.
impl Machine {
    /// Takes an authentic frame whose blocks are known to be whole.
    pub(crate) fn speaker_frame(&mut self, received: Instant, from: Station, header: &Header, body: &[u8]) {
        let uid = header.uid.short();
        let (peer, forgot) = self.peers.entry(uid, self.pace.current);
        let suspect_at = peer.suspect_at();
        let order = peer.window.take(header.sequence);
        if forgot {
            self.nonce = self.rng.next();
            self.stir();
        }
        if order == Order::Replayed {
            self.counters.replayed += 1;
            return;
        }
        self.counters.speaker_frames += 1;
        let listed = self.note_listed(received, uid, body);
        if order == Order::Newest {
            self.note_header(received, from, header, body);
        }
        let Some(peer) = self.peers.get_mut(uid).filter(|peer| peer.proven) else { return };
        let silence = self.settings.timing.silence(peer.interval);
        let away = peer.life.heard.is_none_or(|heard| received.since(heard) > silence);
        peer.life.heard = peer.life.heard.max(Some(received));
        peer.filtered = false;
        self.dispel(suspect_at, uid);
        self.peers.locate(uid, from.mac);
        if away {
            self.announce_all_again();
        }
        // Asked once or a hundred times in a frame, one answer says it all.
        let (mut pages, mut table) = (false, false);
        for block in wire::blocks(body).flatten() {
            let again = matches!(block, Block::PageRequest(_)) && replace(&mut pages, true)
                || matches!(block, Block::TableRequest) && replace(&mut table, true);
            if !again {
                self.block(received, uid, header, block, listed);
            }
        }
    }

    /// Whether the frame lists us, and whether that proves its sender.
    fn note_listed(&mut self, received: Instant, uid: ShortUid, body: &[u8]) -> bool {
        let me = self.me;
        let ours = wire::blocks(body).flatten().find_map(|block| match block {
            Block::Peers(peers) => peers.iter().find(|record| record.uid == me),
            Block::Node(_)
            | Block::Page { .. }
            | Block::Tombstones(_)
            | Block::PageRequest(_)
            | Block::News(_)
            | Block::Lost(_)
            | Block::Resign(_)
            | Block::Offer(_)
            | Block::Evict(_)
            | Block::Keys(_)
            | Block::Interface(_)
            | Block::Flapping(_)
            | Block::TableRequest
            | Block::Table { .. }
            | Block::Unknown => None,
        });
        let (Some(record), silence) = (ours, self.silence()) else { return false };
        let Some(peer) = self.peers.get_mut(uid) else { return false };
        if record.echo != self.nonce {
            return false;
        }
        peer.proven = true;
        if record.age < STALE {
            peer.heard_us = peer.heard_us.max(Some(received - record.age));
        }
        record.age < silence
    }

    fn note_header(&mut self, received: Instant, from: Station, header: &Header, body: &[u8]) {
        let Some(peer) = self.peers.get_mut(header.uid.short()) else { return };
        if peer.life.clock == Instant::ZERO {
            // So that a peer that never proves itself is forgotten some time.
            peer.life.clock = received;
        }
        peer.contact = received;
        peer.station = Some(from);
        peer.nonce = header.nonce;
        peer.flags = header.flags;
        peer.has_api = if header.flags.has(Flags::STALE) { None } else { peer.has_api.or(Some(received)) };
        if header.flags.has(Flags::JOINING) {
            peer.joining = peer.joining.or(Some(received));
        }
        if !peer.keys.contains(&header.key) {
            peer.keys = vec![header.key];
        }
        peer.revision = header.revision;
        peer.interval = header.interval.clamp(MIN_INTERVAL, MAX_INTERVAL);
        peer.pages.announce(header.page_version, header.page_count.min(limits::MAX_PAGES as u16));
        if peer.pages.current() {
            peer.ask_pages = None;
        } else if peer.proven && peer.ask_pages.is_none() {
            let at = self.now + self.rng.jitter(PAGE_REQUEST_JITTER);
            peer.ask_pages = Some(at);
            self.next = self.next.min(at);
        }
        let mut renamed = false;
        for block in wire::blocks(body).flatten() {
            if let Block::Node(name) = block {
                if peer.node.as_ref().is_none_or(|node| node.as_str() != name) {
                    peer.node = NodeName::new(name).ok();
                    renamed = true;
                }
            } else if let Block::Keys(keys) = block {
                peer.keys.clear();
                peer.keys.extend(keys.iter());
            }
        }
        if renamed {
            self.stir();
        }
    }

    fn block(&mut self, received: Instant, from: ShortUid, header: &Header, block: Block<'_>, listed: bool) {
        match block {
            Block::Node(_) | Block::Keys(_) | Block::Interface(_) | Block::Unknown => {}
            Block::Peers(peers) => self.heartbeat(received, from, header.flags, peers, listed),
            Block::Page { index, version, claims } => self.page(received, from, index, version, claims),
            Block::Tombstones(ballots) | Block::News(ballots) => self.news(received, from, ballots),
            Block::Table { part, parts, ballots } => {
                if let Some(peer) = self.peers.get_mut(from) {
                    peer.table.take(part, parts);
                }
                self.news(received, from, ballots);
            }
            Block::PageRequest(held) => self.page_request(from, held),
            Block::Lost(losses) => self.losses(losses),
            Block::Resign(losses) => self.resignations(from, losses),
            Block::TableRequest => self.table_request(from),
            Block::Offer(offers) => self.offers(received, from, offers),
            Block::Evict(evictions) => self.evictions(from, evictions),
            Block::Flapping(flaps) => self.flaps(received, flaps),
        }
    }

    fn heartbeat(
        &mut self,
        received: Instant,
        from: ShortUid,
        flags: Flags,
        peers: Records<'_, PeerRecord>,
        listed: bool,
    ) {
        let me = self.me;
        for record in peers.iter().filter(|record| record.uid != me && record.age < STALE) {
            self.relayed(record.uid, received - record.age, from);
        }
        let Some(peer) = self.peers.get_mut(from) else { return };
        peer.beat = peer.beat.max(Some(received));
        // A list that is full may have left us out.
        if listed || peers.len() >= limits::MAX_PEERS {
            peer.unlisted = None;
        } else {
            let since = peer.unlisted.map_or(received, |(since, _)| since);
            peer.unlisted = Some((since, received));
        }
        let resigns = flags.has(Flags::RESIGN) && !peer.standing.flags.has(Flags::RESIGN);
        if peer.changed || resigns {
            peer.changed = false;
            self.wake();
        }
        self.compare(received, from, flags);
    }
}
