//! How far the process has come, for `/readyz`.

use std::sync::{Arc, Mutex, PoisonError};

use ferrolb_runtime::watch::Report;

/// How far the process has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// It has not asked for the CustomResourceDefinitions yet.
    Starting,
    /// The CustomResourceDefinitions are not as needed; the sentence says which.
    AwaitsDefinitions(String),
    /// Another controller leads, as far as is known.
    StandsBy,
    /// It leads, and does not know everything yet.
    Lists,
    /// It leads and works.
    Works,
}

/// The phase as others see it, with what the watches report.
#[derive(Clone, Debug)]
pub(crate) struct Progress {
    phase: Arc<Mutex<Phase>>,
    report: Report,
}

impl Progress {
    pub(crate) fn new(report: Report) -> Self {
        Self { phase: Arc::new(Mutex::new(Phase::Starting)), report }
    }

    pub(crate) fn set(&self, phase: Phase) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// A standby is ready to take over; a leader is ready once it has listed everything.
    pub(crate) fn ready(&self) -> Result<(), String> {
        let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match phase {
            Phase::Starting => Err("has not seen the CustomResourceDefinitions yet".into()),
            Phase::AwaitsDefinitions(sentence) => Err(sentence),
            Phase::StandsBy | Phase::Works => Ok(()),
            Phase::Lists => Err(self.still_listing()),
        }
    }

    fn still_listing(&self) -> String {
        let failing = self.report.failing();
        let mut text = "leads, but has not listed Services, pools, namespaces and nodes yet".to_owned();
        for (kind, error) in failing {
            text.push_str(&format!("; {kind}: {error}"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_standby_is_ready_and_a_leader_that_lists_is_not() {
        let progress = Progress::new(Report::default());
        assert!(progress.ready().is_err());
        progress.set(Phase::AwaitsDefinitions("pools are missing".into()));
        assert_eq!(progress.ready().unwrap_err(), "pools are missing");
        progress.set(Phase::StandsBy);
        assert_eq!(progress.ready(), Ok(()));
        progress.set(Phase::Lists);
        assert!(progress.ready().is_err());
        progress.set(Phase::Works);
        assert_eq!(progress.ready(), Ok(()));
    }
}
