use core::time::Duration;

use ferrolb_sansio::Instant;

use super::Session;
use super::reason::Reason;

/// How a session is stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stop {
    /// This speaker will be back soon. A peer that keeps routes meanwhile hears no word, any other is told to forget them
    /// first.
    Restart {
        /// For whoever runs the peer.
        text: String,
    },
    /// This speaker leaves for good. Its routes become everybody's last choice, are taken back after `wait`, and then the
    /// session ends.
    Leave {
        /// How long the peer may take to prefer others.
        wait: Duration,
        /// For whoever runs the peer.
        text: String,
    },
    /// The peer is not configured any more.
    Remove,
}

/// The way to the end of a session that is up.
#[derive(Debug)]
pub(crate) enum Leaving {
    /// The peer was told to prefer others.
    Draining { until: Instant, reason: Reason },
    /// The peer is told to forget the routes.
    Withdrawing { until: Instant, reason: Reason },
}

/// A peer that does not read must not keep us.
const WITHDRAWING_MOST: Duration = Duration::from_secs(2);

impl Leaving {
    pub(crate) fn until(&self) -> Instant {
        match self {
            Self::Draining { until, .. } | Self::Withdrawing { until, .. } => *until,
        }
    }
}

impl Session {
    /// Stops; [`Event::Stopped`](super::Event::Stopped) says when that is done.
    pub fn stop(&mut self, now: Instant, stop: Stop) {
        let up = self.links.established();
        match (stop, up) {
            (Stop::Leave { wait, text }, Some(_)) => {
                self.leaving = Some(Leaving::Draining { until: now + wait, reason: Reason::Leaving(text) });
                self.set_draining(true);
            }
            (Stop::Restart { text }, Some(side)) => {
                let reason = Reason::Restarting(text);
                if self.settings.graceful_restart.is_some() && self.peer_restarts_gracefully(side) {
                    self.stop_now(now, &reason);
                } else {
                    self.withdraw(now, reason);
                }
            }
            (Stop::Leave { text, .. }, None) => self.stop_now(now, &Reason::Leaving(text)),
            (Stop::Restart { text }, None) => self.stop_now(now, &Reason::Restarting(text)),
            (Stop::Remove, _) => self.stop_now(now, &Reason::Removed),
        }
        self.advance_leaving(now);
        self.tell_state(now);
    }

    /// Takes the next step of leaving, if it is time for it.
    pub(super) fn advance_leaving(&mut self, now: Instant) {
        match &self.leaving {
            Some(Leaving::Draining { until, reason }) if *until <= now => {
                let reason = reason.clone();
                self.withdraw(now, reason);
                self.advance_leaving(now);
            }
            Some(Leaving::Withdrawing { until, reason }) => {
                let outbox = self.links.established().and_then(|side| self.links.get(side));
                let all_out = self.routes.owed() == 0 && outbox.is_none_or(|link| link.outbox.is_empty());
                if all_out || *until <= now {
                    let reason = reason.clone();
                    self.stop_now(now, &reason);
                }
            }
            Some(Leaving::Draining { .. }) | None => {}
        }
    }

    fn withdraw(&mut self, now: Instant, reason: Reason) {
        self.routes.set_silent(true);
        self.leaving = Some(Leaving::Withdrawing { until: now + WITHDRAWING_MOST, reason });
    }

    fn stop_now(&mut self, now: Instant, reason: &Reason) {
        self.rest = super::state::Rest::Stopped;
        self.leaving = None;
        self.end_all(now, reason);
        self.stopped();
    }
}
