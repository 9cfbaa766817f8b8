use core::time::Duration;
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::acts::Why;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::probing::BACKSTOP_PROBES;
use crate::rules::{NEVER, Verdict};
use crate::state::{Best, State, Vip};
use crate::timing::RANK_SLOT;
use crate::wire::Flags;

/// What a backup makes of its owner's silence, resignation or absence.
impl Machine {
    pub(crate) fn decide_backup(&self, address: IpAddr, vip: &Vip) -> Verdict {
        let eligible = self.eligible(vip);
        let Some(best) = vip.best else {
            let defers = self.defers(vip);
            return self.if_clear(vip, self.claim_in_turn(vip, eligible && !defers, None, Why::First));
        };
        if best.ballot.uid == self.me {
            return if !eligible || self.claimed_by_live(address) {
                Verdict::Be(State::BACKUP, NEVER)
            } else if best.resigned {
                self.if_clear(vip, Verdict::Claim(Why::GivenUp))
            } else {
                Verdict::Claim(Why::Own)
            };
        }
        let owner = self.peers.get(best.ballot.uid);
        if best.resigned || owner.is_some_and(|owner| self.dropped(address, &best, owner)) {
            return self.if_clear(vip, self.claim_in_turn(vip, eligible, Some(&best), Why::GivenUp));
        }
        if eligible && owner.is_some_and(|owner| self.evicts_in_vain(address, vip, owner)) {
            return Verdict::Claim(Why::TakeOver);
        }
        let interval = owner.map_or(self.pace.current, |owner| owner.interval);
        let evidence = owner.map_or(Instant::ZERO, |owner| owner.life.evidence());
        let after = |at: Instant| if at >= self.now { at + Duration::from_nanos(1) } else { NEVER };
        let suspect_at = evidence + interval * 3 / 2;
        let probed = vip.backstop_probes > BACKSTOP_PROBES;
        if self.now <= suspect_at && !probed {
            return Verdict::Be(State::BACKUP, after(suspect_at));
        }
        let turn = RANK_SLOT * self.rank(vip, Some(best.ballot.uid));
        let silent_at = evidence + self.settings.timing.silence(interval) + turn;
        let backstop_at = self.backstop_at(vip) + turn;
        // A live owner whose newest pages do not get here may well hold it. Two that cannot prove themselves to each
        // other, but to a third, would take it from one another for ever; those who have the pages will see to it.
        let unknown = owner
            .is_some_and(|owner| !(self.silent(owner.uid) || (self.fresh(owner) && owner.pages.current())));
        let unanswered = probed && self.now > backstop_at && !unknown;
        if eligible && (self.now > silent_at || unanswered) {
            return Verdict::Claim(Why::TakeOver);
        }
        if self.now > suspect_at {
            Verdict::Be(State::Suspect { claim_at: None }, after(silent_at))
        } else {
            Verdict::Be(State::BACKUP, after(suspect_at))
        }
    }

    /// What has no owner is claimed in the order of the plan, a slot apart.
    pub(crate) fn claim_in_turn(&self, vip: &Vip, eligible: bool, best: Option<&Best>, why: Why) -> Verdict {
        if !eligible {
            return Verdict::Be(State::BACKUP, NEVER);
        }
        if why == Why::First
            && vip.state.claim_at().is_none()
            && let Some(until) = self.awaits(vip)
        {
            return Verdict::Be(vip.state, until);
        }
        let turn = RANK_SLOT * self.rank(vip, best.map(|best| best.ballot.uid));
        let at = vip.state.claim_at().unwrap_or(self.now + turn);
        if self.now >= at { Verdict::Claim(why) } else { Verdict::Be(vip.state.waiting(Some(at)), at) }
    }

    /// Whether the owner, heard after its ballot became known, shows that it holds the VIP no longer.
    pub(crate) fn dropped(&self, address: IpAddr, best: &Best, owner: &Peer) -> bool {
        let Some(beat) = owner.beat else { return false };
        let learned = best.learned;
        let told = best.seen || beat > learned + self.silence_of(owner);
        owner.flags.has(Flags::RESIGN)
            || (self.fresh(owner)
                && owner.pages.current()
                && beat > learned
                && told
                && owner.pages.claim(address).is_none())
    }

    pub(crate) fn claimed_by_live(&self, address: IpAddr) -> bool {
        self.peers.claimed(address, |peer| self.fresh(peer))
    }

    /// Whether the pages of a speaker that lives, by whatever evidence, claim the VIP.
    pub(crate) fn held_by_peer(&self, address: IpAddr, vip: &Vip) -> bool {
        let owner = vip.ballot().and_then(|ballot| self.peers.get(ballot.uid));
        owner.is_some_and(|owner| owner.pages.claim(address).is_some() && !self.silent(owner.uid))
            || self.peers.claimed(address, |peer| !self.silent(peer.uid))
    }

    /// When nobody who is heard has held the VIP for so long that it may be claimed whatever its ballot says.
    pub(crate) fn backstop_at(&self, vip: &Vip) -> Instant {
        vip.held + self.silence() * 3
    }
}
