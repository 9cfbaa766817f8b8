use core::time::Duration;

use ferrolb_sansio::Instant;

use crate::join::Join;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::state::Vip;
use crate::wire::Flags;
use crate::{NodeName, Presence, ShortUid};

/// How much later a plan may get to one speaker than to another while VIPs wait for the one they are planned for.
const PLAN_LAG: Duration = Duration::from_millis(500);

/// Questions about who lives, who hears whom, and who may own what.
impl Machine {
    /// D for the own interval.
    pub(crate) fn silence(&self) -> Duration {
        self.settings.timing.silence(self.pace.current)
    }

    /// D for a peer's interval.
    pub(crate) fn silence_of(&self, peer: &Peer) -> Duration {
        self.settings.timing.silence(peer.interval)
    }

    /// Whether the peer was heard directly within D.
    pub(crate) fn fresh(&self, peer: &Peer) -> bool {
        peer.fresh(self.now, self.silence_of(peer))
    }

    /// Whether it was, and could own something.
    pub(crate) fn live(&self, peer: &Peer) -> bool {
        peer.able() && self.fresh(peer)
    }

    /// Whether this speaker can exchange frames with anybody: a live peer that hears it, a witness or a client.
    pub(crate) fn connected(&self) -> bool {
        let silence = self.silence();
        let within = |at: Option<Instant>, limit| at.is_some_and(|at| self.now.since(at) < limit);
        within(self.witness, silence)
            || within(self.client, silence)
            || self
                .peers
                .iter()
                .any(|peer| self.fresh(peer) && within(peer.heard_us, silence + self.pace.current))
    }

    pub(crate) fn note_connection(&mut self) {
        self.connected_since = if self.connected() { self.connected_since.or(Some(self.now)) } else { None };
    }

    /// Whether it has been able to for so long, and knows so much, that it may raise a ballot cast while cut off.
    pub(crate) fn settled(&self) -> bool {
        let long = self.connected_since.is_some_and(|since| self.now.since(since) > self.silence() * 2);
        long && self.peers.iter().all(|peer| !self.fresh(peer) || peer.pages.current())
    }

    /// Whether this speaker may claim the VIP.
    pub(crate) fn eligible(&self, vip: &Vip) -> bool {
        self.join.is_none()
            && self.carrier
            && !self.is_shadowed()
            && !self.listens_in_vain()
            && self.presence != Presence::Draining
            && vip.ready()
            && vip.candidates().contains(&self.settings.node)
    }

    /// How many candidates before this one look as if they would act; `except` is the one being replaced.
    pub(crate) fn rank(&self, vip: &Vip, except: Option<ShortUid>) -> u32 {
        let acts = |peer: &&Peer| Some(peer.uid) != except && self.live(peer);
        let ahead = vip.candidates().iter().filter(|node| {
            self.peers.iter().filter(acts).any(|peer| peer.is_of(node) && self.is_ahead(vip, peer))
        });
        u32::try_from(ahead.count()).unwrap_or(u32::MAX)
    }

    /// Whether the peer's turn comes before this speaker's: in the order of the candidates, those that flap behind the others,
    /// those that leave behind all.
    fn is_ahead(&self, vip: &Vip, peer: &Peer) -> bool {
        let place = |node: &NodeName| vip.candidates().iter().position(|candidate| candidate == node);
        let own = place(&self.settings.node).unwrap_or(usize::MAX);
        let ours = (self.presence == Presence::Leaving, self.is_flapping(), own);
        let theirs = peer.node.as_ref().and_then(place);
        theirs.is_some_and(|place| (peer.flags.has(Flags::LEAVING), self.lets_come_last(peer), place) < ours)
    }

    /// Until when a first claim waits for candidates before this one, so that VIPs are shared as planned: for those that
    /// are joining, not after they have joined, and not for longer than that may take; for those whose plan has not got
    /// to the VIP yet, not for longer than [`PLAN_LAG`].
    pub(crate) fn awaits(&self, vip: &Vip) -> Option<Instant> {
        let ahead = self.peers.iter().filter(|peer| !peer.flags.has(Flags::DRAINING) && self.fresh(peer));
        // Counted from no later than the VIP's own time here, since a speaker that restarts again and again joins anew.
        let joins = |peer: &Peer| {
            let since = peer.joining.filter(|_| peer.flags.has(Flags::JOINING))?.min(vip.since);
            Some(since + Join::wait(peer.interval) + self.silence_of(peer))
        };
        let lags = |peer: &Peer| {
            // Who has lost the API server gets it much later, if at all.
            let placed = vip.placed.filter(|_| !peer.flags.has(Flags::STALE))?;
            (peer.revision < placed.revision).then_some(placed.at + PLAN_LAG)
        };
        let until = |peer: &Peer| joins(peer).max(lags(peer)).filter(|until| self.now < *until);
        ahead.filter(|peer| self.is_ahead(vip, peer)).filter_map(until).max()
    }

    /// Whether, within D, a peer heard this speaker or a witness answered it.
    pub(crate) fn reaches_anybody(&self) -> bool {
        let recent = |at: Option<Instant>| at.is_some_and(|at| self.now.since(at) < self.silence());
        recent(self.witness) || self.peers.iter().any(|peer| recent(peer.heard_us))
    }

    /// Whether a candidate of the VIP has been heard for D without hearing us, and nobody else hears us either.
    pub(crate) fn unheard(&self, vip: &Vip) -> bool {
        let silence = self.silence();
        if self.reaches_anybody() {
            return false;
        }
        self.peers.iter().any(|peer| {
            let deaf_to_us = peer.unlisted.is_some_and(|(first, last)| last.since(first) >= silence);
            let candidate = peer.node.as_ref().is_some_and(|node| vip.candidates().contains(node));
            deaf_to_us && candidate && self.live(peer)
        })
    }

    /// The node a speaker runs on, as far as it was heard.
    pub(crate) fn node_of(&self, uid: ShortUid) -> Option<NodeName> {
        if uid == self.me {
            return Some(self.settings.node.clone());
        }
        self.peers.get(uid).and_then(|peer| peer.node.clone())
    }

    /// The own condition, as told in every frame.
    pub(crate) fn flags(&self) -> Flags {
        // With nothing planned yet there is nothing it is not ready for, and a first plan meets speakers that look able.
        let ready = self.carrier && (self.planned.vips == 0 || self.planned.ready > 0);
        Flags::default()
            .with(Flags::READY, ready)
            .with(Flags::IN_STEP, ready)
            .with(Flags::JOINING, self.join.is_some())
            .with(Flags::DRAINING, self.presence == Presence::Draining)
            .with(Flags::STALE, self.stale.is_some())
            .with(Flags::DEAF, self.deaf())
            .with(Flags::RESIGN, self.presence == Presence::Draining && self.pages.is_empty())
            .with(Flags::LEAVING, self.presence == Presence::Leaving)
            .with(Flags::FLAPPING, self.is_flapping())
    }
}
