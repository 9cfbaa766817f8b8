//! When what no traffic depends on may be written: not while addresses are being given. An API server that is busy with an
//! Event or a counter answers later to whoever creates the next Service.

use std::time::Duration;

/// Addresses are no longer being given when none was written for so long.
const QUIET: Duration = Duration::from_millis(250);
/// The longest that anything waits for that; whoever looks at a pool wants to see its counters some time.
const LONGEST: Duration = Duration::from_secs(30);

/// Whether addresses are being given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Calm {
    /// None was, so far.
    #[default]
    Always,
    /// Written one after the other, the first and the last at these boot times.
    Since {
        /// The first.
        first: Duration,
        /// The last.
        last: Duration,
    },
}

impl Calm {
    /// An address is being written.
    pub(crate) fn disturbed(&mut self, now: Duration) {
        let first = match *self {
            Self::Since { first, last } if now < last + QUIET => first,
            Self::Since { .. } | Self::Always => now,
        };
        *self = Self::Since { first, last: now };
    }

    /// Whether something may be written that can wait.
    pub(crate) fn is_at(self, now: Duration) -> bool {
        self.returns().is_none_or(|time| time <= now)
    }

    /// When that may be, if no address is written until then.
    pub(crate) fn returns(self) -> Option<Duration> {
        match self {
            Self::Always => None,
            Self::Since { first, last } => Some((last + QUIET).min(first + LONGEST)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(1_000_000 + milliseconds)
    }

    #[test]
    fn it_returns_once_no_address_was_written_for_a_while() {
        let mut calm = Calm::default();
        assert!(calm.is_at(at(0)));
        for milliseconds in (0..1000).step_by(20) {
            calm.disturbed(at(milliseconds));
            assert!(!calm.is_at(at(milliseconds)));
        }
        assert!(!calm.is_at(at(980 + 249)));
        assert!(calm.is_at(at(980 + 250)));
    }

    #[test]
    fn a_stream_without_end_keeps_nobody_waiting_for_more_than_half_a_minute() {
        let mut calm = Calm::default();
        let disturbances = (0..90_000).step_by(20);
        let held = disturbances.filter(|milliseconds| {
            calm.disturbed(at(*milliseconds));
            !calm.is_at(at(*milliseconds))
        });
        assert_eq!(held.max(), Some(29_980));
        calm.disturbed(at(100_000));
        assert!(!calm.is_at(at(100_000)), "after a pause it starts anew");
    }
}
