use core::fmt;
use core::time::Duration;

use super::Restart;
use super::settings::{PeerAs, Settings};
use super::state::Peer;
use crate::wire::{
    Capability, ErrorCode, ExtendedNextHop, GracefulFamily, GracefulRestart, Negotiated, Notification, Open,
    OpenCode, OpenError,
};
use crate::{Asn, Families, Family, RouterId};

/// Why a peer's OPEN, though it can be read, is not accepted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// One of the reasons that the message itself knows.
    Open(OpenError),
    /// The peer is in our AS, and must not be.
    NotExternal(Asn),
    /// The peer is in another AS than ours, and must not be.
    NotInternal {
        /// Its AS.
        actual: Asn,
        /// Ours.
        ours: Asn,
    },
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl Refusal {
    /// What the peer is told.
    pub fn notification(&self) -> Notification {
        match self {
            Self::Open(error) => error.notification(),
            Self::NotExternal(_) | Self::NotInternal { .. } => ErrorCode::Open(OpenCode::BadPeerAs).into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open(error) => error.fmt(f),
            Self::NotExternal(asn) => {
                write!(f, "the peer is in AS {asn}, which is this speaker's own; it should be in another")
            }
            Self::NotInternal { actual, ours } => {
                write!(f, "the peer is in AS {actual}; it should be in this speaker's own, {ours}")
            }
        }
    }
}

/// The OPEN that says what is configured.
pub(crate) fn ours(settings: &Settings, restart: Restart) -> Open {
    let mut capabilities: Vec<_> =
        settings.families.iter().map(|family| Capability::Multiprotocol(family.codes())).collect();
    capabilities.extend([
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::FourOctetAsn(settings.local_as),
    ]);
    if settings.extended_messages {
        capabilities.push(Capability::ExtendedMessage);
    }
    if settings.extended_next_hop && settings.families.contains(Family::Ipv4Unicast) {
        capabilities.push(Capability::ExtendedNextHop(vec![ExtendedNextHop::IPV4_OVER_IPV6]));
    }
    if let Some(graceful) = settings.graceful_restart {
        let forwarding = restart.restarted && restart.forwarding;
        let families = settings.families.iter();
        capabilities.push(Capability::GracefulRestart(GracefulRestart {
            restarting: restart.restarted,
            notification: true,
            time: seconds(graceful.restart_time),
            families: families.map(|family| GracefulFamily { family: family.codes(), forwarding }).collect(),
        }));
    }
    Open {
        asn: settings.local_as,
        hold_time: seconds(settings.hold_time),
        identifier: settings.identifier,
        capabilities,
    }
}

/// Says what both agree on, if the peer's OPEN is acceptable.
pub(crate) fn agree(settings: &Settings, ours: &Open, theirs: &Open) -> Result<Peer, Refusal> {
    let negotiated = Negotiated::between(ours, theirs);
    check(settings, theirs.asn, theirs.identifier, negotiated.families)?;
    Ok(Peer {
        asn: theirs.asn,
        identifier: theirs.identifier,
        negotiated,
        hold_time: Duration::from_secs(ours.hold_time.min(theirs.hold_time).into()),
        offered_hold_time: Duration::from_secs(theirs.hold_time.into()),
        graceful_restart: theirs.graceful_restart().cloned(),
    })
}

/// Checks what the peer says of itself, and which families both have (RFC 4271 §6.2).
pub(crate) fn check(
    settings: &Settings,
    asn: Asn,
    identifier: RouterId,
    families: Families,
) -> Result<(), Refusal> {
    let local = settings.local_as;
    match settings.peer_as {
        PeerAs::Number(expected) if asn != expected => {
            return Err(OpenError::UnexpectedAsn { actual: asn, expected }.into());
        }
        PeerAs::External if asn == local => return Err(Refusal::NotExternal(asn)),
        PeerAs::Internal if asn != local => return Err(Refusal::NotInternal { actual: asn, ours: local }),
        PeerAs::Number(_) | PeerAs::External | PeerAs::Internal | PeerAs::Any => {}
    }
    // In another AS the same identifier may be used again (RFC 6286 §2.1).
    if asn == local && identifier == settings.identifier {
        return Err(OpenError::OwnIdentifier.into());
    }
    let needed = if families.is_empty() { settings.families } else { settings.demanded };
    match needed.iter().find(|family| !families.contains(*family)) {
        Some(missing) => Err(OpenError::MissingFamily(missing).into()),
        None => Ok(()),
    }
}

fn seconds(time: Duration) -> u16 {
    u16::try_from(time.as_secs()).unwrap_or(u16::MAX)
}
