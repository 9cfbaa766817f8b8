use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ferrolb_ownership::StateName;

use crate::sessions;
use crate::wire::{Pulse, Report};

/// What health checks and metrics look at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observed(Arc<Mutex<View>>);

/// The newest that is known.
#[derive(Debug, Default)]
pub(crate) struct View {
    /// The newest report of the wire thread.
    pub(crate) report: Report,
    /// The newest report of the BGP thread.
    pub(crate) sessions: sessions::Report,
    /// The paths to peers that BFD watches, by the BGPPeer's name.
    pub(crate) watched: Vec<(Arc<str>, ferrolb_bfd::Path)>,
    /// Whether one of the wire thread has come since the configuration was complete.
    pub(crate) reported: bool,
    /// The wire thread, once it runs.
    pub(crate) pulse: Option<Pulse>,
    /// Whether there is a configuration, be it the last run's.
    pub(crate) configured: bool,
    /// Whether it is the last run's.
    pub(crate) stale: bool,
    /// Whether the wire thread has real-time scheduling.
    pub(crate) realtime: bool,
    /// Problems of the configuration.
    pub(crate) problems: usize,
}

impl Observed {
    /// Looks, for a moment.
    pub(crate) fn view(&self) -> MutexGuard<'_, View> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the wire thread lives.
    pub(crate) fn healthy(&self) -> Result<(), String> {
        let Some(pulse) = self.view().pulse.clone() else { return Ok(()) };
        let age = pulse.age();
        if age > MAX_SILENCE {
            return Err(format!("the wire thread has not woken up for {} ms", age.as_millis()));
        }
        Ok(())
    }

    /// Whether the speaker does its job by now.
    pub(crate) fn ready(&self) -> Result<(), String> {
        let view = self.view();
        let wait = if !view.configured {
            "it waits for the first configuration"
        } else if view.pulse.is_none() {
            "it waits for the heartbeat key and the cluster's identity"
        } else if !view.reported
            || view.report.ports.iter().flat_map(|port| &port.vips).any(|vip| vip.state == StateName::Joining)
        {
            "it is joining the other speakers"
        } else {
            return Ok(());
        };
        Err(wait.to_owned())
    }
}

const MAX_SILENCE: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readiness_says_what_it_waits_for() {
        let observed = Observed::default();
        assert!(observed.healthy().is_ok(), "before the wire thread is started");
        assert!(observed.ready().unwrap_err().contains("configuration"));
        observed.view().configured = true;
        assert!(observed.ready().unwrap_err().contains("heartbeat key"));
    }
}
