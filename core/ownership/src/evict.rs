use core::time::Duration;
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::ShortUid;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::rules::NEVER;
use crate::state::{State, Vip};
use crate::wire::{Evict, Records};

/// That the owner of a VIP does not know yet that it is no candidate any more.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Eviction {
    pub(crate) since: Instant,
    /// When it was asked to hand over.
    pub(crate) asked: Option<Instant>,
}

impl Eviction {
    /// An owner that was asked has so long to offer the VIP.
    pub(crate) const PATIENCE: Duration = Duration::from_millis(200);
    /// The next candidate asks so much later.
    const TURN: Duration = Duration::from_millis(250);
}

/// Owners with an old plan.
impl Machine {
    /// Whether the VIP's owner is heard, and shows an older plan than ours, which does not list it any more.
    pub(crate) fn outplanned(&self, address: IpAddr, vip: &Vip, owner: &Peer) -> bool {
        let listed = owner.node.as_ref().is_none_or(|node| vip.candidates().contains(node));
        !listed && owner.revision < self.revision && self.fresh(owner) && owner.pages.claim(address).is_some()
    }

    /// Whether it was asked to hand over and did not.
    pub(crate) fn evicts_in_vain(&self, address: IpAddr, vip: &Vip, owner: &Peer) -> bool {
        let asked = vip.eviction.and_then(|eviction| eviction.asked);
        asked.is_some_and(|asked| self.now >= asked + Eviction::PATIENCE)
            && self.outplanned(address, vip, owner)
    }

    /// Asks an owner with an old plan to hand over; returns when to look again.
    pub(crate) fn evict(&mut self, address: IpAddr) -> Instant {
        let now = self.now;
        let Some(vip) = self.vips.get(&address) else { return NEVER };
        let Some(owner) = vip.ballot().and_then(|ballot| self.peers.get(ballot.uid)) else { return NEVER };
        let waits = matches!(vip.state, State::Backup { .. } | State::Suspect { .. });
        let evicts = waits && self.eligible(vip) && self.outplanned(address, vip, owner);
        let turn = if evicts { Eviction::TURN * self.rank(vip, Some(owner.uid)) } else { Duration::ZERO };
        let Some(vip) = self.vips.get_mut(&address) else { return NEVER };
        if !evicts {
            vip.eviction = None;
            return NEVER;
        }
        let eviction = vip.eviction.get_or_insert(Eviction { since: now, asked: None });
        match eviction.asked {
            Some(asked) => asked + Eviction::PATIENCE,
            None if now < eviction.since + turn => eviction.since + turn,
            None => {
                eviction.asked = Some(now);
                if let Some(best) = vip.best {
                    self.counters.evictions += 1;
                    self.out.evictions.push(Evict {
                        vip: address,
                        ballot: best.ballot,
                        revision: self.revision,
                    });
                }
                now + Eviction::PATIENCE
            }
        }
    }

    /// A candidate with a newer plan wants a VIP of ours.
    pub(crate) fn evictions(&mut self, from: ShortUid, evictions: Records<'_, Evict>) {
        let (me, revision) = (self.me, self.revision);
        for evict in evictions.iter().filter(|evict| evict.ballot.uid == me && evict.revision > revision) {
            let Some(vip) = self.vips.get_mut(&evict.vip) else { continue };
            if vip.state == State::Owner && vip.ballot() == Some(evict.ballot) && vip.evicted_by != Some(from)
            {
                vip.evicted_by = Some(from);
                vip.refusal = None;
                self.restless.insert(evict.vip);
                self.next = self.now;
            }
        }
    }
}
