//! When an object may be written: one request at a time, after a failure later, after a conflict once it was seen anew.

use std::time::Duration;

use crate::write::Verdict;

/// The write state of one object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Pace {
    /// Nothing stands in the way.
    #[default]
    Free,
    /// A request is in flight.
    InFlight {
        /// Failures in a row before it.
        failures: u32,
    },
    /// The last request failed; the next waits.
    Until {
        /// Boot time at which it may go.
        time: Duration,
        /// Failures in a row.
        failures: u32,
    },
    /// The version written from was old; a newer one is on its way.
    AwaitsNewer,
}

impl Pace {
    /// Whether a request may go now.
    pub(crate) fn allows(&self, now: Duration) -> bool {
        match self {
            Self::Free => true,
            Self::Until { time, failures: _ } => *time <= now,
            Self::InFlight { failures: _ } | Self::AwaitsNewer => false,
        }
    }

    /// When a request may go that may not go now, if time alone decides.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        match self {
            Self::Until { time, failures: _ } => Some(*time),
            Self::Free | Self::InFlight { failures: _ } | Self::AwaitsNewer => None,
        }
    }

    /// A request was sent.
    pub(crate) fn sent(&mut self) {
        let failures = match self {
            Self::Until { time: _, failures } => *failures,
            Self::Free | Self::InFlight { failures: _ } | Self::AwaitsNewer => 0,
        };
        *self = Self::InFlight { failures };
    }

    /// A newer version of the object was seen.
    pub(crate) fn seen(&mut self) {
        if *self == Self::AwaitsNewer {
            *self = Self::Free;
        }
    }

    /// A request's outcome came. `overtaken` tells whether another version than the one written from was seen
    /// meanwhile.
    pub(crate) fn finished(&mut self, verdict: &Verdict, overtaken: bool, now: Duration) {
        let failures = match self {
            Self::InFlight { failures } => *failures + 1,
            Self::Free | Self::Until { .. } | Self::AwaitsNewer => 1,
        };
        *self = match verdict {
            Verdict::Done { resource_version: _ } => Self::Free,
            Verdict::Conflict if overtaken => Self::Free,
            Verdict::Conflict | Verdict::Gone => Self::AwaitsNewer,
            Verdict::Refused(_) => Self::Until { time: now + LONGEST_PAUSE, failures },
            Verdict::Again { after, why: _ } => {
                let pause = after.unwrap_or_else(|| FIRST_PAUSE * 2_u32.saturating_pow(failures.min(16) - 1));
                Self::Until { time: now + pause.min(LONGEST_PAUSE), failures }
            }
        };
    }
}

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn one_request_at_a_time() {
        let mut pace = Pace::default();
        assert!(pace.allows(NOW));
        pace.sent();
        assert!(!pace.allows(NOW));
        pace.finished(&Verdict::Done { resource_version: "2".into() }, false, NOW);
        assert!(pace.allows(NOW));
    }

    #[test]
    fn pauses_grow_up_to_half_a_minute() {
        let mut pace = Pace::default();
        let mut pauses = Vec::new();
        for _ in 0..10 {
            pace.sent();
            pace.finished(&Verdict::Again { after: None, why: String::new() }, false, NOW);
            pauses.push((pace.deadline().unwrap() - NOW).as_millis());
        }
        assert_eq!(pauses, [200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
    }

    #[test]
    fn a_conflict_waits_for_the_newer_version_unless_it_is_here() {
        let mut pace = Pace::default();
        pace.sent();
        pace.finished(&Verdict::Conflict, false, NOW);
        assert!(!pace.allows(NOW + LONGEST_PAUSE));
        pace.seen();
        assert!(pace.allows(NOW));
        pace.sent();
        pace.finished(&Verdict::Conflict, true, NOW);
        assert!(pace.allows(NOW));
    }
}
