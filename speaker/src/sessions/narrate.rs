use std::collections::BTreeMap;
use std::sync::Arc;

use ferrolb_bgp::session::{Event, Reason, StateName};

use super::message::Remote;

/// Tells people what happens to sessions, and of attempts that fail alike only once.
#[derive(Debug, Default)]
pub(crate) struct Narrator {
    /// Why the last attempt failed, by peer.
    failed: BTreeMap<Arc<str>, String>,
}

impl Narrator {
    /// Tells of one event.
    pub(crate) fn tell(&mut self, peer: &Arc<str>, remote: &Remote, event: &Event) {
        match event {
            Event::State { to: StateName::Established, .. } => {
                self.failed.remove(peer);
                tracing::info!(%peer, %remote, "The BGP session with the router is up.");
            }
            Event::State { .. } => {}
            Event::Ended { state: StateName::Established, reason } if is_meant(reason) => {
                tracing::info!(%peer, %remote, %reason, "The BGP session with the router was ended.");
            }
            Event::Ended { state: StateName::Established, reason } => {
                tracing::warn!(%peer, %remote, %reason, "The BGP session with the router is down.");
            }
            Event::Ended { reason, .. } if is_meant(reason) => {}
            Event::Ended { reason, .. } => {
                let reason = reason.to_string();
                if self.failed.get(peer) != Some(&reason) {
                    tracing::warn!(%peer, %remote, reason, "There is no BGP session with the router; it is tried again.");
                    self.failed.insert(Arc::clone(peer), reason);
                }
            }
            Event::Fault(fault) => {
                tracing::warn!(%peer, %remote, %fault, "The router sent an UPDATE that is wrong; the session goes on.");
            }
            Event::Stopped => drop(self.failed.remove(peer)),
        }
    }
}

/// Whether this side wanted the end, or a better connection takes its place.
fn is_meant(reason: &Reason) -> bool {
    match reason {
        Reason::Collision | Reason::Replaced | Reason::Reconfigured | Reason::Reset(_) => true,
        Reason::Leaving(_) | Reason::Restarting(_) | Reason::Removed => true,
        Reason::NotConnected(_) | Reason::ConnectTimeout(_) | Reason::Failed(_) | Reason::Closed => false,
        Reason::Heard(_) | Reason::Malformed(_) | Reason::Refused(_) | Reason::Fault(_) => false,
        Reason::Unexpected { .. } | Reason::HoldTimerExpired(_) | Reason::SendHoldTimerExpired => false,
        Reason::BfdDown | Reason::Misdirected(_) => false,
    }
}
