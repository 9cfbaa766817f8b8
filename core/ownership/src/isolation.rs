use core::time::Duration;
use std::net::IpAddr;

use ferrolb_neighbor::Mac;
use ferrolb_sansio::Instant;

use crate::Event;
use crate::machine::Machine;
use crate::state::Vip;

/// Witnesses are asked every second; one that answered within this works.
const WITNESSED: Duration = Duration::from_secs(3);
/// Other speakers may start a little later than this one: people are told only then.
const TOLD_AFTER: Duration = Duration::from_secs(10);

/// How often one station has asked for a VIP that this speaker does not own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Asked {
    by: Mac,
    times: u8,
    last: Instant,
}

impl Asked {
    /// Neighbours ask three times, a second apart, before they give up (RFC 4861 §10, Linux for ARP as well).
    const ENOUGH: u8 = 3;
    const GAP: Duration = Duration::from_millis(400);
    const FORGOTTEN: Duration = Duration::from_secs(2);

    fn first(by: Mac, at: Instant) -> Self {
        Self { by, times: 1, last: at }
    }

    fn again(self, by: Mac, at: Instant) -> Self {
        let gap = at.since(self.last);
        // One is counted at a time: what many ask once each, they may all have been told.
        if gap >= Self::FORGOTTEN {
            Self::first(by, at)
        } else if by != self.by || gap < Self::GAP {
            self
        } else {
            Self { times: self.times.saturating_add(1), last: at, ..self }
        }
    }

    fn in_vain(self, now: Instant) -> bool {
        self.times >= Self::ENOUGH && now.since(self.last) < Self::FORGOTTEN
    }
}

/// Segments on which speakers cannot hear each other: isolated ports, private VLANs.
///
/// A speaker there looks to itself like the only survivor. What tells them apart is the past, of this run and of what it is
/// told of earlier ones: an only survivor has once heard others. One that has not, on a segment that works, leaves VIPs to
/// the plan's first candidate, until somebody shows by asking in vain that this one does not answer.
impl Machine {
    /// A speaker's frame came in by this interface, be it believed or not, now or in an earlier run.
    pub(crate) fn acquaint(&mut self) {
        if !self.acquainted {
            self.acquainted = true;
            self.wake();
        }
    }

    /// Whether the segment carries frames, but none of any other speaker, ever.
    pub(crate) fn isolated(&self) -> bool {
        !self.acquainted && self.witness.is_some_and(|at| self.now.since(at) < WITNESSED)
    }

    /// Whether the VIP is to be left to the plan's first candidate, which may own it unheard.
    pub(crate) fn defers(&self, vip: &Vip) -> bool {
        let first = vip.candidates().first() == Some(&self.settings.node);
        !first && self.isolated() && !vip.asked.is_some_and(|asked| asked.in_vain(self.now))
    }

    /// A client asked for a VIP that this speaker does not own.
    pub(crate) fn asked(&mut self, received: Instant, address: IpAddr, by: Mac) {
        if self.acquainted {
            return;
        }
        if let Some(vip) = self.vips.get_mut(&address) {
            let asked =
                vip.asked.map_or_else(|| Asked::first(by, received), |asked| asked.again(by, received));
            vip.asked = Some(asked);
        }
    }

    /// Whether people are to know that the segment is isolated: others are planned, and have had time to start.
    pub(crate) fn seems_isolated(&self) -> bool {
        let joined = self.joined_at.is_some_and(|at| self.now.since(at) > TOLD_AFTER);
        joined && self.isolated() && self.planned.shared
    }

    /// Tells people once.
    pub(crate) fn tell_isolation(&mut self) {
        if !self.isolation_told && self.seems_isolated() {
            self.isolation_told = true;
            self.out.event(Event::SegmentIsolated);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_station_that_asks_three_times_asks_in_vain() {
        let at = |millis: u64| Instant::from_millis(1_000 + millis);
        let (one, other) = (Mac([2; 6]), Mac([4; 6]));
        let asked = Asked::first(one, at(0)).again(one, at(100)).again(one, at(1_000));
        assert!(!asked.in_vain(at(1_000)), "a repetition within a moment does not count");
        assert!(asked.again(one, at(2_000)).in_vain(at(2_000)));
        assert!(
            !asked.again(other, at(2_000)).in_vain(at(2_000)),
            "two that ask may both have been answered"
        );
        assert!(!asked.again(one, at(6_500)).in_vain(at(6_500)), "it was answered meanwhile, or gave up");
    }
}
