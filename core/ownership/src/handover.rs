use core::time::Duration;
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::acts::Why;
use crate::damping::Moves;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::rules::{NEVER, Verdict};
use crate::state::{State, Vip};
use crate::wire::{Flags, Offer, Records};
use crate::{NodeName, Presence, ShortUid, VipPlan};

/// Why an owner that lives wants to own no longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    /// This speaker drains or ends.
    Draining,
    /// The plan lists this node no longer.
    NotListed,
    /// This node cannot serve the VIP.
    NotReady,
    /// A candidate with a newer plan asked for it.
    Evicted(ShortUid),
    /// This node is about to be taken away, and another stays.
    Leaving,
    /// The plan names the node that shall own it.
    Moved,
    /// This speaker has lost the API, and another has not.
    Stale,
}

impl Cause {
    /// Whether the VIP could as well stay; such moves are damped.
    fn is_voluntary(self) -> bool {
        match self {
            Self::Draining | Self::NotListed | Self::NotReady | Self::Evicted(_) | Self::Leaving => false,
            Self::Moved | Self::Stale => true,
        }
    }
}

/// An offer under way: to whom, since when, how often it was sent, and who was asked in vain.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Offering {
    pub(crate) to: ShortUid,
    pub(crate) voluntary: bool,
    since: Instant,
    sent: u8,
    asked: Asked,
}

/// Who was asked: the candidates, and one that evicts.
type Asked = [Option<ShortUid>; VipPlan::MAX_CANDIDATES + 1];

/// That nobody took the VIP: when to ask again, unless something changes among the speakers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    until: Instant,
    standings: u64,
}

/// Whoever is offered a VIP has so long to claim it.
const PATIENCE: Duration = Duration::from_millis(100);
/// An offer is sent again after each of these.
const COPIES: u8 = 3;
const COPY_INTERVAL: Duration = Duration::from_millis(15);
/// Where nobody took a VIP, all are asked again after this.
const ASK_AGAIN: Duration = Duration::from_millis(500);

impl Offering {
    fn new(to: ShortUid, voluntary: bool, now: Instant) -> Self {
        Self { to, voluntary, since: now, sent: 0, asked: [None; VipPlan::MAX_CANDIDATES + 1] }
    }

    /// The same VIP is offered to somebody else; `None` where no more can be asked.
    fn next(self, to: ShortUid, voluntary: bool, now: Instant) -> Option<Self> {
        let mut asked = self.asked;
        *asked.iter_mut().find(|place| place.is_none())? = Some(self.to);
        Some(Self { asked, ..Self::new(to, voluntary, now) })
    }

    pub(crate) fn has_asked(&self, uid: ShortUid) -> bool {
        self.to == uid || self.asked.contains(&Some(uid))
    }

    fn copy_due(&self) -> Instant {
        if self.sent < COPIES { self.since + COPY_INTERVAL * u32::from(self.sent) } else { NEVER }
    }
}

/// Handing over without a gap: the owner answers until the taker's claim is heard.
impl Machine {
    /// Why this speaker should own the VIP no longer, if another can have it.
    pub(crate) fn cause(&self, vip: &Vip) -> Option<Cause> {
        let cause = self.wish(vip)?;
        let damped = cause.is_voluntary() && vip.moves.damped_until().is_some_and(|until| self.now < until);
        (!damped).then_some(cause)
    }

    /// The same, were moves not damped.
    pub(crate) fn wish(&self, vip: &Vip) -> Option<Cause> {
        if self.presence == Presence::Draining {
            return Some(Cause::Draining);
        }
        if !vip.candidates().contains(&self.settings.node) {
            return Some(Cause::NotListed);
        }
        if !vip.ready() {
            return Some(Cause::NotReady);
        }
        if let Some(by) = vip.evicted_by {
            return Some(Cause::Evicted(by));
        }
        let moved = vip.target().is_some_and(|target| *target != self.settings.node);
        let causes = [
            (self.presence == Presence::Leaving, Cause::Leaving),
            (moved, Cause::Moved),
            (self.stale.is_some(), Cause::Stale),
        ];
        let possible = |cause: &Cause| self.taker(vip, *cause, |_| false).is_some();
        causes.into_iter().filter(|(holds, _)| *holds).map(|(_, cause)| cause).find(possible)
    }

    /// Whether an owner stays one until something changes: it should, or nobody else can have the VIP.
    pub(crate) fn stays(&self, vip: &Vip) -> bool {
        self.wish(vip).is_none_or(|cause| self.taker(vip, cause, |_| false).is_none())
    }

    /// What an owner does that should not be one.
    pub(crate) fn decide_to_cede(&self, vip: &Vip, cause: Cause) -> Verdict {
        let Some(to) = self.taker(vip, cause, |_| false) else { return Verdict::Be(State::Owner, NEVER) };
        match vip.refusal {
            Some(refusal) if self.now < refusal.until && refusal.standings == self.standings => {
                Verdict::Be(State::Owner, refusal.until)
            }
            Some(_) | None => self.offering(Offering::new(to, cause.is_voluntary(), self.now)),
        }
    }

    pub(crate) fn decide_ceding(&self, vip: &Vip, offering: Offering) -> Verdict {
        let Some(cause) = self.cause(vip) else { return Verdict::Be(State::Owner, self.now) };
        let patient = self.now < offering.since + PATIENCE;
        let able = self.peers.get(offering.to).is_some_and(|peer| self.takes_from_us(peer, cause));
        if patient && able {
            return self.offering(offering);
        }
        let next = self.taker(vip, cause, |uid| offering.has_asked(uid));
        let next = next.and_then(|to| offering.next(to, cause.is_voluntary(), self.now));
        next.map_or(Verdict::Refused, |next| self.offering(next))
    }

    fn offering(&self, offering: Offering) -> Verdict {
        Verdict::Be(State::Ceding(offering), offering.copy_due().min(offering.since + PATIENCE).max(self.now))
    }

    /// Offers the VIP where a copy of the offer is due.
    pub(crate) fn offer(&mut self, address: IpAddr) {
        let now = self.now;
        let Some(vip) = self.vips.get_mut(&address) else { return };
        let (State::Ceding(offering), Some(best)) = (&mut vip.state, vip.best) else { return };
        if now < offering.copy_due() {
            return;
        }
        if offering.sent == 0 {
            self.counters.offers += 1;
        }
        offering.sent += 1;
        let moves = vip.moves.ages(now);
        self.out.offers.push(Offer {
            vip: address,
            ballot: best.ballot,
            to: offering.to,
            voluntary: offering.voluntary,
            moves,
        });
    }

    /// Nobody takes the VIP: it is kept for now, and who wanted it must ask again.
    pub(crate) fn keep(&mut self, address: IpAddr) {
        let (now, standings) = (self.now, self.standings);
        if let Some(vip) = self.vips.get_mut(&address) {
            vip.enter(State::Owner, now);
            vip.refusal = Some(Refusal { until: now + ASK_AGAIN, standings });
            vip.evicted_by = None;
        }
    }

    /// The best speaker to hand the VIP to: one that wants it, the one the plan names, then the candidates in order;
    /// those that leave, have lost the API or die all the time come last.
    fn taker(&self, vip: &Vip, cause: Cause, asked: impl Fn(ShortUid) -> bool) -> Option<ShortUid> {
        let evictor = vip.evicted_by.and_then(|uid| self.peers.get(uid));
        let candidates: &[NodeName] = if cause == Cause::Moved { &[] } else { vip.candidates() };
        let of_node = |node: &NodeName| {
            self.peers.iter().find(|peer| peer.is_of(node) && self.takes_from_us(peer, cause))
        };
        let named = vip.target().into_iter().chain(candidates).filter_map(of_node);
        let fit = |peer: &&Peer| self.takes_from_us(peer, cause) && !asked(peer.uid);
        let last = |peer: &Peer| {
            (peer.flags.has(Flags::LEAVING), peer.flags.has(Flags::STALE), self.lets_come_last(peer))
        };
        evictor.filter(fit).or_else(|| named.filter(fit).min_by_key(|peer| last(peer))).map(|peer| peer.uid)
    }

    /// Whether the peer could take a VIP now, hears us offer it, and would not offer it back at once.
    fn takes_from_us(&self, peer: &Peer, cause: Cause) -> bool {
        let hears = peer.heard_us.is_some_and(|at| self.now.since(at) < self.silence() + self.pace.current);
        let stays = !peer.flags.has(Flags::LEAVING);
        let keeps = match cause {
            Cause::Leaving => stays,
            Cause::Stale => stays && peer.has_api_beside(self.stale, self.now, self.settings.stale_for),
            Cause::Moved => stays && (self.stale.is_some() || !peer.flags.has(Flags::STALE)),
            Cause::Draining | Cause::NotListed | Cause::NotReady | Cause::Evicted(_) => true,
        };
        keeps && hears && self.live(peer) && peer.node.as_ref() != Some(&self.settings.node)
    }

    /// The owner of a VIP offers it to us.
    pub(crate) fn offers(&mut self, received: Instant, from: ShortUid, offers: Records<'_, Offer>) {
        for offer in offers.iter().filter(|offer| offer.ballot.uid == from) {
            self.see(received, offer.vip, offer.ballot, from, Duration::ZERO);
            if offer.to != self.me {
                continue;
            }
            // Whoever offers us something hears us, whatever older heartbeats of it did not say.
            if let Some(peer) = self.peers.get_mut(from) {
                (peer.heard_us, peer.unlisted) = (peer.heard_us.max(Some(received)), None);
            }
            let Some(vip) = self.vips.get(&offer.vip) else { continue };
            let waits = match vip.state {
                State::Backup { .. } | State::Suspect { .. } => true,
                State::Joining | State::Owner | State::Ceding(_) | State::Mute => false,
            };
            if waits && vip.ballot() == Some(offer.ballot) && self.eligible(vip) {
                let moves = Moves::of_ages(offer.moves, received);
                let moves = if offer.voluntary { moves.and(received) } else { moves };
                self.claim(offer.vip, Why::Offered(moves));
            }
        }
    }
}
