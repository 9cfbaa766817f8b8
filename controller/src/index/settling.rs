//! Things that change for a moment, as a session that is lost and comes back does, are looked at once they had time to settle.

use std::time::Duration;

/// Longer than a speaker takes to connect anew after a connection broke.
const TIME: Duration = Duration::from_secs(5);

/// Whether something is to be looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Settling {
    /// Nothing changed since it was looked at.
    #[default]
    Still,
    /// Something did, just now.
    Stirred,
    /// Something did; this is the boot time at which it is looked at, whatever happens until then.
    Until(Duration),
}

impl Settling {
    /// Something changed.
    pub(crate) fn stir(&mut self) {
        if *self == Self::Still {
            *self = Self::Stirred;
        }
    }

    /// Whether it is time to look, which this takes for done.
    pub(crate) fn is_due(&mut self, now: Duration) -> bool {
        match *self {
            Self::Stirred => *self = Self::Until(now + TIME),
            Self::Until(time) if time <= now => {
                *self = Self::Still;
                return true;
            }
            Self::Until(_) | Self::Still => {}
        }
        false
    }

    /// When [`Self::is_due`] has something to do, if nothing else happens.
    pub(crate) fn deadline(self) -> Option<Duration> {
        match self {
            Self::Still => None,
            Self::Stirred => Some(Duration::ZERO),
            Self::Until(time) => Some(time),
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
    fn however_often_it_changes_it_is_looked_at_once_in_that_time() {
        let mut settling = Settling::default();
        assert!(!settling.is_due(at(0)) && settling.deadline().is_none());
        let changes = (0..60_000).step_by(100);
        let looks = changes.filter(|milliseconds| {
            settling.stir();
            settling.is_due(at(*milliseconds))
        });
        assert_eq!(looks.take(3).collect::<Vec<_>>(), [5_000, 10_100, 15_200]);
        assert_eq!(settling, Settling::Still);
    }
}
