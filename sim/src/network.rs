use core::cmp::{Ordering, Reverse};
use core::time::Duration;
use std::collections::{BTreeMap, BinaryHeap};
use std::rc::Rc;

use ferrolb_sansio::{Instant, Rng};

use crate::Conditions;

/// A port of the switch, and the host on it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Port(pub usize);

/// Something that happens at a moment.
#[derive(Clone, Debug)]
pub enum Happening<T> {
    /// A frame arrives at the host on a port.
    Frame {
        /// Where.
        port: Port,
        /// All of it, Ethernet header first.
        frame: Rc<[u8]>,
    },
    /// What was scheduled is due.
    Timer(T),
}

/// A switch with hosts on its ports, and a queue of what is to happen.
#[derive(Debug)]
pub struct Network<T> {
    now: Instant,
    order: u64,
    queue: BinaryHeap<Reverse<Scheduled<T>>>,
    learned: BTreeMap<[u8; 6], Port>,
    ports: usize,
    /// For each port, the window of storm control it last sent to a group in, and how often.
    storms: Vec<(u64, u32)>,
    /// What is wrong at the moment.
    pub conditions: Conditions,
    /// The network's own randomness.
    pub rng: Rng,
    /// Frames carried to a host.
    pub carried: u64,
}

#[derive(Debug)]
struct Scheduled<T> {
    at: Instant,
    order: u64,
    what: Happening<T>,
}

impl<T> Network<T> {
    /// A network with this many ports, at the origin of time.
    pub fn new(ports: usize, seed: u64) -> Self {
        Self {
            now: Instant::ZERO,
            order: 0,
            queue: BinaryHeap::new(),
            learned: BTreeMap::new(),
            ports,
            storms: vec![(0, 0); ports],
            conditions: Conditions::fair(ports),
            rng: Rng::new(seed),
            carried: 0,
        }
    }

    /// The moment of what happened last.
    pub fn now(&self) -> Instant {
        self.now
    }

    /// Lets `what` happen at `at`, or now if that has passed.
    pub fn schedule(&mut self, at: Instant, what: T) {
        self.push(at, Happening::Timer(what));
    }

    /// The host on `port` sends a frame: to the port its destination was learned on, else to all others.
    pub fn send(&mut self, port: Port, frame: &[u8]) {
        let (Some(&destination), Some(source)) = (frame.first_chunk::<6>(), frame.get(6..12)) else { return };
        let mut address = [0; 6];
        address.copy_from_slice(source);
        self.learned.insert(address, port);
        let frame: Rc<[u8]> = frame.into();
        let group = destination[0] & 1 == 1;
        if group && self.storms(port) {
            return;
        }
        match self.learned.get(&destination).filter(|_| !group).copied() {
            Some(to) if to != port => self.carry(port, to, &frame),
            Some(_) => {}
            None => {
                let others = (0..self.ports).map(Port).filter(|&to| to != port);
                others.for_each(|to| self.carry(port, to, &frame));
            }
        }
    }

    /// What happens next, if that is not after `until`; the clock then stands there.
    pub fn next(&mut self, until: Instant) -> Option<Happening<T>> {
        if self.queue.peek()?.0.at > until {
            return None;
        }
        let Reverse(next) = self.queue.pop()?;
        self.now = next.at;
        Some(next.what)
    }

    /// Whether storm control drops one more frame of this port to a group.
    fn storms(&mut self, port: Port) -> bool {
        let Some(limit) = self.conditions.storm_limit else { return false };
        let window =
            self.now.as_nanos() / u64::try_from(Conditions::STORM_WINDOW.as_nanos()).unwrap_or(u64::MAX);
        let (last, sent) = &mut self.storms[port.0];
        if *last != window {
            (*last, *sent) = (window, 0);
        }
        *sent += 1;
        *sent > limit
    }

    fn carry(&mut self, from: Port, to: Port, frame: &Rc<[u8]>) {
        if !self.conditions.passes(from, to) {
            return;
        }
        let loss = self.conditions.loss(from, to);
        if loss > 0 && self.rng.below(1_000) < loss {
            return;
        }
        let way: Duration = self.conditions.delay + self.rng.jitter(self.conditions.jitter);
        self.carried += 1;
        self.push(self.now + way, Happening::Frame { port: to, frame: frame.clone() });
    }

    fn push(&mut self, at: Instant, what: Happening<T>) {
        self.order += 1;
        self.queue.push(Reverse(Scheduled { at: at.max(self.now), order: self.order, what }));
    }
}

impl<T> PartialEq for Scheduled<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<T> Eq for Scheduled<T> {}

impl<T> PartialOrd for Scheduled<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Scheduled<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(to: u8, from: u8) -> Vec<u8> {
        let mac = |n| if n == 0xff { [0xff; 6] } else { [2, 0, 0, 0, 0, n] };
        [mac(to), mac(from)].concat()
    }

    fn arrivals(network: &mut Network<()>) -> Vec<usize> {
        let mut ports = Vec::new();
        while let Some(happening) = network.next(Instant::MAX) {
            match happening {
                Happening::Frame { port, .. } => ports.push(port.0),
                Happening::Timer(()) => {}
            }
        }
        ports.sort_unstable();
        ports
    }

    #[test]
    fn the_switch_floods_until_it_has_learned() {
        let mut network = Network::<()>::new(3, 1);
        network.send(Port(0), &frame(1, 0));
        assert_eq!(arrivals(&mut network), [1, 2]);
        network.send(Port(1), &frame(0, 1));
        assert_eq!(arrivals(&mut network), [0]);
        network.send(Port(2), &frame(0xff, 2));
        assert_eq!(arrivals(&mut network), [0, 1]);
        network.send(Port(2), &frame(0, 0));
        assert_eq!(arrivals(&mut network), [0; 0], "the address has moved to the sender's own port");
    }

    #[test]
    fn one_way_blocks_and_loss_take_effect() {
        let mut network = Network::<()>::new(2, 1);
        network.conditions.block(Port(0), Port(1));
        network.send(Port(0), &frame(1, 0));
        network.send(Port(1), &frame(0, 1));
        assert_eq!(arrivals(&mut network), [0]);
        network.conditions = Conditions::fair(2);
        network.conditions.loss_per_mille = 500;
        (0..1_000).for_each(|_| network.send(Port(0), &frame(0xff, 0)));
        assert!((400..600).contains(&arrivals(&mut network).len()));
    }

    #[test]
    fn a_thinned_way_loses_in_one_direction_only() {
        let mut network = Network::<()>::new(2, 1);
        network.conditions.thin(Port(0), Port(1), 500);
        (0..1_000).for_each(|_| network.send(Port(0), &frame(0xff, 0)));
        (0..1_000).for_each(|_| network.send(Port(1), &frame(0xff, 1)));
        let arrivals = arrivals(&mut network);
        let at = |port| arrivals.iter().filter(|at| **at == port).count();
        assert!((400..600).contains(&at(1)) && at(0) == 1_000, "{} and {}", at(0), at(1));
    }

    #[test]
    fn storm_control_drops_what_is_too_much_for_groups_and_nothing_else() {
        let mut network = Network::<()>::new(2, 1);
        network.conditions.storm_limit = Some(10);
        network.send(Port(1), &frame(0xff, 1));
        assert_eq!(arrivals(&mut network), [0]);
        (0..50).for_each(|_| network.send(Port(0), &frame(0xff, 0)));
        (0..50).for_each(|_| network.send(Port(0), &frame(1, 0)));
        assert_eq!(arrivals(&mut network).len(), 10 + 50);
        network.schedule(Instant::from_millis(100), ());
        network.next(Instant::MAX);
        network.send(Port(0), &frame(0xff, 0));
        assert_eq!(arrivals(&mut network), [1], "in the next window it may send again");
    }

    #[test]
    fn the_same_seed_gives_the_same_run() {
        let run = |seed| {
            let mut network = Network::<u32>::new(3, seed);
            network.schedule(Instant::from_millis(1), 7);
            (0..20).for_each(|_| network.send(Port(0), &frame(0xff, 0)));
            let mut times = Vec::new();
            while network.next(Instant::MAX).is_some() {
                times.push(network.now());
            }
            times
        };
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }
}
