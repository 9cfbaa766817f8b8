use core::time::Duration;
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::machine::Machine;
use crate::peers::Peer;
use crate::rules::Verdict;
use crate::state::{State, Vip};
use crate::wire::Flags;

/// What the rules know of this speaker that changes with time and frames. While this and the [`PeerStanding`] of
/// every peer stay the same, the verdict on a VIP that rests stays the same, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Standing {
    joined: bool,
    /// A witness answers once a second: that it did, and that this was long ago, is no news while peers hear us.
    reaches_anybody: bool,
    settled: bool,
    shadowed: bool,
    deaf: bool,
    listens_in_vain: bool,
    isolated: bool,
}

/// What the rules know of a peer that changes with time and frames.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct PeerStanding {
    flags: Flags,
    fresh: bool,
    silent: bool,
    suspect: bool,
    /// All pages it announces are held.
    current: bool,
    /// It heard us within our D.
    heard_us: bool,
    /// Or within D and one interval more.
    hears_us: bool,
    /// Its plan is older than ours.
    older: bool,
    /// Its heartbeats have not listed us for D.
    unlisted: bool,
    /// It has had the API for long while we have not.
    beside_us_stale: bool,
}

/// Thousands of VIPs whose owners live cost nothing while nothing happens.
impl Machine {
    /// Compares what is known of all speakers with the last time, and stirs the VIPs if anything changed. Returns when
    /// a peer comes under suspicion unless it is heard.
    pub(crate) fn take_stock(&mut self) -> Instant {
        let now = self.now;
        let standing = Standing {
            joined: self.join.is_none(),
            reaches_anybody: self.reaches_anybody(),
            settled: self.settled(),
            shadowed: self.is_shadowed(),
            deaf: self.deaf(),
            listens_in_vain: self.listens_in_vain(),
            isolated: self.isolated(),
        };
        let mut changed = core::mem::replace(&mut self.standing, standing) != standing;
        let mut next = Instant::MAX;
        let (timing, ours, interval) = (self.settings.timing, self.silence(), self.pace.current);
        let hears = self.carrier && !standing.deaf;
        let (stale, stale_for) = (self.stale, self.settings.stale_for);
        for peer in self.peers.iter_mut() {
            let mut standing = PeerStanding::of(peer, now, timing.silence(peer.interval), ours, interval);
            standing.older = peer.revision < self.revision;
            standing.beside_us_stale = peer.has_api_beside(stale, now, stale_for);
            let before = core::mem::replace(&mut peer.standing, standing);
            changed |= before != standing;
            if hears && peer.proven && peer.able() && standing.silent && !before.silent {
                peer.node.iter().for_each(|node| self.flapping.died(node, now));
            }
            if peer.suspect_at() >= now {
                next = next.min(peer.suspect_at() + Duration::from_nanos(1));
            }
        }
        self.standings += u64::from(changed);
        self.stirred |= changed;
        next
    }

    /// Lets the VIP rest if nothing but a change of somebody's standing can change the verdict on it.
    pub(crate) fn settle(&mut self, address: IpAddr) {
        let rests = self.vips.get(&address).is_some_and(|vip| self.may_rest(address, vip));
        if let Some(vip) = self.vips.get_mut(&address).filter(|_| rests) {
            vip.rests = true;
            self.restless.remove(&address);
        }
    }

    fn may_rest(&self, address: IpAddr, vip: &Vip) -> bool {
        let Some(best) = vip.best else { return false };
        match vip.state {
            State::Owner => vip.plan.is_some() && self.wish(vip).is_none(),
            State::Backup { claim_at: None } => self.peers.get(best.ballot.uid).is_some_and(|owner| {
                let holds = owner.pages.claim(address).is_some() && !owner.flags.has(Flags::RESIGN);
                let peaceful = holds && !best.resigned && self.now <= owner.suspect_at();
                peaceful && !self.outplanned(address, vip, owner)
            }),
            State::Backup { claim_at: Some(_) }
            | State::Ceding(_)
            | State::Joining
            | State::Suspect { .. }
            | State::Mute => false,
        }
    }

    /// Whether the rules would leave every VIP that rests as it is.
    pub(crate) fn rest_is_justified(&self) -> bool {
        self.vips.iter().filter(|(_, vip)| vip.rests).all(|(&address, vip)| match self.decide(address, vip) {
            Verdict::Be(state, _) => state == vip.state,
            Verdict::Claim(_) | Verdict::Clear | Verdict::Mute | Verdict::Resign | Verdict::Refused => false,
        })
    }
}

impl PeerStanding {
    /// `silence` is D for the peer's interval, `ours` for our own `interval`.
    fn of(peer: &Peer, now: Instant, silence: Duration, ours: Duration, interval: Duration) -> Self {
        let heard_us = |limit| peer.heard_us.is_some_and(|at| now.since(at) < limit);
        Self {
            flags: peer.flags,
            fresh: peer.fresh(now, silence),
            silent: now.since(peer.life.evidence()) >= silence,
            suspect: now > peer.suspect_at(),
            current: peer.pages.current(),
            heard_us: heard_us(ours),
            hears_us: heard_us(ours + interval),
            older: false,
            beside_us_stale: false,
            unlisted: peer.unlisted.is_some_and(|(first, last)| last.since(first) >= ours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeName, Plan, Presence, Settings, ShortUid, Timing, VipPlan};

    const VIPS: u8 = 50;

    fn machine() -> Machine {
        let node = NodeName::new("node-a").unwrap();
        let settings = Settings::alone("node-a");
        let placed = VipPlan { candidates: vec![node], move_to: None, revision: 1, ready: true };
        let vips = (0..VIPS).map(|n| (IpAddr::from([192, 0, 2, n]), placed.clone())).collect();
        let mut machine = Machine::new(Instant::from_millis(1), settings, 2, true, 1);
        machine.plan(Plan { revision: 1, vips });
        machine
    }

    /// Wakes the machine every 10 ms; a witness answers.
    fn run(machine: &mut Machine, millis: u32) {
        for _ in 0..millis / 10 {
            let now = machine.now + Duration::from_millis(10);
            machine.observe(now);
            machine.witness(now);
            machine.timeout();
            while machine.poll_frame(&mut Vec::new()).is_some() {}
        }
    }

    #[test]
    fn what_is_owned_in_peace_rests_and_what_is_not_does_not() {
        let mut machine = machine();
        run(&mut machine, 400);
        assert_eq!(machine.restless.len(), usize::from(VIPS), "all wait for the end of J");
        run(&mut machine, 400);
        assert!(machine.vips.values().all(|vip| vip.owned() && vip.rests));
        assert!(machine.restless.is_empty());
        machine.presence(Presence::Draining);
        run(&mut machine, 100);
        assert!(machine.vips.values().all(|vip| vip.owned() && !vip.rests), "nobody else can take them");
        assert_eq!(machine.restless.len(), usize::from(VIPS));
        machine.presence(Presence::Staying);
        run(&mut machine, 100);
        assert!(machine.restless.is_empty());
    }

    /// A witness answers once a second, far less often than D.
    #[test]
    fn a_witness_that_answers_now_and_then_stirs_nobody_while_a_peer_hears_us() {
        let mut machine = machine();
        run(&mut machine, 900);
        let mut standings = Vec::new();
        for turn in 0..300 {
            let now = machine.now + Duration::from_millis(10);
            machine.observe(now);
            if turn % 100 == 0 {
                machine.witness(now);
            }
            let interval = Timing::REALTIME.min_interval;
            let peer = machine.peers.entry(ShortUid(7), interval).0;
            peer.proven = true;
            (peer.heard_us, peer.life.heard, peer.contact) = (Some(now), Some(now), now);
            machine.heard = now;
            machine.timeout();
            while machine.poll_frame(&mut Vec::new()).is_some() {}
            standings.push(machine.standings);
        }
        assert_eq!(standings[50], standings[299], "nothing changed after the peer was met");
    }

    #[test]
    fn time_at_rest_counts_as_held() {
        let mut vip = Vip::new(Instant::from_millis(1), false);
        (vip.rests, vip.backstop_probes) = (true, 2);
        vip.rouse(Instant::from_millis(900));
        assert_eq!((vip.held, vip.backstop_probes, vip.rests), (Instant::from_millis(900), 0, false));
        vip.rouse(Instant::from_millis(950));
        assert_eq!(vip.held, Instant::from_millis(900), "it did not rest any more");
    }
}
