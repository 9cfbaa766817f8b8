//! Nodes on one switch, and the faults that befall them.

use std::rc::Rc;
use std::time::Duration;

use ferrolb_bfd::Profile;
use ferrolb_sansio::{Instant, Rng};
use ferrolb_sim::{Conditions, Happening, Network, Port};

use crate::check::Checks;
use crate::fault::{Fault, Scene, What};
use crate::node::{Node, Stop, frame, heard, path, peer_of};

#[derive(Clone, Copy, Debug)]
pub(crate) enum Timer {
    Wake(usize),
    Fault { index: usize, begins: bool },
    Check,
}

pub(crate) struct World {
    pub(crate) scene: Scene,
    pub(crate) network: Network<Timer>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) checks: Checks,
    rng: Rng,
    faults: Vec<Fault>,
    active: Vec<bool>,
    pub(crate) verbose: bool,
}

impl World {
    pub(crate) fn new(scene: Scene, faults: Vec<Fault>) -> Self {
        let mut network = Network::new(scene.nodes, scene.seed);
        let mut rng = Rng::new(!scene.seed);
        let nodes: Vec<_> =
            (0..scene.nodes).map(|node| Node::new(Instant::ZERO, rng.next(), &scene.wanted(node))).collect();
        for (index, fault) in faults.iter().enumerate() {
            network.schedule(fault.begins, Timer::Fault { index, begins: true });
            network.schedule(fault.ends, Timer::Fault { index, begins: false });
        }
        network.schedule(Instant::ZERO, Timer::Check);
        let mut world = Self {
            checks: Checks::new(&faults),
            active: vec![false; faults.len()],
            network,
            nodes,
            rng,
            faults,
            scene,
            verbose: false,
        };
        // Everybody learns where everybody is.
        for from in 0..world.nodes.len() {
            world.network.send(Port(from), &frame(from, 0xff, &[]));
        }
        (0..world.nodes.len()).for_each(|node| world.work(node));
        world
    }

    pub(crate) fn now(&self) -> Instant {
        self.network.now()
    }

    pub(crate) fn run(&mut self, until: Instant) {
        while let Some(happening) = self.network.next(until) {
            match happening {
                Happening::Frame { port, frame } => self.deliver(port.0, &frame),
                Happening::Timer(Timer::Wake(node)) => {
                    if self.nodes[node].wake == Some(self.now()) {
                        self.nodes[node].wake = None;
                        self.work(node);
                    }
                }
                Happening::Timer(Timer::Fault { index, begins }) => self.fault(index, begins),
                Happening::Timer(Timer::Check) => {
                    crate::check::check(self);
                    self.network.schedule(self.now() + CHECK_INTERVAL, Timer::Check);
                }
            }
        }
    }

    fn deliver(&mut self, to: usize, frame: &Rc<[u8]>) {
        let now = self.now();
        let Some((header, payload)) = frame.split_first_chunk::<12>() else { return };
        let from = usize::from(header[11]);
        if payload.is_empty() || usize::from(header[5]) != to {
            return;
        }
        match &mut self.nodes[to].stopped {
            None => {
                self.hear(to, now, from, payload);
                self.work(to);
            }
            Some(Stop::Frozen(queue)) => queue.push((now, from, payload.into())),
            Some(Stop::Paused | Stop::Dead) => {}
        }
    }

    fn hear(&mut self, to: usize, at: Instant, from: usize, payload: &[u8]) {
        let now = self.now();
        let node = &mut self.nodes[to];
        let outcome = node.table.handle_packet(now, at, &heard(from, to), payload);
        if outcome.is_ok() {
            self.checks.heard(to, from, at, payload);
        }
        self.tell(to);
    }

    fn tell(&mut self, index: usize) {
        while let Some(event) = self.nodes[index].table.poll_event() {
            if self.verbose {
                println!("{:?} node {index} {}: {:?}", event.at, peer_of(&event.path), event.change);
            }
            self.checks.event(index, peer_of(&event.path), &event);
        }
    }

    /// The loop of a node: timers that are due, then what there is to send and to tell, then sleep.
    fn work(&mut self, index: usize) {
        let now = self.now();
        let node = &mut self.nodes[index];
        if node.stopped.is_some() {
            return;
        }
        // A loop that is late looks at its timers only when it wakes.
        if node.wake.is_none() {
            node.table.handle_timeout(now);
        }
        while let Some(transmit) = node.table.poll_transmit() {
            let to = peer_of(&transmit.path);
            self.checks.sent(now, index, to, &transmit.payload);
            self.network.send(Port(index), &frame(index, to, &transmit.payload));
        }
        self.tell(index);
        let node = &mut self.nodes[index];
        if let Some(at) = node.table.poll_timeout() {
            let late = self.rng.jitter(node.lateness);
            let wake = at.max(now) + late;
            if node.wake.is_none_or(|known| wake < known) {
                node.wake = Some(wake);
                self.network.schedule(wake, Timer::Wake(index));
            }
        }
    }

    pub(crate) fn want(&mut self, index: usize, peer: usize, profile: Profile) {
        let now = self.now();
        let node = &mut self.nodes[index];
        for (known, wanted) in &mut node.wanted {
            if *known == peer {
                *wanted = profile;
            }
        }
        if node.stopped.is_none() {
            node.table.want(now, path(peer), profile).unwrap();
            self.work(index);
        }
    }

    fn fault(&mut self, index: usize, begins: bool) {
        let now = self.now();
        let what = self.faults[index].what;
        self.active[index] = begins;
        if self.verbose {
            println!("{now:?} {what:?} {}", if begins { "begins" } else { "ends" });
        }
        self.set_conditions();
        match what {
            What::OneWay(..) | What::Cut(..) | What::Isolated(_) | What::Loss(_) | What::Delay(_) => {}
            What::Freeze(node) => self.stop(node, begins, Stop::Frozen(Vec::new())),
            What::Pause(node) => self.stop(node, begins, Stop::Paused),
            What::Crash(node) => self.stop(node, begins, Stop::Dead),
            What::Late(node, by) => {
                let node = &mut self.nodes[node];
                node.lateness = if begins { by } else { Duration::ZERO };
                node.most_late = node.most_late.max(by);
            }
            What::SwitchedOff(node, peer) => {
                if begins && self.nodes[node].stopped.is_none() {
                    self.nodes[node].table.unwant(now, &path(peer));
                    self.work(node);
                } else if !begins {
                    self.want_as_known(node, peer);
                }
            }
            What::Profile(node, peer, profile) => {
                if begins {
                    self.want(node, peer, profile);
                } else {
                    self.want_as_known(node, peer);
                }
            }
        }
    }

    fn want_as_known(&mut self, node: usize, peer: usize) {
        let known = self.nodes[node].wanted.iter().find(|(known, _)| *known == peer).copied();
        if let Some((_, profile)) = known {
            self.want(node, peer, profile);
        }
    }

    fn stop(&mut self, index: usize, begins: bool, stop: Stop) {
        let now = self.now();
        if begins {
            // The second of two such faults changes nothing.
            self.nodes[index].stopped.get_or_insert(stop);
            return;
        }
        let Some(stopped) = self.nodes[index].stopped.take() else { return };
        match stopped {
            Stop::Frozen(queue) => {
                for (at, from, payload) in queue {
                    self.hear(index, at, from, &payload);
                }
            }
            Stop::Paused => {}
            Stop::Dead => {
                let wanted = self.nodes[index].wanted.clone();
                self.nodes[index] = Node::new(now, self.rng.next(), &wanted);
                self.checks.started(index);
            }
        }
        for (peer, _) in self.scene.wanted(index) {
            self.want_as_known(index, peer);
        }
        self.nodes[index].wake = None;
        self.work(index);
        self.nodes[index].went_on = now;
    }

    fn set_conditions(&mut self) {
        let mut conditions = Conditions::fair(self.scene.nodes);
        for (fault, _) in self.faults.iter().zip(&self.active).filter(|(_, active)| **active) {
            match fault.what {
                What::OneWay(from, to) => conditions.block(Port(from), Port(to)),
                What::Cut(one, other) => conditions.cut(Port(one), Port(other)),
                What::Isolated(node) => conditions.isolate(Port(node)),
                What::Loss(per_mille) => conditions.loss_per_mille = conditions.loss_per_mille.max(per_mille),
                What::Delay(jitter) => conditions.jitter = conditions.jitter.max(jitter),
                What::Freeze(_)
                | What::Pause(_)
                | What::Crash(_)
                | What::Late(..)
                | What::SwitchedOff(..)
                | What::Profile(..) => {}
            }
        }
        self.network.conditions = conditions;
    }
}

pub(crate) const CHECK_INTERVAL: Duration = Duration::from_millis(1);
