//! Another writer that undoes what was written, to a status or a slice: it is written again, but no longer at once.

use std::time::Duration;

/// So many times in a row it is put right at once.
const AT_ONCE: u32 = 3;
/// The shortest time between two writes after those.
const PAUSE: Duration = Duration::from_secs(1);
/// What stood so long was not undone by somebody who does nothing else.
const PEACE: Duration = Duration::from_secs(10);

/// How often in a row one thing was written to one object.
#[derive(Debug, Default)]
pub(super) struct Contest {
    times: u32,
    last: Duration,
}

impl Contest {
    /// It was written.
    pub(super) fn written(&mut self, now: Duration) {
        self.times = if now < self.last + PEACE { self.times + 1 } else { 1 };
        self.last = now;
    }

    /// Until when it is not written again.
    pub(super) fn pause(&self, now: Duration) -> Option<Duration> {
        self.pauses_until().filter(|end| now < *end)
    }

    /// The same, which may have passed.
    pub(super) fn pauses_until(&self) -> Option<Duration> {
        (self.times >= AT_ONCE).then_some(self.last + PAUSE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(100_000 + milliseconds)
    }

    #[test]
    fn what_is_undone_again_and_again_is_written_once_a_second() {
        let mut contest = Contest::default();
        for milliseconds in [0, 10, 20] {
            assert_eq!(contest.pause(at(milliseconds)), None);
            contest.written(at(milliseconds));
        }
        assert_eq!(contest.pause(at(30)), Some(at(1020)));
        assert_eq!(contest.pause(at(1020)), None);
        contest.written(at(1020));
        assert_eq!(contest.pause(at(1030)), Some(at(2020)));
    }

    #[test]
    fn what_stood_for_a_while_is_written_at_once() {
        let mut contest = Contest::default();
        for milliseconds in [0, 10, 20, 20_000] {
            contest.written(at(milliseconds));
        }
        assert_eq!(contest.pause(at(20_010)), None);
    }
}
