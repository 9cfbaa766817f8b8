use core::time::Duration;
use std::net::IpAddr;

use ferrolb_neighbor::Mac;
use ferrolb_sansio::Instant;

use crate::machine::Machine;
use crate::outbox::Turn;
use crate::{Event, ShortUid};

/// A relayed age beyond this is no evidence of life worth keeping.
pub(crate) const STALE: Duration = Duration::from_secs(2);

/// What shows that another speaker lives, besides its own frames.
impl Machine {
    /// A station answered for a VIP. If it is the owner's, and the owner was probed, it lives.
    pub(crate) fn answered(&mut self, received: Instant, address: IpAddr, mac: Mac) {
        let Some(vip) = self.vips.get_mut(&address) else { return };
        (vip.held, vip.backstop_probes) = (received.max(vip.held), 0);
        let Some(owner) = vip.ballot().map(|ballot| ballot.uid) else { return };
        let now = self.now;
        let Some(peer) = self.peers.get_mut(owner) else { return };
        if peer.probing.is_none() || peer.station.is_none_or(|station| station.mac != mac) {
            return;
        }
        peer.life.probed = peer.life.probed.max(Some(received));
        self.next = self.next.min(now);
        let silence = self.settings.timing.silence(peer.interval);
        if !peer.filtered && peer.life.heard.is_some_and(|heard| now.since(heard) > silence) {
            peer.filtered = true;
            if let Some(node) = peer.node.clone() {
                self.out.event(Event::MulticastFiltered { node });
            }
        }
    }

    /// `from` tells that it heard this speaker then.
    pub(crate) fn relayed(&mut self, uid: ShortUid, at: Instant, from: ShortUid) {
        let pace =
            self.peers.get(from).map_or(self.pace.current, |from| from.interval.max(self.pace.current));
        let (peer, forgot) = self.peers.entry(uid, pace);
        if peer.station.is_none() {
            // News of one that was never heard comes no faster than they who bring it beat, and it may beat as slowly.
            peer.interval = peer.interval.max(pace);
        }
        peer.life.relayed = peer.life.relayed.max(Some(at));
        if forgot {
            self.nonce = self.rng.next();
            self.stir();
        }
    }

    /// Whether nothing shows that the speaker has lived within D.
    pub(crate) fn silent(&self, uid: ShortUid) -> bool {
        self.peers.get(uid).is_none_or(|peer| self.now.since(peer.life.evidence()) >= self.silence_of(peer))
    }

    pub(crate) fn announce_all_again(&mut self) {
        let owned = self.vips.iter().filter(|(_, vip)| vip.owned()).map(|(&vip, _)| Turn::Again(vip));
        self.out.turns.extend(owned);
    }
}
