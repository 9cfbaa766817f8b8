use core::time::Duration;

use ferrolb_sansio::{Instant, Rng, TimerTable};

use super::event::TransportId;
use super::outbox::Outbox;
use super::state::Phase;
use crate::policy::Addresses;
use crate::wire::{Framer, Negotiated, keepalive};

/// One transport of a session.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) transport: TransportId,
    pub(crate) phase: Phase,
    pub(crate) inbox: Framer,
    pub(crate) outbox: Outbox,
    pub(crate) timers: TimerTable<{ Timer::ALL.len() }>,
    pub(crate) addresses: Addresses,
}

/// Who opened a transport. A session has at most one of each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Side {
    Dialled,
    Accepted,
}

impl Side {
    pub(crate) const ALL: [Self; 2] = [Self::Dialled, Self::Accepted];

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Dialled => Self::Accepted,
            Self::Accepted => Self::Dialled,
        }
    }
}

/// The timers of one transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Timer {
    /// The connection takes too long (RFC 4271 §8.1.3: ConnectRetryTimer in Connect).
    Connect,
    /// The peer is silent (HoldTimer).
    Hold,
    /// The peer must hear something (KeepaliveTimer).
    Keepalive,
    /// The peer takes nothing (RFC 9687: SendHoldTimer).
    SendHold,
}

impl Timer {
    pub(crate) const ALL: [Self; 4] = [Self::Connect, Self::Hold, Self::Keepalive, Self::SendHold];
}

/// RFC 4271 §4.4: at most one KEEPALIVE a second.
const LEAST_KEEPALIVE: Duration = Duration::from_secs(1);
/// RFC 9687 §3.2: eight minutes, or twice the hold time if that is longer.
const SEND_HOLD: Duration = Duration::from_secs(8 * 60);

impl Link {
    pub(crate) fn new(transport: TransportId) -> Self {
        Self {
            transport,
            phase: Phase::Connect,
            inbox: Framer::new(),
            outbox: Outbox::default(),
            timers: TimerTable::new(),
            addresses: Addresses::default(),
        }
    }

    /// What messages may look like by now.
    pub(crate) fn negotiated(&self) -> Negotiated {
        self.phase.peer().map_or_else(Negotiated::default, |peer| peer.negotiated)
    }

    pub(crate) fn hold_time(&self) -> Duration {
        self.phase.peer().map_or(Duration::ZERO, |peer| peer.hold_time)
    }

    pub(crate) fn is_established(&self) -> bool {
        match self.phase {
            Phase::Established { .. } => true,
            Phase::Connect | Phase::OpenSent | Phase::OpenConfirm(_) => false,
        }
    }

    /// The peer gave a sign of life.
    pub(crate) fn restart_hold(&mut self, now: Instant) {
        self.restart(Timer::Hold, now, self.hold_time());
    }

    /// This speaker gave one. Intervals are shortened by up to a quarter, so that those of many sessions do not stay in
    /// step (RFC 4271 §10).
    pub(crate) fn restart_keepalive(&mut self, now: Instant, configured: Option<Duration>, rng: &mut Rng) {
        let third = self.hold_time() / 3;
        let interval = configured.map_or(third, |configured| configured.min(third));
        let interval = interval.saturating_sub(rng.jitter(interval / 4));
        let interval = if third.is_zero() { Duration::ZERO } else { interval.max(LEAST_KEEPALIVE) };
        self.restart(Timer::Keepalive, now, interval);
    }

    /// Says that the peer has time to take what waits: all of a send hold time if it `took` something just now.
    pub(crate) fn watch_sending(&mut self, now: Instant, took: bool) {
        if self.outbox.is_empty() {
            self.timers.stop(Timer::SendHold as usize);
        } else if took || self.timers.get(Timer::SendHold as usize).is_none() {
            self.restart(Timer::SendHold, now, SEND_HOLD.max(2 * self.hold_time()));
        }
    }

    pub(crate) fn send_keepalive(&mut self, now: Instant, configured: Option<Duration>, rng: &mut Rng) {
        self.outbox.write(keepalive);
        self.restart_keepalive(now, configured, rng);
        self.watch_sending(now, false);
    }

    /// Timers of no time are not armed: a hold time of zero means that nobody watches (RFC 4271 §4.4).
    fn restart(&mut self, timer: Timer, now: Instant, time: Duration) {
        if time.is_zero() {
            self.timers.stop(timer as usize);
        } else {
            self.timers.set(timer as usize, now + time);
        }
    }
}
