use core::fmt;
use core::time::Duration;

use ferrolb_sansio::Instant;

use crate::{Diagnostic, Discriminator, Interval, Path, State};

/// Something that those who depend on the peer must know (RFC 5882).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// Between whom.
    pub path: Path,
    /// What.
    pub change: Change,
}

/// What happened to a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Both ends hear each other.
    Up,
    /// It was up, and the peer can no longer be reached.
    Down(DownCause),
    /// It was up, and the peer switched it off: nothing is known of the peer any more, and nobody who depends on it may
    /// conclude that it is gone (RFC 5882 §3.2).
    PeerAdminDown,
}

/// Why a session that was up is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DownCause {
    /// Nothing was heard for so long.
    Silence(Duration),
    /// The peer says that it is down, and this is why.
    Signaled(Diagnostic),
}

impl fmt::Display for DownCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silence(time) => write!(f, "nothing was heard from the peer for {} ms", time.as_millis()),
            Self::Signaled(Diagnostic::DetectionTimeExpired) => {
                f.write_str("the peer says that it did not hear this node for its detection time")
            }
            Self::Signaled(Diagnostic::None) => {
                f.write_str("the peer says that its end is down, and not why: it may have been restarted")
            }
            Self::Signaled(diagnostic) => write!(f, "the peer says that its end is down: {diagnostic}"),
        }
    }
}

/// How a session is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// Between whom.
    pub path: Path,
    /// The own name of it.
    pub discriminator: Discriminator,
    /// The own state.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// What the own packets say of the last change.
    pub diagnostic: Diagnostic,
    /// When it last went down after it was up, and why.
    pub last_down: Option<(Instant, DownCause)>,
    /// What the peer says, while it is heard.
    pub peer: Option<PeerStatus>,
    /// The interval at which packets are sent, before jitter; none while none are.
    pub transmit_interval: Option<Duration>,
    /// How long the peer may be silent, while it is heard.
    pub detection_time: Option<Duration>,
    /// Packets taken.
    pub received: u64,
    /// Packets sent.
    pub sent: u64,
    /// How often it came up.
    pub ups: u64,
    /// How often it went down after it was up; whoever missed an [`Event`] sees it here.
    pub downs: u64,
}

/// What a peer says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PeerStatus {
    /// Its name for the session.
    pub discriminator: Discriminator,
    /// Its state.
    pub state: State,
    /// Why it last changed that.
    pub diagnostic: Diagnostic,
    /// It sends no faster.
    pub desired_min_tx: Interval,
    /// It can receive no faster.
    pub required_min_rx: Interval,
    /// Packets in a row it lets others miss.
    pub multiplier: u8,
    /// It asked for no periodic packets (RFC 5880 §6.6).
    pub demand: bool,
    /// Its BFD outlives its control plane.
    pub independent: bool,
}
