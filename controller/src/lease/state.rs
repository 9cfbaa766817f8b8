//! What to do about the lease, as a function of what was seen and when.

use std::time::Duration;

/// How long the lease holds after a renewal.
pub(crate) const DURATION: Duration = Duration::from_secs(15);
/// How often the holder renews and a candidate looks.
pub(crate) const RETRY: Duration = Duration::from_secs(2);

/// The lease as last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Who holds it; empty: nobody, it was released.
    pub(crate) holder: String,
    /// Changes with every write.
    pub(crate) resource_version: String,
    /// How long it holds, as its holder wrote it.
    pub(crate) duration: Duration,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Write it in one's own name, guarded by the version seen.
    Take,
    /// Look again later.
    Wait,
}

/// How long the lease has been seen unchanged.
#[derive(Debug, Default)]
pub(crate) struct Watcher {
    last: Option<(String, Duration)>,
}

impl Watcher {
    /// Notes a reading at `now` and returns how long the lease has been unchanged.
    pub(crate) fn unchanged_for(&mut self, observed: &Observed, now: Duration) -> Duration {
        match &self.last {
            Some((version, since)) if *version == observed.resource_version => now.saturating_sub(*since),
            Some(_) | None => {
                self.last = Some((observed.resource_version.clone(), now));
                Duration::ZERO
            }
        }
    }
}

/// Decides for a candidate that does not hold the lease. `observed` is `None` if it does not exist.
pub(crate) fn decide(observed: Option<&Observed>, me: &str, unchanged_for: Duration) -> Decision {
    match observed {
        None => Decision::Take,
        // A name is used by one process only, so a lease in it was taken by a write whose answer got lost.
        Some(lease) if lease.holder.is_empty() || lease.holder == me => Decision::Take,
        Some(lease) if unchanged_for > lease.duration => Decision::Take,
        Some(_) => Decision::Wait,
    }
}

/// Whether a version of the lease is older than another. Nobody but its holder writes it while it is held, so an older one
/// than the holder's own means that the storage was set back, by however little.
pub(crate) fn is_older(version: &str, other: &str) -> bool {
    matches!((version.parse::<u128>(), other.parse::<u128>()), (Ok(version), Ok(other)) if version < other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(holder: &str, version: &str) -> Observed {
        Observed { holder: holder.into(), resource_version: version.into(), duration: DURATION }
    }

    #[test]
    fn a_missing_or_released_lease_is_taken() {
        assert_eq!(decide(None, "a", Duration::ZERO), Decision::Take);
        assert_eq!(decide(Some(&lease("", "1")), "a", Duration::ZERO), Decision::Take);
    }

    #[test]
    fn a_held_lease_is_taken_only_after_it_was_seen_unchanged_for_its_duration() {
        let mut watcher = Watcher::default();
        let held = lease("b", "7");
        let at = |seconds: u64| Duration::from_secs(1000 + seconds);
        for seconds in [0, 2, 14, 15] {
            let unchanged = watcher.unchanged_for(&held, at(seconds));
            assert_eq!(decide(Some(&held), "a", unchanged), Decision::Wait, "after {seconds} s");
        }
        let unchanged = watcher.unchanged_for(&held, at(16));
        assert_eq!(decide(Some(&held), "a", unchanged), Decision::Take);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(is_older("9", "10"));
        assert!(!is_older("10", "10"));
        assert!(!is_older("11", "10"));
        assert!(!is_older("9", ""), "nothing is known");
    }

    #[test]
    fn a_renewal_starts_the_wait_again() {
        let mut watcher = Watcher::default();
        watcher.unchanged_for(&lease("b", "7"), Duration::from_secs(0));
        let unchanged = watcher.unchanged_for(&lease("b", "8"), Duration::from_secs(100));
        assert_eq!(decide(Some(&lease("b", "8")), "a", unchanged), Decision::Wait);
    }
}
