//! One speaker: the real segment, and what may happen to the process around it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ferrolb_neighbor::Mac;
use ferrolb_ownership::{
    ClusterId, Event, Interface, Key, Keys, NodeName, Plan, Presence, Segment, Settings, Timing, Uid,
    VipStatus,
};
use ferrolb_sansio::{Instant, Rng};

use crate::scene::Scene;

/// Shorter than what users have, so that faults of seconds are enough to lose the API.
const STALE_FOR: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Speaker {
    pub(crate) node: NodeName,
    pub(crate) interface: Interface,
    pub(crate) cluster: ClusterId,
    /// How often it beats.
    pub(crate) pace: Timing,
    pub(crate) segment: Option<Segment>,
    /// Frames the kernel keeps while the process does not run.
    pub(crate) frozen: Option<Vec<(Instant, Rc<[u8]>)>>,
    pub(crate) ready: bool,
    pub(crate) presence: Presence,
    pub(crate) stale: bool,
    /// It is of the version before handing over was invented: it skips offers and evictions.
    pub(crate) is_old: bool,
    /// New plans do not reach it.
    pub(crate) plan_is_old: bool,
    /// When the last frame got to it; time in which it could not listen does not count.
    pub(crate) heard: Instant,
    /// When it was frozen last.
    pub(crate) froze: Instant,
    /// It has heard others, which outlives the process.
    pub(crate) acquainted: bool,
    /// It processes late now and then.
    pub(crate) late: bool,
    pub(crate) joined: bool,
    /// What it owns, by its events.
    pub(crate) owned: BTreeSet<IpAddr>,
    pub(crate) plan: Plan,
    /// When it began to run (time it stood still while joining does not count), was thawed last, and claimed each VIP last.
    pub(crate) born: Instant,
    pub(crate) thawed: Instant,
    pub(crate) claimed: BTreeMap<IpAddr, Instant>,
    pub(crate) wake: Option<Instant>,
    /// How often it woke because something was due.
    pub(crate) woken: u32,
    /// The edition of its VIPs at the last look, and these.
    pub(crate) edition: (u64, Vec<VipStatus>),
    pub(crate) events: Vec<(Instant, Event)>,
}

impl Speaker {
    pub(crate) fn new(index: usize, gateways: Vec<IpAddr>, scene: &Scene) -> Self {
        let host = u8::try_from(index).unwrap() + 10;
        let v6 = [format!("2001:db8::{host:x}/64"), format!("fe80::{host:x}/64")];
        let v4 = format!("192.0.2.{host}/24");
        let addresses =
            v6.iter().chain((!scene.ipv6_only).then_some(&v4)).map(|net| net.parse().unwrap()).collect();
        Self {
            node: node(index),
            interface: Interface {
                index: 2,
                name: "eth0".into(),
                mac: mac(index),
                addresses,
                gateways,
                carrier: true,
            },
            cluster: ClusterId(1),
            pace: scene.paces[index],
            segment: None,
            frozen: None,
            ready: true,
            presence: Presence::Staying,
            stale: false,
            is_old: false,
            plan_is_old: false,
            heard: Instant::ZERO,
            froze: Instant::ZERO,
            acquainted: false,
            late: false,
            joined: false,
            owned: BTreeSet::new(),
            plan: Plan::default(),
            born: Instant::ZERO,
            thawed: Instant::ZERO,
            claimed: BTreeMap::new(),
            wake: None,
            woken: 0,
            edition: (0, Vec::new()),
            events: Vec::new(),
        }
    }

    /// The process starts.
    pub(crate) fn boot(&mut self, now: Instant, rng: &mut Rng) {
        let mut uid = [0; 16];
        uid[..8].copy_from_slice(&rng.next().to_be_bytes());
        let settings = Settings {
            cluster: self.cluster,
            keys: keys(1),
            node: self.node.clone(),
            uid: Uid(uid),
            timing: self.pace,
            gratuitous_rate: Settings::DEFAULT_GRATUITOUS_RATE,
            stale_for: STALE_FOR,
        };
        (self.ready, self.presence, self.joined, self.frozen) = (true, Presence::Staying, false, None);
        self.interface.carrier = true;
        (self.born, self.thawed, self.heard) = (now, now, now);
        self.stale = false;
        self.claimed.clear();
        self.owned.clear();
        self.edition = (0, Vec::new());
        let mut segment = Segment::new(now, settings, self.interface.clone(), rng.next());
        segment.handle_plan(now, self.effective_plan());
        if self.acquainted {
            segment.handle_acquainted(now);
        }
        self.segment = Some(segment);
    }

    /// The plan, with this node's readiness entered.
    pub(crate) fn effective_plan(&self) -> Plan {
        let mut plan = self.plan.clone();
        plan.vips.values_mut().for_each(|vip| vip.ready = self.ready);
        plan
    }

    pub(crate) fn running(&self) -> bool {
        self.segment.is_some() && self.frozen.is_none()
    }

    pub(crate) fn status(&self, vip: IpAddr) -> Option<VipStatus> {
        self.segment.as_ref()?.vip(vip)
    }

    /// Whether clients get answers for the VIP from here.
    pub(crate) fn answers(&self, vip: IpAddr) -> bool {
        self.owned.contains(&vip) && self.running() && self.interface.carrier
    }

    pub(crate) fn candidate(&self, vip: IpAddr) -> bool {
        self.plan.vips.get(&vip).is_some_and(|plan| plan.candidates.contains(&self.node))
    }

    /// Whether it may claim the VIP, by what it knows.
    pub(crate) fn eligible(&self, vip: IpAddr) -> bool {
        self.running()
            && self.interface.carrier
            && self.joined
            && self.ready
            && self.presence != Presence::Draining
            && self.candidate(vip)
    }

    pub(crate) fn claimed_at(&self, vip: IpAddr) -> Instant {
        self.claimed.get(&vip).copied().unwrap_or(Instant::ZERO)
    }
}

pub(crate) fn node(index: usize) -> NodeName {
    NodeName::new(&format!("node-{index}")).unwrap()
}

pub(crate) fn mac(index: usize) -> Mac {
    Mac([2, 0, 0, 0, 0, u8::try_from(index).unwrap() + 1])
}

pub(crate) fn keys(n: u8) -> Keys {
    Keys::new(Key::new(&[n; 32]).unwrap(), None)
}
