use std::time::Duration;

use ferrolb_runtime::watch::Report;
use ferrolb_sansio::Instant;

/// Whether the API server has been away for long: VIPs then move to speakers that hear it.
#[derive(Debug, Default)]
pub(crate) struct Absence {
    watches: Report,
    since: Option<Instant>,
    long: bool,
}

/// An API server that restarts, or a connection that breaks, is back by then.
const LONG: Duration = Duration::from_secs(10);

impl Absence {
    /// Where the watches that matter tell how they fare.
    pub(crate) fn report(&self) -> Report {
        self.watches.clone()
    }

    /// Looks; tells whether the answer changed.
    pub(crate) fn look(&mut self, now: Instant) -> bool {
        let failing = !self.watches.failing().is_empty();
        self.note(failing, now)
    }

    pub(crate) fn is_long(&self) -> bool {
        self.long
    }

    fn note(&mut self, failing: bool, now: Instant) -> bool {
        self.since = if failing { self.since.or(Some(now)) } else { None };
        let long = self.since.is_some_and(|since| now.since(since) >= LONG);
        std::mem::replace(&mut self.long, long) != long
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_long_absence_counts_and_it_ends_at_once() {
        let mut absence = Absence::default();
        let at = |secs: u64| Instant::from_millis(secs * 1_000);
        assert!(!absence.note(true, at(1)) && !absence.note(true, at(9)));
        assert!(!absence.note(false, at(10)) && !absence.note(true, at(11)), "it was back meanwhile");
        assert!(!absence.note(true, at(20)) && absence.note(true, at(21)) && absence.is_long());
        assert!(!absence.note(true, at(22)), "no news");
        assert!(absence.note(false, at(23)) && !absence.is_long());
    }
}
