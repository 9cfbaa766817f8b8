//! Why peers are told of nothing.

use std::net::IpAddr;

use ferrolb_api::VipAnnouncement;
use ferrolb_model::Node;
use serde::{Serialize, Serializer};

use super::route::Scene;
use crate::routing::why_leaving;

/// The reason, the first that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Nothing {
    /// There is no BGPAdvertisement.
    NoAdvertisement,
    /// None selects one of the addresses.
    NotSelected,
    /// There is no BGPPeer.
    NoPeer,
    /// All nodes are leaving, or are to announce nothing.
    Leaving,
    /// No endpoint that a node needs is ready.
    NoEndpoint,
    /// No node has an advertisement and a peer of it.
    NoPair,
}

impl Nothing {
    /// Why none of these nodes tells a peer of one of these VIPs.
    pub(super) fn of(scene: &Scene<'_>, nodes: &[&Node], vips: &[(IpAddr, &VipAnnouncement)]) -> Self {
        let routed: Vec<&VipAnnouncement> =
            vips.iter().map(|(_, vip)| *vip).filter(|vip| vip.bgp.is_some()).collect();
        let staying: Vec<&&Node> = nodes.iter().filter(|node| why_leaving(node).is_empty()).collect();
        let serves = |node: &&Node| routed.iter().any(|vip| scene.routing.serving(&node.name, vip).is_some());
        if scene.routing.advertisements.is_empty() {
            Self::NoAdvertisement
        } else if routed.is_empty() {
            Self::NotSelected
        } else if scene.routing.peers.is_empty() {
            Self::NoPeer
        } else if staying.is_empty() {
            Self::Leaving
        } else if !staying.into_iter().any(serves) {
            Self::NoEndpoint
        } else {
            Self::NoPair
        }
    }

    /// Whether something should be told.
    pub(super) fn is_broken(self) -> bool {
        match self {
            Self::NoAdvertisement | Self::NotSelected => false,
            Self::NoPeer | Self::Leaving | Self::NoEndpoint | Self::NoPair => true,
        }
    }

    /// What is told of it, without the full stop.
    pub(super) fn sentence(self) -> &'static str {
        match self {
            Self::NoAdvertisement => "there is no BGPAdvertisement",
            Self::NotSelected => "no BGPAdvertisement selects an address that was given to a Service",
            Self::NoPeer => "there is no BGPPeer",
            Self::Leaving => {
                "every node in question is cordoned, about to be taken away, or labelled to announce nothing"
            }
            Self::NoEndpoint => "no endpoint of the Services is ready on a node that could tell of them",
            Self::NoPair => "no node that a BGPAdvertisement of them selects has a BGPPeer of it",
        }
    }
}

/// Programs read the sentence.
impl Serialize for Nothing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.sentence())
    }
}
