use ferrolb_sansio::Instant;

use super::counters::Counters;
use super::settings::Settings;
use super::state::{Peer, Rest, StateName};
use super::{Restart, Session};
use crate::rib_out::RibOut;
use crate::wire::Fault;

/// Why the session, or an attempt at it, last ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LastError {
    /// When.
    pub at: Instant,
    /// Why: a sentence without its full stop.
    pub text: String,
}

impl Session {
    /// The state, that of the transport which has come further if there are two.
    pub fn state(&self) -> StateName {
        self.state
    }

    /// Since when the state is what it is.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// Why it last ended, if it ever did; kept while a later session is up.
    pub fn last_error(&self) -> Option<&LastError> {
        self.last_error.as_ref()
    }

    /// The worst UPDATE of the session that is up, if any was wrong.
    pub fn worst_fault(&self) -> Option<&Fault> {
        self.worst.as_ref()
    }

    /// When the next attempt begins, if none is under way.
    pub fn next_attempt(&self) -> Option<Instant> {
        match self.rest {
            Rest::Stopped => None,
            Rest::Damped { until } => Some(until),
            Rest::Trying { dial_at } => dial_at,
        }
    }

    /// The peer, as it has introduced itself, once its OPEN was accepted.
    pub fn peer(&self) -> Option<&Peer> {
        self.links
            .iter()
            .filter_map(|link| Some((link.phase.name(), link.phase.peer()?)))
            .max_by_key(|(state, _)| *state)
            .map(|(_, peer)| peer)
    }

    /// What is configured.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// What the next OPEN says of restarts.
    pub fn restart(&self) -> Restart {
        self.restart
    }

    /// What the peer should be told, and was.
    pub fn rib_out(&self) -> &RibOut {
        &self.routes
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}
