use core::time::Duration;
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::acts::Why;
use crate::evidence::STALE;
use crate::machine::Machine;
use crate::outbox::Turn;
use crate::wire::{Flags, Loss, News, Records};
use crate::{Ballot, ShortUid};

/// A speaker is corrected at most this often.
const CORRECTION_INTERVAL: Duration = Duration::from_millis(20);
/// An owner that tells of its own ballot with an age like this does not act on it.
const NOT_HELD: Duration = Duration::from_secs(1);

/// Ballots heard, against the highest known.
impl Machine {
    /// Compares each claim a live peer stands by with the highest ballot known. Nothing is compared twice unless
    /// one of the two has changed, or a claim was too low.
    pub(crate) fn compare(&mut self, received: Instant, from: ShortUid, flags: Flags) {
        let Some(peer) = self.peers.get(from) else { return };
        if flags.has(Flags::JOINING) || !peer.pages.current() || peer.compared == self.generation {
            return;
        }
        let generation = self.generation;
        let mut low = false;
        let mut high = Vec::new();
        for (address, ballot) in peer.pages.ballots(from) {
            match self.vips.get(&address).and_then(|vip| vip.ballot()) {
                Some(best) if best == ballot => {}
                Some(best) if best > ballot => low = true,
                Some(_) | None => high.push((address, ballot)),
            }
        }
        for (address, ballot) in high {
            self.see(received, address, ballot, from, Duration::ZERO);
        }
        if low {
            self.plan_correction(from);
        } else if let Some(peer) = self.peers.get_mut(from) {
            peer.compared = generation;
        }
    }

    pub(crate) fn news(&mut self, received: Instant, from: ShortUid, ballots: Records<'_, News>) {
        for News { vip, ballot, age } in ballots.iter() {
            if self.best(vip).is_none_or(|best| ballot > best) {
                self.see(received, vip, ballot, from, age);
            }
        }
    }

    /// Compares a ballot, told of by `from`, whose caster was heard `age` ago, with the highest known.
    pub(crate) fn see(
        &mut self,
        received: Instant,
        address: IpAddr,
        ballot: Ballot,
        from: ShortUid,
        age: Duration,
    ) {
        // Of our own ballots we know best; an old one must not come back.
        if ballot.uid == self.me {
            return;
        }
        let Some(vip) = self.vip(address) else { return };
        let (best, owned) = (vip.ballot(), vip.owned());
        if best.is_none_or(|best| ballot > best) {
            let first_hand = from == ballot.uid && age < NOT_HELD;
            if !first_hand {
                if age < STALE && from != ballot.uid {
                    self.relayed(ballot.uid, received - age, from);
                }
                if from == ballot.uid || self.silent(ballot.uid) {
                    // Its owner is silent to everybody, or does not act on it: it does not come back.
                    if owned && self.connected() {
                        self.claim(address, Why::Above(ballot.term));
                    }
                    return;
                }
            }
            self.yield_to(address, ballot, first_hand);
        } else if let Some(best) = best.filter(|best| from == ballot.uid && best.uid != from) {
            self.plan_correction(from);
            if best.uid != self.me {
                self.out.rivals.push((best.uid, Loss { vip: address, ballot }));
            }
            if owned {
                self.out.turns.push(Turn::Again(address));
            }
        }
    }

    /// Plans to tell a peer that it claims too low: at once if we own one of those VIPs, else after up to T, since the
    /// owner may have told it by then.
    pub(crate) fn plan_correction(&mut self, uid: ShortUid) {
        let now = self.now;
        let Some(peer) = self.peers.get(uid) else { return };
        let ours = peer
            .pages
            .ballots(uid)
            .any(|(vip, ballot)| self.best(vip).is_some_and(|best| best.uid == self.me && best > ballot));
        let wait = if ours { Duration::ZERO } else { self.rng.jitter(self.pace.current) };
        let Some(peer) = self.peers.get_mut(uid) else { return };
        let at = (now + wait).max(peer.corrected + CORRECTION_INTERVAL);
        let at = peer.correct.map_or(at, |planned| planned.min(at));
        peer.correct = Some(at);
        self.next = self.next.min(at);
    }

    pub(crate) fn losses(&mut self, losses: Records<'_, Loss>) {
        for Loss { vip, ballot } in losses.iter() {
            let ours = self.vips.get(&vip).is_some_and(|vip| vip.owned() && vip.ballot() > Some(ballot));
            if ours {
                self.out.turns.push(Turn::Again(vip));
            }
        }
    }

    pub(crate) fn resignations(&mut self, from: ShortUid, losses: Records<'_, Loss>) {
        for Loss { vip, ballot } in losses.iter().filter(|loss| loss.ballot.uid == from) {
            let best = self.vips.get_mut(&vip).and_then(|vip| vip.best.as_mut());
            if let Some(best) = best.filter(|best| best.ballot == ballot) {
                best.resigned = true;
                self.wake();
            }
        }
    }

    /// What can be told of a ballot: how long ago its caster sent a frame, by real frames.
    pub(crate) fn news_of(&self, vip: IpAddr, ballot: Ballot) -> Option<News> {
        let age = if ballot.uid == self.me {
            let owned = self.vips.get(&vip).is_some_and(|vip| vip.owned());
            if owned { Duration::ZERO } else { Duration::MAX }
        } else {
            let heard = self.peers.get(ballot.uid).and_then(|peer| peer.life.frames());
            heard.map_or(Duration::MAX, |heard| self.now.since(heard))
        };
        Some(News { vip, ballot, age })
    }

    pub(crate) fn best(&self, address: IpAddr) -> Option<Ballot> {
        self.vips.get(&address).and_then(|vip| vip.ballot())
    }
}
