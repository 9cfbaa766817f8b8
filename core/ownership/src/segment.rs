mod hear;
mod say;

use std::net::IpAddr;

use ferrolb_neighbor::{Mac, Neighbor, PerStation, solicited_node};
use ferrolb_sansio::Instant;

use crate::machine::Machine;
use crate::outbox::{Probe, Turn};
use crate::peers::Peer;
use crate::state::Vip;
use crate::wire;
use crate::{
    Counters, Event, GROUP_V4, GROUP_V6, Interface, Keys, Plan, Presence, SegmentStatus, Settings, VipStatus,
};

/// Everything layer 2 on one interface: hears frames, decides who owns which VIP, answers for the own ones.
///
/// Raw Ethernet frames go in, raw Ethernet frames come out. Drain received frames first, then call
/// [`Self::handle_timeout`], then drain [`Self::poll_transmit`] and [`Self::poll_event`], then sleep until
/// [`Self::poll_timeout`] or the next frame. After any other `handle_*`, go on with [`Self::handle_timeout`].
#[derive(Clone, Debug)]
pub struct Segment {
    interface: Interface,
    machine: Machine,
    neighbor: Neighbor,
    /// Wrong signatures by station: who sends too many is not verified any more.
    forgers: PerStation,
    /// The same for stations that are known speakers, so that others cannot silence them that cheaply.
    forged_speakers: PerStation,
    witnesses: Vec<(IpAddr, Mac)>,
    payload: Vec<u8>,
    probes: Vec<Probe>,
}

impl Segment {
    const FORGED_PER_SECOND: u32 = 200;
    const FORGED_SPEAKER_PER_SECOND: u32 = 5_000;

    /// A segment that starts in the state JOINING. `seed` must differ from process to process.
    pub fn new(now: Instant, settings: Settings, interface: Interface, seed: u64) -> Self {
        Self {
            neighbor: Neighbor::new(interface.mac, settings.gratuitous_rate, !seed),
            machine: Machine::new(now, settings, interface.index, interface.carrier, seed),
            interface,
            forgers: PerStation::new(Self::FORGED_PER_SECOND, Self::FORGED_PER_SECOND),
            forged_speakers: PerStation::new(
                Self::FORGED_SPEAKER_PER_SECOND,
                Self::FORGED_SPEAKER_PER_SECOND,
            ),
            witnesses: Vec::new(),
            payload: Vec::with_capacity(wire::MAX_LEN),
            probes: Vec::new(),
        }
    }

    /// Takes the newest plan, in place of the one before.
    pub fn handle_plan(&mut self, now: Instant, plan: Plan) {
        self.machine.observe(now);
        self.machine.plan(plan);
        self.turn();
    }

    /// Takes a change of one VIP's readiness; the same gate as [`crate::VipPlan::ready`].
    pub fn handle_ready(&mut self, now: Instant, vip: IpAddr, ready: bool) {
        self.machine.observe(now);
        self.machine.ready(vip, ready);
        self.turn();
    }

    /// Whether this node is to own VIPs. One that is not hands over what another candidate can take as soon as one can, and
    /// keeps what nobody can: see [`Self::handle_end`].
    pub fn handle_presence(&mut self, now: Instant, presence: Presence) {
        self.machine.observe(now);
        self.machine.presence(presence);
        self.turn();
    }

    /// Whether the API has not been heard for a while: VIPs move to speakers that hear it.
    pub fn handle_stale(&mut self, now: Instant, stale: bool) {
        self.machine.observe(now);
        self.machine.stale(stale);
        self.turn();
    }

    /// The speaker ends in a few milliseconds: what nobody took is given up, so that nobody waits for a silence.
    pub fn handle_end(&mut self, now: Instant) {
        self.machine.observe(now);
        self.machine.presence(Presence::Draining);
        self.machine.resign_all();
        self.turn();
    }

    /// Takes a change of the interface: carrier, MAC, addresses, gateways.
    pub fn handle_interface(&mut self, now: Instant, interface: Interface) {
        self.machine.observe(now);
        self.machine.carrier(interface.carrier);
        if !interface.carrier {
            self.neighbor.silence();
        }
        if interface.mac != self.interface.mac {
            self.neighbor.set_mac(interface.mac);
            self.machine.announce_all_again();
        }
        self.witnesses.retain(|(gateway, _)| interface.gateways.contains(gateway));
        self.interface = interface;
        self.turn();
    }

    /// Takes other keys.
    pub fn handle_keys(&mut self, now: Instant, keys: Keys) {
        self.machine.observe(now);
        self.machine.settings.keys = keys;
        self.turn();
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.machine.observe(now);
        self.machine.timeout();
        self.turn();
        self.neighbor.handle_timeout(now);
    }

    /// Whether nothing was told to this segment for so long that others may have taken over: what waits to be sent is to be
    /// dropped, and [`Self::handle_timeout`] called.
    pub fn has_stalled(&self, now: Instant) -> bool {
        self.machine.has_stalled(now)
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.neighbor.poll_timeout(self.machine.now).into_iter().chain([self.machine.due()]).min()
    }

    /// The next thing that happened.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.machine.out.take_event()
    }

    /// The VIPs of the plan, and others known to be claimed, as this speaker sees them.
    pub fn vips(&self) -> impl Iterator<Item = VipStatus> {
        self.machine.vips.iter().map(|(&address, vip)| self.vip_status(address, vip))
    }

    /// Grows whenever what [`Self::vips`] tells may have changed.
    pub fn edition(&self) -> u64 {
        self.machine.edition
    }

    /// One of them.
    pub fn vip(&self, address: IpAddr) -> Option<VipStatus> {
        self.machine.vips.get(&address).map(|vip| self.vip_status(address, vip))
    }

    fn vip_status(&self, address: IpAddr, vip: &Vip) -> VipStatus {
        let ballot = vip.ballot();
        VipStatus {
            vip: address,
            state: vip.state.name(),
            owner: vip
                .best
                .filter(|best| !best.resigned)
                .and_then(|best| self.machine.node_of(best.ballot.uid)),
            term: ballot.map_or(0, |ballot| ballot.term),
            ballot,
            since: vip.since,
            contestant: vip.clearance.and_then(|_| self.machine.contestant(vip)),
            damped_until: vip.moves.damped_until(),
        }
    }

    /// The other speakers, as this one hears them.
    pub fn status(&self) -> SegmentStatus {
        let machine = &self.machine;
        let nodes = |which: &dyn Fn(&Peer) -> bool| {
            let mut nodes: Vec<_> = machine
                .peers
                .iter()
                .filter(|peer| which(peer))
                .filter_map(|peer| peer.node.clone())
                .collect();
            nodes.sort_unstable();
            nodes.dedup();
            nodes
        };
        SegmentStatus {
            interval: machine.pace.current,
            heard: nodes(&|peer| machine.fresh(peer)),
            filtered: nodes(&|peer| peer.filtered && !machine.silent(peer.uid)),
            isolated: machine.seems_isolated(),
        }
    }

    /// Whether another speaker was heard here, in this run or in an earlier one ([`Self::handle_acquainted`]).
    pub fn is_acquainted(&self) -> bool {
        self.machine.acquainted
    }

    /// Other speakers were heard here in an earlier run: if they are not now, they are dead or cut off, and the segment is
    /// not one on which speakers cannot hear each other.
    pub fn handle_acquainted(&mut self, now: Instant) {
        self.machine.observe(now);
        self.machine.acquaint();
        self.turn();
    }

    /// The multicast groups the interface must be a member of: the speakers' own, and the solicited-node group of
    /// each IPv6 VIP of the plan. Sorted, without repetition; changes with the plan and the interface only.
    pub fn groups(&self) -> Vec<IpAddr> {
        let planned = self.machine.vips.iter().filter(|(_, vip)| vip.plan.is_some());
        let solicited = planned.filter_map(|(address, _)| match address {
            IpAddr::V4(_) => None,
            IpAddr::V6(vip) => Some(solicited_node(*vip).into()),
        });
        let mut groups: Vec<IpAddr> = solicited.chain([GROUP_V4.into(), GROUP_V6.into()]).collect();
        groups.sort_unstable();
        groups.dedup();
        groups
    }

    /// What happened so far.
    pub fn counters(&self) -> &Counters {
        &self.machine.counters
    }

    /// Carries the machine's decisions over to who answers, before any other frame is heard or sent.
    fn turn(&mut self) {
        let now = self.machine.now;
        for turn in self.machine.out.turns.drain(..) {
            match turn {
                Turn::Start(vip) => self.neighbor.start(now, vip),
                Turn::Again(vip) => self.neighbor.announce_again(now, vip),
                Turn::Stop(vip) => self.neighbor.stop(vip),
            }
        }
        if self.machine.has_news() {
            // Told once all that came in together has been heard.
            self.machine.next = now;
        }
    }
}
