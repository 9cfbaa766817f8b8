//! What must hold, computed from packets read at fixed places and from what the scene asked for.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_bfd::{Change, DownCause, Event, State};
use ferrolb_sansio::Instant;

use crate::fault::{FAULTS_UNTIL, Fault, What};
use crate::node::{Node, path};
use crate::world::World;

/// From the end of the last fault until both ends of each session are up for good: an end that is not up speaks once a
/// second, after it found out that it is down, which may take the slowest detection time there is.
pub(crate) const SETTLED: Instant = Instant::from_nanos(FAULTS_UNTIL.as_nanos() + 8_000_000_000);
pub(crate) const END: Instant = Instant::from_millis(22_000);
/// Until then sessions come up. An early packet that arrives after a later one takes an end down again, and rightly so: it
/// cannot be told from that of a peer that was restarted.
const BEGINNING: Instant = Instant::from_millis(2_000);
/// The interval of looking, twice.
const TICK: Duration = Duration::from_millis(2);

pub(crate) struct Checks {
    pub(crate) violations: Vec<(Instant, String)>,
    /// By the one that hears and the one that speaks: when, and what it said.
    heard: BTreeMap<(usize, usize), (Instant, [u8; 24])>,
    sent: BTreeMap<(usize, usize), (Instant, [u8; 24])>,
    /// The slowest that one has asked another to be, since the other last answered.
    asked: BTreeMap<(usize, usize), u32>,
    /// The longest time after the last packet at which an end was still up, beyond its detection time.
    pub(crate) longest_late: Duration,
    pub(crate) downs: u64,
    quiet: bool,
}

impl Checks {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        // These explain no session that goes down.
        let harmless = |fault: &Fault| matches!(fault.what, What::Profile(..));
        Self {
            violations: Vec::new(),
            heard: BTreeMap::new(),
            sent: BTreeMap::new(),
            asked: BTreeMap::new(),
            longest_late: Duration::ZERO,
            downs: 0,
            quiet: faults.iter().all(harmless),
        }
    }

    fn violated(&mut self, at: Instant, what: String) {
        if self.violations.len() < 20 {
            self.violations.push((at, what));
        }
    }

    pub(crate) fn heard(&mut self, to: usize, from: usize, at: Instant, payload: &[u8]) {
        let bytes: [u8; 24] = payload.try_into().unwrap();
        if bytes[1] & 0x10 != 0
            && let Some((_, said)) = self.sent.get(&(to, from))
        {
            self.asked.insert((to, from), word(said, 16));
        }
        self.heard.insert((to, from), (at, bytes));
    }

    pub(crate) fn started(&mut self, node: usize) {
        self.heard.retain(|(to, _), _| *to != node);
        self.sent.retain(|(from, _), _| *from != node);
    }

    /// Every packet keeps the rules that hold for a packet alone, or beside the one before.
    pub(crate) fn sent(&mut self, now: Instant, from: usize, to: usize, bytes: &[u8; 24]) {
        let state = state(bytes);
        if bytes[1] & 0x30 == 0x30 {
            self.violated(now, format!("node {from} sends poll and final in one packet"));
        }
        if state != State::Up && word(bytes, 12) < 1_000_000 {
            self.violated(now, format!("node {from} is {state} and fast"));
        }
        if word(bytes, 8) == 0 && matches!(state, State::Init | State::Up) {
            self.violated(now, format!("node {from} is {state} and does not know the peer"));
        }
        let asked = self.asked.entry((from, to)).or_default();
        *asked = word(bytes, 16).max(*asked);
        let before = self.sent.insert((from, to), (now, *bytes));
        let peer = self.heard.get(&(from, to)).map(|(_, bytes)| word(bytes, 16));
        // Between two periodic packets that say the same lies at least 75 % of the slower interval; this end may wait with
        // slowing down, never with obeying the peer.
        if let (Some((at, said)), Some(peer)) = (before, peer)
            && said == *bytes
            && bytes[1] & 0x30 == 0
            && state == State::Up
            && now.since(at) < Duration::from_micros(peer.into()) * 75 / 100
        {
            self.violated(now, format!("node {from} sends to {to} after {:?}", now.since(at)));
        }
    }

    /// No session goes down without a reason that can be seen from outside.
    pub(crate) fn event(&mut self, node: usize, peer: usize, event: &Event) {
        let heard = self.heard.get(&(node, peer)).copied();
        match event.change {
            Change::Up => {}
            Change::Down(DownCause::Silence(silence)) => {
                self.downs += 1;
                let least = heard.map(|(_, bytes)| least_detection_time(&bytes));
                let last = heard.map_or(Instant::ZERO, |(at, _)| at);
                if event.at.since(last) < least.unwrap_or_default() || silence < least.unwrap_or_default() {
                    let silent = event.at.since(last);
                    self.violated(event.at, format!("node {node} takes {peer} for dead after {silent:?}"));
                }
            }
            Change::Down(DownCause::Signaled(_)) => {
                self.downs += 1;
                if heard.is_none_or(|(_, bytes)| state(&bytes) != State::Down) {
                    self.violated(event.at, format!("{peer} never told node {node} that it is down"));
                }
            }
            Change::PeerAdminDown => {
                if heard.is_none_or(|(_, bytes)| state(&bytes) != State::AdminDown) {
                    self.violated(event.at, format!("{peer} never told node {node} that it is switched off"));
                }
            }
        }
        let went_down = event.change != Change::Up;
        if went_down && (self.quiet && event.at > BEGINNING || event.at > SETTLED) {
            self.violated(event.at, format!("node {node}: {:?} although nothing is wrong", event.change));
        }
    }
}

/// No shorter than what the peer's last packet and no profile at all would give.
fn least_detection_time(bytes: &[u8; 24]) -> Duration {
    Duration::from_micros(word(bytes, 12).into()) * u32::from(bytes[2])
}

fn word(bytes: &[u8; 24], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn state(bytes: &[u8; 24]) -> State {
    State::ALL[usize::from(bytes[1] >> 6)]
}

/// Looks at all nodes.
pub(crate) fn check(world: &mut World) {
    let now = world.now();
    for (index, node) in world.nodes.iter().enumerate() {
        for (peer, _) in &node.wanted {
            let status = node.table.session(&path(*peer));
            let Some(status) = status else { continue };
            if node.stopped.is_none() && status.state == State::Up {
                watched(&mut world.checks, now, index, *peer, node);
            }
            if now > SETTLED && status.state != State::Up {
                world.checks.violated(now, format!("node {index} is {} with {peer}", status.state));
            }
        }
    }
    if now > SETTLED {
        settled(world, now);
    }
}

/// A silent peer is found out within the detection time. A loop that is late finds it out so much later; one that stood still,
/// or was later than a packet takes to be sent again, waits for one more.
fn watched(checks: &mut Checks, now: Instant, index: usize, peer: usize, node: &Node) {
    let Some((at, bytes)) = checks.heard.get(&(index, peer)).copied() else { return };
    let asked = checks.asked.get(&(index, peer)).copied().unwrap_or(0);
    let pace = Duration::from_micros(word(&bytes, 12).max(asked).into());
    let deadline = at + pace * u32::from(bytes[2]);
    let late = node.most_late;
    let slack = if late > pace { late * 2 + pace } else { late };
    let limit = if node.went_on > at { deadline.max(node.went_on + pace) } else { deadline } + slack + TICK;
    if late.is_zero() && node.went_on < at {
        checks.longest_late = checks.longest_late.max(now.since(deadline));
    }
    if now > limit {
        checks.violated(now, format!("node {index} has not heard {peer} since {at:?} and is up"));
    }
}

/// Once all is well both ends are up, know each other, and have agreed on what the profiles ask for.
fn settled(world: &mut World, now: Instant) {
    for hub_peer in 1..world.nodes.len() {
        let (hub, spoke) = (&world.nodes[0], &world.nodes[hub_peer]);
        let (Some(one), Some(other)) = (hub.table.session(&path(hub_peer)), spoke.table.session(&path(0)))
        else {
            world.checks.violated(now, format!("there is no session with {hub_peer}"));
            continue;
        };
        let agree = |mine: &ferrolb_bfd::Status, theirs: &ferrolb_bfd::Status| {
            mine.peer.is_some_and(|peer| {
                let pace = peer.desired_min_tx.duration();
                peer.discriminator == theirs.discriminator
                    && theirs.transmit_interval.is_some_and(|interval| interval >= pace)
                    && mine.detection_time
                        == theirs.transmit_interval.map(|at| at * u32::from(peer.multiplier))
            })
        };
        if !agree(&one, &other) || !agree(&other, &one) {
            world.checks.violated(now, format!("both ends do not agree: {one:?} {other:?}"));
        }
    }
}
