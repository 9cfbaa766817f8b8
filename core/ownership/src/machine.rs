use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_neighbor::Mac;
use ferrolb_sansio::{Instant, Rng};

use crate::damping::Flapping;
use crate::join::Join;
use crate::outbox::{Outbox, Turn};
use crate::pages::OwnPages;
use crate::peers::Peers;
use crate::rest::Standing;
use crate::state::{Placed, Vip};
use crate::timing::Pace;
use crate::{Counters, LostCause, Plan, Presence, Settings, ShortUid};

/// Who owns which VIP on one interface: the rules, without frames' outer headers and without ARP.
///
/// What it is told arrives here; `receive` takes other speakers' frames, `rules` decides, `send` writes.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) settings: Settings,
    pub(crate) me: ShortUid,
    pub(crate) now: Instant,
    pub(crate) rng: Rng,
    pub(crate) carrier: bool,
    /// Since when the carrier is gone.
    pub(crate) down_since: Instant,
    pub(crate) presence: Presence,
    /// Since when the API has not been heard.
    pub(crate) stale: Option<Instant>,
    /// When any frame of another station last came in.
    pub(crate) heard: Instant,
    pub(crate) flapping: Flapping,
    /// Until when this speaker comes last, by what others saw of it.
    pub(crate) flaps_until: Instant,
    /// The interface's index, and when another one of this node was last heard on its segment.
    pub(crate) index: u32,
    pub(crate) shadowed: Option<Instant>,
    /// Where that other interface's frames came from.
    pub(crate) sibling: Option<Mac>,
    pub(crate) revision: u64,
    pub(crate) nonce: u64,
    pub(crate) sequence: u64,
    pub(crate) pace: Pace,
    pub(crate) join: Option<Join>,
    pub(crate) joined_at: Option<Instant>,
    /// Another speaker was heard here, in this run or in an earlier one.
    pub(crate) acquainted: bool,
    /// People were told that nobody is.
    pub(crate) isolation_told: bool,
    /// Since when a mute speaker has listened on time.
    pub(crate) listening: Instant,
    pub(crate) vips: BTreeMap<IpAddr, Vip>,
    pub(crate) planned: Planned,
    pub(crate) peers: Peers,
    pub(crate) pages: OwnPages,
    /// When a witness last answered, and a client last asked for a VIP.
    pub(crate) witness: Option<Instant>,
    pub(crate) client: Option<Instant>,
    pub(crate) connected_since: Option<Instant>,
    pub(crate) beat_at: Instant,
    pub(crate) witness_at: Instant,
    pub(crate) listed: usize,
    pub(crate) paged: u16,
    /// Grows with every change of a highest ballot, so that claims are compared again only where it matters.
    pub(crate) generation: u64,
    pub(crate) out: Outbox,
    pub(crate) counters: Counters,
    /// When something is due next, but for suspicions.
    pub(crate) next: Instant,
    /// When the next peer comes under suspicion unless it is heard.
    pub(crate) suspicion: Instant,
    /// What the rules last knew of this speaker.
    pub(crate) standing: Standing,
    /// Grows whenever somebody's standing changes.
    pub(crate) standings: u64,
    /// All VIPs are to be looked at.
    pub(crate) stirred: bool,
    /// Grows whenever what is told of a VIP may have changed.
    pub(crate) edition: u64,
    /// VIPs looked at on every wake; the others rest until the standing of somebody changes.
    pub(crate) restless: BTreeSet<IpAddr>,
    /// When the rules were last applied.
    pub(crate) passed: Instant,
    /// When to forget what is old.
    pub(crate) tidy_at: Instant,
    pub(crate) scratch: Vec<IpAddr>,
}

/// What the plan comes to, so that nobody has to look at thousands of VIPs for it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Planned {
    /// VIPs in the plan, and those of them that this node could serve.
    pub(crate) vips: usize,
    pub(crate) ready: usize,
    /// Another node is a candidate of some of them.
    pub(crate) shared: bool,
}

/// The most VIPs tracked on an interface, own plan and others' claims together.
const MAX_VIPS: usize = 16_384;

impl Machine {
    pub(crate) fn new(now: Instant, settings: Settings, index: u32, carrier: bool, seed: u64) -> Self {
        let interval = settings.timing.interval(1);
        let mut rng = Rng::new(seed);
        Self {
            me: settings.uid.short(),
            nonce: rng.next(),
            sequence: 0,
            pace: Pace::new(interval),
            join: Some(Join::new(now, interval)),
            joined_at: None,
            acquainted: false,
            isolation_told: false,
            settings,
            now,
            carrier,
            down_since: now,
            presence: Presence::Staying,
            stale: None,
            heard: now,
            flapping: Flapping::default(),
            flaps_until: Instant::ZERO,
            index,
            shadowed: None,
            sibling: None,
            revision: 0,
            listening: now,
            vips: BTreeMap::new(),
            planned: Planned::default(),
            peers: Peers::default(),
            pages: OwnPages::default(),
            witness: None,
            client: None,
            connected_since: None,
            beat_at: now + rng.jitter(interval / 4),
            witness_at: now,
            listed: 0,
            paged: 0,
            generation: 1,
            out: Outbox::new(),
            counters: Counters::default(),
            next: now,
            suspicion: Instant::MAX,
            standing: Standing::default(),
            standings: 0,
            stirred: true,
            edition: 1,
            restless: BTreeSet::new(),
            passed: now,
            tidy_at: now,
            scratch: Vec::new(),
            rng,
        }
    }

    /// Notes that the loop runs at `now`; every input does so first. Time in which it should have run and did not is
    /// not counted as silence of others, and a long gap means that others may have taken over.
    pub(crate) fn observe(&mut self, now: Instant) {
        let late = now.since(self.due().max(self.now));
        let stalled = self.has_stalled(now);
        let unheard = self.silence().saturating_sub(2 * self.pace.current);
        self.counters.long_gaps += u64::from(now.since(self.now) > unheard);
        self.now = self.now.max(now);
        // The loop sleeps from heartbeat to heartbeat: half of T late, T and a half may have passed unheard, which D outlasts.
        if late > self.pace.current / 2 {
            self.counters.late_loops += 1;
            self.forgive(late);
        }
        if stalled {
            self.counters.stalls += 1;
            self.mute_all(LostCause::Stalled);
        }
    }

    /// When something is due next.
    pub(crate) fn due(&self) -> Instant {
        self.next.min(self.suspicion)
    }

    /// Whether the loop has stood still for so long that others may have taken over.
    pub(crate) fn has_stalled(&self, now: Instant) -> bool {
        now.since(self.now) > self.silence().saturating_sub(self.pace.current)
    }

    pub(crate) fn plan(&mut self, plan: Plan) {
        self.revision = plan.revision;
        for vip in self.vips.values_mut() {
            vip.plan = None;
        }
        let (mut planned, me) = (Planned::default(), self.settings.node.clone());
        let placed = Placed { at: self.now, revision: plan.revision };
        for (address, vip_plan) in plan.vips {
            let Some(vip) = self.vip(address) else { continue };
            vip.plan = Some(vip_plan);
            vip.placed = vip.placed.or(Some(placed));
            planned.vips += 1;
            planned.ready += usize::from(vip.ready());
            planned.shared |= vip.candidates().iter().any(|node| *node != me);
        }
        for vip in self.vips.values_mut().filter(|vip| vip.plan.is_none()) {
            vip.placed = None;
        }
        self.planned = planned;
        self.wake();
    }

    pub(crate) fn ready(&mut self, address: IpAddr, ready: bool) {
        let plan = self.vips.get_mut(&address).and_then(|vip| vip.plan.as_mut());
        if let Some(plan) = plan.filter(|plan| plan.ready != ready) {
            plan.ready = ready;
            if ready {
                self.planned.ready += 1;
            } else {
                self.planned.ready -= 1;
            }
            self.wake();
        }
    }

    pub(crate) fn presence(&mut self, presence: Presence) {
        self.presence = presence;
        self.wake();
    }

    pub(crate) fn stale(&mut self, stale: bool) {
        if stale != self.stale.is_some() {
            self.stale = stale.then_some(self.now);
            self.wake();
        }
    }

    pub(crate) fn carrier(&mut self, up: bool) {
        if up == self.carrier {
            return;
        }
        self.carrier = up;
        if up {
            self.forgive(self.now.since(self.down_since));
            (self.listening, self.heard) = (self.now, self.now);
            // What was withdrawn with the carrier could not be told.
            self.pages.tell_again();
        } else {
            self.down_since = self.now;
            self.mute_all(LostCause::NoCarrier);
            self.out.clear_frames();
        }
        self.wake();
    }

    /// A witness answered.
    pub(crate) fn witness(&mut self, received: Instant) {
        self.witness = self.witness.max(Some(received));
        self.heard = self.heard.max(received);
    }

    /// A client asked for a VIP.
    pub(crate) fn client(&mut self, received: Instant) {
        self.client = self.client.max(Some(received));
    }

    /// The VIP's announcements may have been overruled in clients' caches.
    pub(crate) fn announce_again(&mut self, address: IpAddr) {
        self.out.turns.push(Turn::Again(address));
    }

    /// The VIP's record; made if there is room.
    pub(crate) fn vip(&mut self, address: IpAddr) -> Option<&mut Vip> {
        if self.vips.len() >= MAX_VIPS && !self.vips.contains_key(&address) {
            return None;
        }
        let (now, joining, edition) = (self.now, self.join.is_some(), &mut self.edition);
        let vip = self.vips.entry(address).or_insert_with(|| {
            *edition += 1;
            Vip::new(now, joining)
        });
        vip.named = now;
        Some(vip)
    }

    /// Something changed that the rules must look at, whichever VIPs it concerns.
    pub(crate) fn wake(&mut self) {
        self.next = self.now;
        self.stir();
    }

    /// The same, by the next time that the rules are applied.
    pub(crate) fn stir(&mut self) {
        self.stirred = true;
        self.edition += 1;
    }

    fn forgive(&mut self, late: Duration) {
        let now = self.now;
        for peer in self.peers.iter_mut() {
            peer.life.forgive(late, now);
            peer.unlisted = None;
        }
        for address in &self.restless {
            if let Some(vip) = self.vips.get_mut(address) {
                vip.held = (vip.held + late).min(now);
            }
        }
        self.passed = (self.passed + late).min(now);
        self.listening = (self.listening + late).min(now);
        self.heard = (self.heard + late).min(now);
        if let Some(join) = &mut self.join {
            join.forgive(late);
        }
    }

    pub(crate) fn mute_all(&mut self, cause: LostCause) {
        let owned: Vec<_> = self.vips.iter().filter(|(_, vip)| vip.owned()).map(|(&vip, _)| vip).collect();
        for address in owned {
            self.mute(address, cause);
        }
        self.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_long_before_it_is_a_stall() {
        let settings = Settings::alone("node-a");
        let mut now = Instant::ZERO;
        let mut machine = Machine::new(now, settings, 1, true, 1);
        // D is 88.75 ms and T 25 ms: others may claim after 38.75 ms, all is given up after 63.75 ms.
        let mut counted = |gap| {
            now += Duration::from_millis(gap);
            machine.observe(now);
            (machine.counters.long_gaps, machine.counters.stalls)
        };
        assert_eq!([38, 39, 63, 64].map(&mut counted), [(0, 0), (1, 0), (2, 0), (3, 1)]);
    }
}
