use core::fmt;
use core::time::Duration;

use ferrolb_sansio::Instant;

use crate::wire::{GracefulRestart, Negotiated};
use crate::{Asn, RouterId};

/// What a session does while no transport is there or on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rest {
    /// Nothing, until somebody starts it.
    Stopped,
    /// Nothing, until the peer has had time to mend what it was told, or told us (RFC 4271 §8.1.1: IdleHoldTimer).
    Damped { until: Instant },
    /// It waits for the peer, if it listens, and tries again at this time, if it dials (ConnectRetryTimer).
    Trying { dial_at: Option<Instant> },
}

/// How far a transport has come (RFC 4271 §8.2.2).
#[derive(Debug)]
pub(crate) enum Phase {
    /// It is being connected.
    Connect,
    /// Our OPEN is out.
    OpenSent,
    /// The peer's OPEN was accepted, and so it should accept ours.
    OpenConfirm(Peer),
    /// Routes are told.
    Established { peer: Peer, since: Instant },
}

impl Phase {
    pub(crate) fn peer(&self) -> Option<&Peer> {
        match self {
            Self::Connect | Self::OpenSent => None,
            Self::OpenConfirm(peer) | Self::Established { peer, .. } => Some(peer),
        }
    }

    pub(crate) fn name(&self) -> StateName {
        match self {
            Self::Connect => StateName::Connect,
            Self::OpenSent => StateName::OpenSent,
            Self::OpenConfirm(_) => StateName::OpenConfirm,
            Self::Established { .. } => StateName::Established,
        }
    }
}

/// What the peer's OPEN says, and what follows from both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    /// Its AS.
    pub asn: Asn,
    /// Itself.
    pub identifier: RouterId,
    /// What both can do.
    pub negotiated: Negotiated,
    /// The lesser of both proposals; zero if nobody watches.
    pub hold_time: Duration,
    /// The peer's own proposal.
    pub offered_hold_time: Duration,
    /// What it says of its restarts, if it has the capability.
    pub graceful_restart: Option<GracefulRestart>,
}

/// The states of RFC 4271 §8.2.2. A session with two transports is in the state of the one that has come further.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum StateName {
    /// Nothing is tried.
    Idle,
    /// It waits for the peer, or for the time of the next attempt.
    Active,
    /// A connection is on its way.
    Connect,
    /// Our OPEN is out.
    OpenSent,
    /// Both OPENs are right.
    OpenConfirm,
    /// The session is up.
    Established,
}

impl StateName {
    /// All of them, in the order in which a session goes through them.
    pub const ALL: [Self; 6] =
        [Self::Idle, Self::Active, Self::Connect, Self::OpenSent, Self::OpenConfirm, Self::Established];
}

impl fmt::Display for StateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}
