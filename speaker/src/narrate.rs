use ferrolb_bfd::{Change, Event as BfdEvent};
use ferrolb_ownership::Event;

/// Tells people what happened on an interface.
pub(crate) fn narrate(interface: &str, event: &Event) {
    match event {
        Event::Joined => tracing::info!(interface, "Joined the other speakers."),
        Event::Owned { vip, term, connected } => {
            tracing::info!(interface, %vip, term, connected, "This node answers for the VIP.");
        }
        Event::Lost { vip, to, cause } => {
            let to = to.as_ref().map_or("", |node| node.as_str());
            tracing::info!(interface, %vip, to, ?cause, "This node answers for the VIP no longer.");
        }
        Event::Duplicate { vip, mac } => {
            tracing::warn!(interface, %vip, %mac, "Another station uses the VIP; take the address off it.");
        }
        Event::SegmentIsolated => {
            tracing::warn!(
                interface,
                "The gateway answers and no other speaker was ever heard: isolated ports, or no other runs. VIPs are left to their first candidates."
            );
        }
        Event::MulticastFiltered { node } => {
            tracing::warn!(interface, %node, "The node answers but its heartbeats do not arrive: a switch filters multicast.");
        }
    }
}

/// Tells people what happened to a BFD session.
pub(crate) fn narrate_bfd(event: &BfdEvent) {
    let peer = event.path.peer();
    match event.change {
        Change::Up => tracing::info!(%peer, "The BFD session is up."),
        Change::Down(cause) => tracing::warn!(%peer, %cause, "The BFD session is down."),
        Change::PeerAdminDown => {
            tracing::info!(%peer, "The peer has switched its BFD off; nothing that depends on it is taken for dead.");
        }
    }
}
