use core::time::Duration;
use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::ShortUid;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::rules::Verdict;
use crate::state::{Rest, State, Vip};
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
    pub(crate) flags: Flags,
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
    /// Compares what is known of all speakers with the last time, and stirs the VIPs if anything changed.
    pub(crate) fn take_stock(&mut self) {
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
        let (timing, ours, interval) = (self.settings.timing, self.silence(), self.pace.current);
        let hears = self.carrier && !standing.deaf;
        let (stale, stale_for) = (self.stale, self.settings.stale_for);
        for peer in self.peers.iter_mut() {
            let mut standing = PeerStanding::of(peer, now, timing.silence(peer.interval), ours, interval);
            standing.older = peer.revision < self.revision;
            standing.beside_us_stale = peer.has_api_beside(stale, now, stale_for);
            let before = core::mem::replace(&mut peer.standing, standing);
            let by_suspicion = PeerStanding { suspect: !before.suspect, ..before } == standing;
            if by_suspicion {
                // A late heartbeat concerns nobody but those who wait for its sender.
                self.restless.extend(peer.pages.vips());
                self.standings += 1;
            } else {
                changed |= before != standing;
            }
            if hears && peer.proven && peer.able() && standing.silent && !before.silent {
                peer.node.iter().for_each(|node| self.flapping.died(node, now));
            }
        }
        if changed {
            self.standings += 1;
            self.stir();
        }
        self.suspicion = self.next_suspicion();
    }

    /// A peer that was to come under suspicion after `before` was heard. Otherwise this speaker would wake between its
    /// heartbeats for suspicions that were dispelled long before.
    pub(crate) fn dispel(&mut self, before: Instant, uid: ShortUid) {
        if before < self.suspicion {
            self.suspicion = self.next_suspicion();
        } else if let Some(peer) = self.peers.get(uid) {
            self.suspicion = self.suspicion.min(peer.suspect_at() + Duration::from_nanos(1));
        }
    }

    fn next_suspicion(&self) -> Instant {
        let trusted = self.peers.iter().filter(|peer| !peer.standing.suspect);
        trusted.map(|peer| peer.suspect_at() + Duration::from_nanos(1)).min().unwrap_or(Instant::MAX)
    }

    /// Lets the VIP rest if nothing but a change of somebody's standing can change the verdict on it; whether it does.
    pub(crate) fn settle(&mut self, address: IpAddr) -> bool {
        let rest = self.vips.get(&address).and_then(|vip| self.rest(address, vip));
        if let Some(vip) = self.vips.get_mut(&address).filter(|_| rest.is_some()) {
            vip.rest = rest;
            self.restless.remove(&address);
        }
        rest.is_some()
    }

    fn rest(&self, address: IpAddr, vip: &Vip) -> Option<Rest> {
        if vip.clearance.is_some() && self.contestant(vip).is_some() {
            return None;
        }
        match vip.state {
            State::Owner => (vip.plan.is_some() && self.stays(vip)).then_some(Rest::Held),
            State::Backup { claim_at: None } => match vip.best {
                Some(best) if !best.resigned && best.ballot.uid != self.me => {
                    let owner = self.peers.get(best.ballot.uid)?;
                    let holds = owner.pages.claim(address).is_some() && !owner.flags.has(Flags::RESIGN);
                    let peaceful = holds && self.now <= owner.suspect_at();
                    (peaceful && !self.outplanned(address, vip, owner)).then_some(Rest::Held)
                }
                Some(_) | None => (!self.eligible(vip)).then_some(Rest::Barred),
            },
            State::Backup { claim_at: Some(_) }
            | State::Ceding(_)
            | State::Joining
            | State::Suspect { .. }
            | State::Mute => None,
        }
    }

    /// Whether the rules would leave every VIP that rests as it is.
    pub(crate) fn rest_is_justified(&self) -> bool {
        let mut resting = self.vips.iter().filter(|(_, vip)| vip.rest.is_some());
        resting.all(|(&address, vip)| match self.decide(address, vip) {
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
    use ferrolb_neighbor::Mac;

    use super::*;
    use crate::wire::Claim;
    use crate::{Ballot, NodeName, Plan, Presence, Settings, Timing, VipPlan};

    const VIPS: u8 = 50;
    const TURN: Duration = Duration::from_millis(10);

    fn vip(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    /// That of node-a, which every VIP is placed on.
    fn machine() -> Machine {
        machine_of("node-a", true)
    }

    fn machine_of(node: &str, ready: bool) -> Machine {
        let candidates = vec![NodeName::new("node-a").unwrap(), NodeName::new("node-b").unwrap()];
        let placed = VipPlan { candidates, move_to: None, revision: 1, ready };
        let vips = (0..VIPS).map(|n| (vip(n), placed.clone())).collect();
        let mut machine = Machine::new(Instant::from_millis(1), Settings::alone(node), 2, true, 1);
        machine.plan(Plan { revision: 1, vips });
        machine
    }

    /// A peer is heard that hears us.
    fn hear(machine: &mut Machine, uid: u64) {
        let now = machine.now;
        let peer = machine.peers.entry(ShortUid(uid), Timing::REALTIME.min_interval).0;
        let before = peer.suspect_at();
        (peer.proven, peer.flags) = (true, Flags::READY);
        (peer.heard_us, peer.life.heard, peer.contact) = (Some(now), Some(now), now);
        machine.heard = now;
        machine.dispel(before, ShortUid(uid));
    }

    /// A peer tells that it owns every VIP.
    fn claim(machine: &mut Machine, uid: u64) {
        let claims = (0..VIPS).map(|n| Claim { vip: vip(n), connected: true, term: 1, moves: [255; 2] });
        let peer = machine.peers.entry(ShortUid(uid), Timing::REALTIME.min_interval).0;
        peer.pages.take(0, 1, claims);
        peer.pages.announce(1, 1);
        for n in 0..VIPS {
            machine.yield_to(vip(n), Ballot { connected: true, term: 1, uid: ShortUid(uid) }, true);
        }
    }

    fn turn(machine: &mut Machine, heard: &[u64]) {
        let now = machine.now + TURN;
        machine.observe(now);
        heard.iter().for_each(|&uid| hear(machine, uid));
        machine.timeout();
        while machine.poll_frame(&mut Vec::new()).is_some() {}
    }

    fn states(machine: &Machine, state: State) -> usize {
        machine.vips.values().filter(|vip| vip.state == state).count()
    }

    /// Wakes the machine every 10 ms; a witness answers.
    fn run(machine: &mut Machine, millis: u32) {
        for _ in 0..millis / 10 {
            let now = machine.now + TURN;
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
        assert!(machine.vips.values().all(|vip| vip.owned() && vip.rest == Some(Rest::Held)));
        assert!(machine.restless.is_empty());
    }

    #[test]
    fn what_nobody_else_can_take_rests_until_somebody_can() {
        let mut machine = machine();
        run(&mut machine, 900);
        machine.presence(Presence::Draining);
        run(&mut machine, 100);
        assert!(machine.restless.is_empty() && states(&machine, State::Owner) == usize::from(VIPS));
        let edition = machine.edition;
        run(&mut machine, 1_000);
        assert_eq!(machine.edition, edition, "no VIP was looked at");
        machine.peers.entry(ShortUid(7), Timing::REALTIME.min_interval).0.node = NodeName::new("node-b").ok();
        for _ in 0..3 {
            turn(&mut machine, &[7]);
        }
        assert_eq!(states(&machine, State::Owner), 0, "it is offered all of them");
    }

    #[test]
    fn what_nobody_owns_and_we_may_not_claim_rests_until_we_may() {
        let mut machine = machine_of("node-a", false);
        run(&mut machine, 900);
        assert!(machine.vips.values().all(|vip| vip.rest == Some(Rest::Barred)));
        let edition = machine.edition;
        run(&mut machine, 1_000);
        assert_eq!((machine.edition, machine.restless.len()), (edition, 0), "no VIP was looked at");
        machine.ready(vip(3), true);
        run(&mut machine, 100);
        assert_eq!(states(&machine, State::Owner), 1);
        assert!(!machine.flags().has(Flags::RESIGN) && machine.flags().has(Flags::READY));
    }

    #[test]
    fn what_another_station_uses_is_looked_at_until_that_is_forgotten() {
        let mut machine = machine();
        machine.contested(machine.now, vip(3), Mac([2, 0, 0, 0, 0, 3]));
        run(&mut machine, 900);
        assert!(machine.vips[&vip(3)].clearance.is_some(), "it is asked for first");
        machine.ready(vip(3), false);
        for _ in 0..2 {
            let edition = machine.edition;
            machine.vips.get_mut(&vip(3)).unwrap().foreign = None;
            run(&mut machine, 100);
            assert!(
                machine.edition > edition && machine.restless.is_empty(),
                "that it is forgotten was noticed"
            );
            machine.contested(machine.now, vip(3), Mac([2, 0, 0, 0, 0, 3]));
            run(&mut machine, 100);
            assert_eq!(machine.restless, [vip(3)].into());
        }
    }

    #[test]
    fn a_late_heartbeat_concerns_only_those_who_wait_for_its_sender() {
        let mut machine = machine_of("node-c", true);
        // At most 3·J, since they answer nothing.
        for _ in 0..160 {
            turn(&mut machine, &[7, 9]);
        }
        claim(&mut machine, 7);
        for _ in 0..20 {
            turn(&mut machine, &[7, 9]);
        }
        let edition = machine.edition;
        for _ in 0..5 {
            turn(&mut machine, &[7]);
        }
        assert!(machine.peers.get(ShortUid(9)).unwrap().standing.suspect, "its heartbeats are late");
        turn(&mut machine, &[7, 9]);
        assert_eq!(machine.edition, edition, "no VIP was looked at");
        for _ in 0..5 {
            turn(&mut machine, &[9]);
        }
        assert_eq!(states(&machine, State::Suspect { claim_at: None }), usize::from(VIPS));
        turn(&mut machine, &[7, 9]);
        assert_eq!(states(&machine, State::BACKUP), usize::from(VIPS));
        let edition = machine.edition;
        turn(&mut machine, &[7, 9]);
        assert_eq!((machine.edition, machine.restless.len()), (edition, 0), "they rest again");
    }

    /// A witness answers once a second, far less often than D.
    #[test]
    fn a_witness_that_answers_now_and_then_stirs_nobody_while_a_peer_hears_us() {
        let mut machine = machine();
        run(&mut machine, 900);
        let mut editions = Vec::new();
        for count in 0..300 {
            if count % 100 == 0 {
                machine.witness(machine.now);
            }
            turn(&mut machine, &[7]);
            editions.push((machine.standings, machine.edition));
        }
        assert_eq!(editions[50], editions[299], "nothing changed after the peer was met");
    }

    #[test]
    fn time_at_rest_counts_as_held_if_somebody_held_it() {
        let mut vip = Vip::new(Instant::from_millis(1), false);
        (vip.rest, vip.backstop_probes) = (Some(Rest::Held), 2);
        vip.rouse(Instant::from_millis(900));
        assert_eq!((vip.held, vip.backstop_probes, vip.rest), (Instant::from_millis(900), 0, None));
        vip.rouse(Instant::from_millis(950));
        assert_eq!(vip.held, Instant::from_millis(900), "it did not rest any more");
        vip.rest = Some(Rest::Barred);
        vip.rouse(Instant::from_millis(970));
        assert_eq!(vip.held, Instant::from_millis(900), "nobody held it");
    }
}
