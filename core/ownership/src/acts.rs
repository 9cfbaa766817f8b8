use std::net::IpAddr;

use crate::damping::Moves;
use crate::machine::Machine;
use crate::outbox::{Probe, Turn};
use crate::state::{Best, State};
use crate::wire::{Claim, Loss};
use crate::{Ballot, Event, LostCause};

/// Why a VIP is claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Why {
    /// Nobody has claimed it yet.
    First,
    /// The highest ballot is our own, and nobody claims the VIP.
    Own,
    /// Its owner has given it up.
    GivenUp,
    /// Its owner is silent, or nobody answers for it.
    TakeOver,
    /// Its owner offers it to us; so it last moved.
    Offered(Moves),
    /// We own it with a ballot cast while cut off, and are not any longer.
    Connected,
    /// We own it, and the ballot above ours is that of a speaker nobody hears.
    Above(u64),
}

/// Changes of hands.
impl Machine {
    /// Moves between states that answer for nothing.
    pub(crate) fn enter(&mut self, address: IpAddr, state: State) {
        let now = self.now;
        if let Some(vip) = self.vips.get_mut(&address) {
            vip.enter(state, now);
            if let (State::Suspect { .. }, Some(uid)) = (state, vip.ballot().map(|ballot| ballot.uid))
                && let Some(owner) = self.peers.get_mut(uid)
            {
                owner.suspects += 1;
                // Each suspect is equally likely to be the one that is probed.
                if self.rng.below(u64::from(owner.suspects)) == 0 {
                    owner.probe_vip = Some(address);
                }
            }
        }
    }

    /// Claims the VIP with a higher term than any seen, and answers for it from now on.
    pub(crate) fn claim(&mut self, address: IpAddr, why: Why) {
        // Whoever offers it hears us.
        let (now, connected) = (self.now, matches!(why, Why::Offered(_)) || self.connected());
        let Some(vip) = self.vips.get_mut(&address) else { return };
        let below = match why {
            Why::Above(term) => term,
            Why::First | Why::Own | Why::GivenUp | Why::TakeOver | Why::Offered(_) | Why::Connected => {
                vip.ballot().map_or(0, |ballot| ballot.term)
            }
        };
        let ballot = Ballot { connected, term: below.saturating_add(1), uid: self.me };
        if !self.pages.claim(Claim { vip: address, connected, term: ballot.term, moves: [0; 2] }) {
            return;
        }
        vip.best = Some(Best { seen: true, ..Best::new(ballot, now) });
        vip.enter(State::Owner, now);
        (vip.evicted_by, vip.refusal, vip.eviction, vip.clearance) = (None, None, None, None);
        // Nobody held it: the question who has it goes along with the claim, and an answer undoes that.
        let freely = matches!(why, Why::First | Why::GivenUp);
        vip.claimed_freely = freely.then_some(now);
        if freely {
            self.out.probe(Probe::Claim { vip: address });
        }
        if let Why::Offered(moves) = why {
            vip.moves = moves;
        }
        vip.rouse(self.passed);
        self.restless.insert(address);
        self.generation += 1;
        self.edition += 1;
        match why {
            Why::First => self.counters.first_claims += 1,
            Why::Offered(_) => self.counters.offers_taken += 1,
            Why::GivenUp | Why::TakeOver => self.counters.take_overs += 1,
            Why::Own | Why::Connected | Why::Above(_) => self.counters.raises += 1,
        }
        self.out.turns.push(Turn::Start(address));
        self.out.event(Event::Owned { vip: address, term: ballot.term, connected });
    }

    /// A higher ballot is known: it is the highest now, and what we held under a lower one is given up.
    pub(crate) fn yield_to(&mut self, address: IpAddr, ballot: Ballot, seen: bool) {
        let now = self.now;
        let winner = self.peers.get(ballot.uid).and_then(|peer| peer.node.clone());
        let Some(vip) = self.vip(address) else { return };
        let old = vip.best.replace(Best { seen, ..Best::new(ballot, now) });
        let owned = vip.owned();
        let ceded = matches!(vip.state, State::Ceding(offering) if offering.has_asked(ballot.uid));
        vip.eviction = None;
        if vip.state != State::Joining {
            vip.enter(State::BACKUP, now);
        }
        if owned {
            *if ceded { &mut self.counters.handovers } else { &mut self.counters.yields } += 1;
            self.pages.withdraw(address, Some(now));
            self.out.lost.extend(old.map(|old| Loss { vip: address, ballot: old.ballot }));
            self.out.turns.push(Turn::Stop(address));
            let cause = if ceded { LostCause::Ceded } else { LostCause::Outvoted };
            self.out.event(Event::Lost { vip: address, to: winner, cause });
        }
        self.generation += 1;
        self.wake();
    }

    /// Stops answering without giving up the ballot: others may or may not have taken over.
    pub(crate) fn mute(&mut self, address: IpAddr, cause: LostCause) {
        self.listening = self.now;
        self.stop(address, State::Mute, cause);
    }

    /// Gives up everything that is left, taken by others or not.
    pub(crate) fn resign_all(&mut self) {
        let owned: Vec<_> = self.vips.iter().filter(|(_, vip)| vip.owned()).map(|(&vip, _)| vip).collect();
        owned.into_iter().for_each(|address| self.resign(address));
        self.flush();
    }

    pub(crate) fn resign(&mut self, address: IpAddr) {
        self.give_up(address, LostCause::Resigned);
    }

    pub(crate) fn give_up(&mut self, address: IpAddr, cause: LostCause) {
        self.counters.resignations += 1;
        if let Some(best) = self.vips.get_mut(&address).and_then(|vip| vip.best.as_mut()) {
            best.resigned = true;
            self.out.resigned.push(Loss { vip: address, ballot: best.ballot });
        }
        self.stop(address, State::BACKUP, cause);
    }

    pub(crate) fn stop(&mut self, address: IpAddr, state: State, cause: LostCause) {
        let now = self.now;
        if let Some(vip) = self.vips.get_mut(&address) {
            vip.enter(state, now);
            vip.held = now;
        }
        self.pages.withdraw(address, None);
        self.out.turns.push(Turn::Stop(address));
        self.out.event(Event::Lost { vip: address, to: None, cause });
        self.wake();
    }
}
