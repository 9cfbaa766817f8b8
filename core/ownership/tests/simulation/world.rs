//! Speakers, clients and a gateway on one switch, and the faults that befall them.

use core::time::Duration;
use std::net::IpAddr;
use std::rc::Rc;

use ferrolb_ownership::{Event, LostCause, Plan};
use ferrolb_sansio::{Instant, Rng};
use ferrolb_sim::{Happening, Network, Port};

use crate::check::{Checks, SETTLED};
use crate::client::{Client, Gateway};
use crate::fault::Fault;
use crate::prober::Prober;
use crate::scene::{CLIENTS, Scene, plan_of};
use crate::speaker::{Speaker, mac, node};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    Boot(usize),
    Wake(usize),
    Thaw(usize),
    Plan(usize),
    Fault { index: usize, begins: bool },
    Client(usize),
    Check,
}

pub(crate) const CHECK_INTERVAL: Duration = Duration::from_millis(1);
const EDITION_INTERVAL: Duration = Duration::from_millis(50);
const ASK_INTERVAL: Duration = Duration::from_millis(250);

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) network: Network<Timer>,
    pub(crate) rng: Rng,
    pub(crate) speakers: Vec<Speaker>,
    pub(crate) clients: Vec<Client>,
    pub(crate) gateway: Option<Gateway>,
    pub(crate) prober: Prober,
    pub(crate) plan: Plan,
    pub(crate) faults: Vec<Fault>,
    pub(crate) active: Vec<bool>,
    pub(crate) checks: Checks,
    /// Something happened since the last look that what must hold depends on.
    pub(crate) touched: bool,
    /// When a fault last began or ended, and when the plan last changed.
    pub(crate) disturbed: Instant,
    pub(crate) replanned: Instant,
    /// From when on everything must be settled.
    pub(crate) settled_at: Instant,
    /// When editions are compared next.
    edited_at: Instant,
    pub(crate) verbose: bool,
    /// Each speaker has a plan of its own.
    pub(crate) plans_are_own: bool,
    /// Promises are not checked: the test breaks them itself.
    unchecked: bool,
    /// Frames of this speaker are kept.
    pub(crate) tap: Option<usize>,
    pub(crate) tapped: Vec<Vec<u8>>,
    /// What gets to the prober's port is kept.
    pub(crate) overhears: bool,
    pub(crate) overheard: Vec<Rc<[u8]>>,
    frame: Vec<u8>,
}

impl World {
    pub(crate) fn new(scene: Scene, faults: Vec<Fault>) -> Self {
        let count = scene.speakers;
        let gateway_ips: Vec<IpAddr> = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        let gateways = if scene.gateway { gateway_ips.clone() } else { Vec::new() };
        let mut network = Network::new(scene.ports(), scene.seed);
        let mut rng = Rng::new(!scene.seed);
        let plan = scene.plan();
        let mut speakers: Vec<_> =
            (0..count).map(|index| Speaker::new(index, gateways.clone(), &scene)).collect();
        for (index, speaker) in speakers.iter_mut().enumerate() {
            speaker.plan = plan.clone();
            let after = scene.boot.after(index, &mut rng);
            network.schedule(Instant::ZERO + after, Timer::Boot(index));
        }
        let clients = (0..scene.users()).map(|index| scene.client(index)).collect();
        for index in 0..scene.users() {
            network.schedule(
                Instant::from_millis(580) + rng.jitter(Duration::from_millis(100)),
                Timer::Client(index),
            );
        }
        for (index, fault) in faults.iter().enumerate() {
            network.schedule(fault.begins, Timer::Fault { index, begins: true });
            network.schedule(fault.ends, Timer::Fault { index, begins: false });
        }
        network.schedule(Instant::from_millis(750), Timer::Check);
        Self {
            checks: Checks::new(&scene),
            touched: true,
            gateway: scene
                .gateway
                .then(|| Gateway { mac: mac(count + CLIENTS), addresses: gateway_ips.clone() }),
            prober: Prober::new(&scene),
            active: vec![false; faults.len()],
            disturbed: Instant::ZERO,
            replanned: Instant::ZERO,
            settled_at: settled_after(&faults),
            edited_at: Instant::ZERO,
            verbose: false,
            plans_are_own: false,
            unchecked: false,
            tap: None,
            tapped: Vec::new(),
            overhears: false,
            overheard: Vec::new(),
            frame: Vec::new(),
            scene,
            network,
            rng,
            speakers,
            clients,
            plan,
            faults,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.network.now()
    }

    pub(crate) fn run(&mut self, until: Instant) {
        // A test may have changed anything meanwhile.
        self.touched = true;
        while let Some(happening) = self.network.next(until) {
            match happening {
                Happening::Frame { port, frame } => self.deliver(port, &frame),
                Happening::Timer(timer) => self.timer(timer),
            }
        }
    }

    pub(crate) fn run_unchecked(&mut self, until: Instant) {
        self.unchecked = true;
        self.run(until);
    }

    fn timer(&mut self, timer: Timer) {
        let now = self.now();
        match timer {
            Timer::Boot(index) => self.boot(index),
            Timer::Wake(index) => {
                if self.speakers[index].wake == Some(now) && self.speakers[index].running() {
                    self.speakers[index].wake = None;
                    self.speakers[index].woken += 1;
                    self.work(index);
                }
            }
            Timer::Thaw(index) => self.thaw(index),
            Timer::Plan(index) => {
                if self.speakers[index].plan_is_old {
                    return;
                }
                if self.speakers[index].frozen.is_some() {
                    self.network.schedule(now + Duration::from_millis(20), Timer::Plan(index));
                } else {
                    let plan = self.plan.clone();
                    self.change(index, |speaker, now| {
                        speaker.plan = plan;
                        let plan = speaker.effective_plan();
                        if let Some(segment) = &mut speaker.segment {
                            segment.handle_plan(now, plan);
                        }
                    });
                }
            }
            Timer::Fault { index, begins } => self.fault(index, begins),
            Timer::Client(index) => {
                let port = Port(self.scene.speakers + index);
                let network = &mut self.network;
                self.clients[index].ask(|frame| network.send(port, frame));
                network.schedule(now + ASK_INTERVAL, Timer::Client(index));
            }
            Timer::Check => {
                if self.scene.prober {
                    crate::prober::watch(self);
                }
                if !self.unchecked {
                    crate::check::check(self);
                }
                if now >= self.edited_at {
                    self.edited_at = now + EDITION_INTERVAL;
                    crate::peace::watch(self);
                }
                self.network.schedule(now + CHECK_INTERVAL, Timer::Check);
            }
        }
    }

    fn deliver(&mut self, port: Port, frame: &Rc<[u8]>) {
        let now = self.now();
        let count = self.scene.speakers;
        if let Some(speaker) = self.speakers.get_mut(port.0) {
            if !speaker.interface.carrier {
                return;
            }
            if speaker.is_old && is_handover(frame) {
                return;
            }
            speaker.heard = now;
            if let Some(queue) = &mut speaker.frozen {
                queue.push((now, frame.clone()));
            } else if let Some(segment) = &mut speaker.segment {
                segment.handle_frame(now, now, frame);
                self.work(port.0);
            }
            return;
        }
        if let Some(client) = self.clients.get_mut(port.0 - count) {
            self.touched |= client.hear(now, frame);
        }
        if port.0 == count + CLIENTS + 1 {
            if self.overhears {
                self.overheard.push(frame.clone());
            }
            self.prober.hear(frame);
        } else if port.0 == count + CLIENTS
            && let Some(gateway) = &self.gateway
        {
            let network = &mut self.network;
            gateway.hear(frame, |answer| network.send(port, answer));
        }
    }

    /// The speaker's loop runs: timers, then everything it wants sent.
    fn work(&mut self, index: usize) {
        let now = self.now();
        let claims = self.checks.claims.len();
        let mut ceded = Vec::new();
        let speaker = &mut self.speakers[index];
        let Some(segment) = &mut speaker.segment else { return };
        if speaker.late && self.rng.below(60) == 0 {
            let until = now + Duration::from_millis(27 + self.rng.below(6));
            (speaker.frozen, speaker.froze) = (Some(Vec::new()), now);
            self.touched = true;
            self.network.schedule(until, Timer::Thaw(index));
            return;
        }
        segment.handle_timeout(now);
        speaker.acquainted |= segment.is_acquainted();
        while segment.poll_transmit(&mut self.frame) {
            if self.tap == Some(index) {
                self.tapped.push(self.frame.clone());
            }
            self.network.send(Port(index), &self.frame);
        }
        while let Some(event) = segment.poll_event() {
            self.touched = true;
            if self.verbose {
                println!("{now:?} node-{index} {event:?}");
            }
            match &event {
                Event::Owned { vip, .. } => {
                    speaker.claimed.insert(*vip, now);
                    speaker.owned.insert(*vip);
                    self.checks.claims.push((now, *vip, index));
                }
                Event::Joined => speaker.joined = true,
                Event::Lost { vip, cause, .. } => {
                    speaker.owned.remove(vip);
                    if *cause == LostCause::Ceded {
                        ceded.push(*vip);
                    }
                }
                Event::Duplicate { .. } | Event::MulticastFiltered { .. } | Event::SegmentIsolated => {}
            }
            speaker.events.push((now, event));
        }
        let wake = segment.poll_timeout().map(|at| at.max(now + Duration::from_nanos(1)));
        if let Some(at) = wake
            && speaker.wake != wake
        {
            speaker.wake = wake;
            self.network.schedule(at, Timer::Wake(index));
        }
        for vip in ceded {
            if !self.unchecked {
                crate::check::check_ceded(self, vip, index);
            }
        }
        for at in claims..self.checks.claims.len() {
            let (_, vip, _) = self.checks.claims[at];
            if !self.unchecked {
                crate::check::check_claim(self, vip, index);
            }
        }
    }

    /// Changes something about a speaker and lets its loop run if it can.
    pub(crate) fn change(&mut self, index: usize, change: impl FnOnce(&mut Speaker, Instant)) {
        let now = self.now();
        self.touched = true;
        change(&mut self.speakers[index], now);
        if self.speakers[index].running() {
            self.work(index);
        }
    }

    pub(crate) fn boot(&mut self, index: usize) {
        let now = self.now();
        self.touched = true;
        if !self.plans_are_own {
            self.speakers[index].plan = self.plan.clone();
        }
        self.speakers[index].boot(now, &mut self.rng);
        self.work(index);
    }

    pub(crate) fn freeze(&mut self, index: usize) {
        let now = self.now();
        let speaker = &mut self.speakers[index];
        if speaker.running() {
            (speaker.frozen, speaker.froze) = (Some(Vec::new()), now);
        }
    }

    pub(crate) fn thaw(&mut self, index: usize) {
        let now = self.now();
        self.touched = true;
        let speaker = &mut self.speakers[index];
        let Some(queue) = speaker.frozen.take() else { return };
        speaker.thawed = now;
        let stood = now.since(speaker.froze);
        speaker.heard = (speaker.heard + stood).min(now);
        if !speaker.joined {
            speaker.born += stood;
        }
        if let Some(segment) = &mut speaker.segment {
            for (received, frame) in queue {
                segment.handle_frame(now, received, &frame);
            }
            self.work(index);
        }
    }

    pub(crate) fn carrier(&mut self, index: usize, up: bool) {
        self.change(index, |speaker, now| {
            speaker.interface.carrier = up;
            if up {
                speaker.heard = now;
            }
            if let Some(segment) = &mut speaker.segment {
                segment.handle_interface(now, speaker.interface.clone());
            }
        });
    }

    /// The plan changes; it reaches each speaker 1 to 41 ms later.
    pub(crate) fn replan(&mut self, vip: usize, order: &[usize]) {
        let address = self.scene.vips[vip];
        self.plan.revision += 1;
        let revision = self.plan.revision;
        self.plan.vips.insert(address, plan_of(order, revision));
        self.publish_plan();
    }

    /// The plan says who shall own a VIP.
    pub(crate) fn ask_to_move(&mut self, vip: usize, to: usize) {
        let address = self.scene.vips[vip];
        self.plan.revision += 1;
        let plan = self.plan.vips.get_mut(&address).expect("every VIP of a scene is planned");
        plan.move_to = Some(node(to));
        self.publish_plan();
    }

    fn publish_plan(&mut self) {
        self.replanned = self.now();
        self.touched = true;
        (0..self.scene.speakers).for_each(|index| self.deliver_plan(index));
    }

    pub(crate) fn deliver_plan(&mut self, index: usize) {
        let at = self.now() + Duration::from_millis(1) + self.rng.jitter(Duration::from_millis(40));
        self.network.schedule(at, Timer::Plan(index));
    }
}

/// Whether a frame's first block is an offer or an eviction.
fn is_handover(frame: &[u8]) -> bool {
    const KIND: usize = 14 + 20 + 8 + 76;
    let speaks = frame.get(14 + 20 + 8..14 + 20 + 12) == Some(b"FeLB");
    speaks && frame.get(KIND..KIND + 2).is_some_and(|kind| kind >= &[0, 11][..])
}

/// Two seconds after the last fault; one that lasts for a minute is taken for the new state of things.
fn settled_after(faults: &[Fault]) -> Instant {
    let ends = faults.iter().map(|fault| fault.ends).filter(|ends| *ends < Instant::from_millis(60_000));
    ends.map(|ends| ends + Duration::from_secs(2)).fold(SETTLED, Instant::max)
}
