use core::time::Duration;

use crate::policy::NextHopSettings;
use crate::{Asn, Families, Family, RouterId};

/// What is configured of one peer, as far as the protocol is concerned. Addresses, ports and passwords are the caller's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// The AS that the peer knows this speaker by.
    pub local_as: Asn,
    /// The AS that the peer must be in.
    pub peer_as: PeerAs,
    /// This speaker.
    pub identifier: RouterId,
    /// Proposed to the peer: after so long without a sign of life the session ends. Zero, for never, or 3 s and more, in
    /// whole seconds (RFC 4271 §4.2).
    pub hold_time: Duration,
    /// How often to give a sign of life, if not three times in a hold time.
    pub keepalive: Option<Duration>,
    /// How long to wait for a connection, and between attempts.
    pub connect_time: Duration,
    /// Who begins.
    pub opening: Opening,
    /// The families offered.
    pub families: Families,
    /// Those of them without which there shall be no session (RFC 5492 §3).
    pub demanded: Families,
    /// Whether messages may have 65,535 octets (RFC 8654): the peer's always, ours if it takes such.
    pub extended_messages: bool,
    /// Whether IPv4 routes may be told with IPv6 next hops (RFC 8950).
    pub extended_next_hop: bool,
    /// How this speaker restarts, if the peer should keep its routes meanwhile (RFC 4724).
    pub graceful_restart: Option<GracefulSettings>,
    /// Next hops other than the session's own.
    pub next_hops: NextHopSettings,
}

impl Settings {
    /// What holds for everything that nobody configured.
    pub fn new(local_as: Asn, peer_as: PeerAs, identifier: RouterId) -> Self {
        Self {
            local_as,
            peer_as,
            identifier,
            hold_time: Self::DEFAULT_HOLD_TIME,
            keepalive: None,
            connect_time: Self::DEFAULT_CONNECT_TIME,
            opening: Opening::Active,
            families: Family::ALL.into_iter().collect(),
            demanded: Families::NONE,
            extended_messages: true,
            extended_next_hop: false,
            graceful_restart: None,
            next_hops: NextHopSettings::default(),
        }
    }

    /// What RFC 4271 §10 suggests.
    pub const DEFAULT_HOLD_TIME: Duration = Duration::from_secs(90);
    /// Shorter than what RFC 4271 §10 suggests: a router that comes back should not wait two minutes for its routes.
    pub const DEFAULT_CONNECT_TIME: Duration = Duration::from_secs(10);
    /// Attempts are never closer together than this, whatever is configured.
    pub const LEAST_CONNECT_TIME: Duration = Duration::from_secs(1);
}

/// Which AS a peer may be in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PeerAs {
    /// This one.
    Number(Asn),
    /// Any but our own.
    External,
    /// Our own.
    Internal,
    /// Any.
    Any,
}

/// Who opens the transport.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opening {
    /// This speaker; it takes no connection.
    Active,
    /// The peer; this speaker only listens.
    Passive,
    /// Both, so that their attempts may collide (RFC 4271 §6.8).
    Either,
}

impl Opening {
    pub(crate) fn dials(self) -> bool {
        match self {
            Self::Active | Self::Either => true,
            Self::Passive => false,
        }
    }

    pub(crate) fn listens(self) -> bool {
        match self {
            Self::Passive | Self::Either => true,
            Self::Active => false,
        }
    }
}

/// What the peer is told of our restarts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GracefulSettings {
    /// How long the peer should wait for this speaker to come back, in whole seconds.
    pub restart_time: Duration,
}
