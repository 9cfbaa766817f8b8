use core::time::Duration;
use std::collections::BTreeMap;

use ferrolb_sansio::Instant;

use crate::NodeName;
use crate::machine::Machine;
use crate::peers::Peer;
use crate::wire::{Flags, Flap, Records};

/// When a VIP last moved although nothing was wrong with its owner. It does so at most twice in [`Self::WINDOW`], however
/// many speakers have a say in it: claims and offers carry the ages of both moves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Moves([Option<Instant>; 2]);

impl Moves {
    const WINDOW: Duration = Duration::from_secs(180);
    /// On the wire: no such move, or none that still counts.
    const NONE: u8 = u8::MAX;

    /// The VIP moves once more.
    pub(crate) fn and(self, now: Instant) -> Self {
        Self([Some(now), self.0[0]])
    }

    /// Until when it must not move once more, if it moved too often.
    pub(crate) fn damped_until(self) -> Option<Instant> {
        self.0[1].filter(|_| self.0[0].is_some()).map(|earlier| earlier + Self::WINDOW)
    }

    /// Seconds since each, rounded down.
    pub(crate) fn ages(self, now: Instant) -> [u8; 2] {
        self.0.map(|at| {
            let age = at.map(|at| now.since(at)).filter(|age| *age < Self::WINDOW);
            age.and_then(|age| u8::try_from(age.as_secs()).ok()).unwrap_or(Self::NONE)
        })
    }

    /// What [`Self::ages`] tells.
    pub(crate) fn of_ages(ages: [u8; 2], now: Instant) -> Self {
        let at = |age| (age != Self::NONE).then(|| now - Duration::from_secs(u64::from(age)));
        Self(ages.map(at))
    }
}

/// Nodes whose speakers die again and again: they come last until they have been stable for a while.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flapping(BTreeMap<NodeName, Deaths>);

#[derive(Clone, Debug, Default)]
struct Deaths {
    /// The last ones, at most [`Flapping::DEATHS`].
    recent: Vec<Instant>,
    /// How often it came to that many within [`Flapping::WITHIN`].
    times: u32,
    until: Instant,
}

impl Flapping {
    const DEATHS: usize = 3;
    const WITHIN: Duration = Duration::from_secs(300);
    const PENALTY: Duration = Duration::from_secs(60);
    /// The penalty doubles at most so often.
    const MAX_DOUBLINGS: u32 = 5;
    const LONGEST: Duration = Duration::from_secs(60 << Self::MAX_DOUBLINGS);
    const MAX_NODES: usize = 256;

    /// The speaker of a node has fallen silent.
    pub(crate) fn died(&mut self, node: &NodeName, now: Instant) {
        if self.0.len() >= Self::MAX_NODES && !self.0.contains_key(node) {
            return;
        }
        let deaths = self.0.entry(node.clone()).or_default();
        deaths.recent.retain(|at| now.since(*at) < Self::WITHIN);
        deaths.recent.push(now);
        if deaths.recent.len() >= Self::DEATHS {
            deaths.recent.remove(0);
            deaths.until = now + Self::PENALTY * 2_u32.pow(deaths.times.min(Self::MAX_DOUBLINGS));
            deaths.times += 1;
        }
    }

    /// For how much longer the node comes last, if it does.
    pub(crate) fn left(&self, node: &NodeName, now: Instant) -> Option<Duration> {
        let until = self.0.get(node)?.until;
        (now < until).then(|| until.since(now))
    }

    /// Forgets nodes that have been stable for long.
    pub(crate) fn tidy(&mut self, now: Instant) {
        self.0.retain(|_, deaths| {
            let last = deaths.recent.last().copied().unwrap_or(Instant::ZERO).max(deaths.until);
            now.since(last) < Self::WITHIN
        });
    }
}

/// Who dies does not remember it. Those who saw it say so in their heartbeats, and whoever is told that it flaps comes last of its
/// own accord and says so in turn: all then agree about it, those as well that have seen nothing.
impl Machine {
    /// Whether this speaker comes last, as it was told.
    pub(crate) fn is_flapping(&self) -> bool {
        self.now < self.flaps_until
    }

    /// Whether the peer comes last, by its own account or by what was seen of it.
    pub(crate) fn lets_come_last(&self, peer: &Peer) -> bool {
        peer.flags.has(Flags::FLAPPING) || self.penalty(peer).is_some()
    }

    /// For how much longer the peer's node comes last, by what was seen of it.
    pub(crate) fn penalty(&self, peer: &Peer) -> Option<Duration> {
        self.flapping.left(peer.node.as_ref()?, self.now)
    }

    /// A peer tells who flaps.
    pub(crate) fn flaps(&mut self, received: Instant, flaps: Records<'_, Flap>) {
        for flap in flaps.iter().filter(|flap| flap.uid == self.me) {
            self.flaps_until = self.flaps_until.max(received + flap.left.min(Flapping::LONGEST));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Instant {
        Instant::from_millis(1_000_000 + secs * 1_000)
    }

    #[test]
    fn two_moves_are_free_and_the_third_waits_for_the_first_to_be_forgotten() {
        let twice = Moves::default().and(at(0)).and(at(100));
        assert_eq!(Moves::default().and(at(0)).damped_until(), None);
        assert_eq!(twice.damped_until(), Some(at(180)));
        assert_eq!(twice.ages(at(120)), [20, 120]);
        assert_eq!(Moves::of_ages(twice.ages(at(120)), at(120)), twice);
        assert_eq!(twice.ages(at(180)), [80, Moves::NONE], "what no longer counts is not told");
    }

    #[test]
    fn who_dies_three_times_in_five_minutes_comes_last_for_longer_each_time() {
        let (mut flapping, node) = (Flapping::default(), NodeName::new("a").unwrap());
        flapping.died(&node, at(0));
        flapping.died(&node, at(100));
        assert_eq!(flapping.left(&node, at(101)), None);
        flapping.died(&node, at(200));
        let left = |flapping: &Flapping, secs| flapping.left(&node, at(secs)).map(|left| left.as_secs());
        assert_eq!([left(&flapping, 201), left(&flapping, 260)], [Some(59), None]);
        flapping.died(&node, at(270));
        assert_eq!([left(&flapping, 271), left(&flapping, 390)], [Some(119), None], "twice as long");
        flapping.tidy(at(600));
        assert!(!flapping.0.is_empty());
        flapping.tidy(at(700));
        assert!(flapping.0.is_empty());
    }
}
