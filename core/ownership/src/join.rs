use core::time::Duration;

use ferrolb_sansio::Instant;

use crate::Event;
use crate::machine::Machine;
use crate::outbox::Content;
use crate::peers::Peer;
use crate::state::State;
use crate::wire::limits;

/// The wait after process start, in which a speaker listens and claims nothing.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Join {
    pub(crate) until: Instant,
    pub(crate) at_most: Instant,
    pub(crate) ask: Instant,
}

impl Join {
    /// How often a joiner asks for tables it has not got whole.
    pub(crate) const ASK_INTERVAL: Duration = Duration::from_millis(100);

    /// J, at most three times that while pages or tables are missing.
    pub(crate) fn new(now: Instant, interval: Duration) -> Self {
        let wait = Self::wait(interval);
        Self { until: now + wait, at_most: now + wait * 3, ask: now }
    }

    /// `J = max(500 ms, 3·T)`.
    pub(crate) fn wait(interval: Duration) -> Duration {
        (interval * 3).max(Duration::from_millis(500))
    }

    /// Time in which nothing could be heard does not count.
    pub(crate) fn forgive(&mut self, late: Duration) {
        self.until += late;
        self.at_most += late;
    }
}

impl Machine {
    /// JOINING is over when J has passed and the tables and pages of all who list us are here; at most 3·J.
    pub(crate) fn finish_join(&mut self) {
        let now = self.now;
        let Some(join) = self.join else { return };
        let missing = self.peers.iter().any(|peer| {
            let lists_us = peer.heard_us.is_some_and(|at| now.since(at) < self.silence());
            self.fresh(peer) && lists_us && !(peer.pages.current() && peer.table.whole())
        });
        if now >= join.until && (!missing || now >= join.at_most) {
            (self.join, self.joined_at) = (None, Some(now));
            for vip in self.vips.values_mut().filter(|vip| vip.state == State::Joining) {
                vip.enter(State::BACKUP, now);
                vip.held = now;
            }
            self.out.event(Event::Joined);
        } else if now >= join.ask {
            self.join = Some(Join { ask: now + Join::ASK_INTERVAL, ..join });
            let ask = |peer: &&Peer| self.fresh(peer) && !peer.table.whole();
            let asked: Vec<_> = self.peers.iter().filter(ask).map(|peer| peer.uid).collect();
            for uid in asked {
                self.out.frame(Some(uid), Content::TableRequest);
            }
        }
    }
}

/// Which parts of a peer's table of ballots a joiner has got.
#[derive(Clone, Debug, Default)]
pub(crate) struct TableParts {
    got: Vec<bool>,
}

impl TableParts {
    pub(crate) fn take(&mut self, part: u16, parts: u16) {
        let parts = usize::from(parts).min(limits::MAX_PARTS);
        if self.got.len() != parts {
            self.got = vec![false; parts];
        }
        if let Some(got) = self.got.get_mut(usize::from(part)) {
            *got = true;
        }
    }

    pub(crate) fn whole(&self) -> bool {
        !self.got.is_empty() && self.got.iter().all(|&got| got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_whole_with_its_last_part() {
        let mut table = TableParts::default();
        assert!(!table.whole(), "nothing was heard yet");
        table.take(0, 1);
        assert!(table.whole());
        table.take(2, 3);
        table.take(0, 3);
        assert!(!table.whole(), "the table has grown");
        table.take(1, 3);
        assert!(table.whole());
    }
}
