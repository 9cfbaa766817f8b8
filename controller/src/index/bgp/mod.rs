//! BGPAdvertisements, BGPPeers, BFDProfiles and Communities as the API server has them: the good ones for placement, a condition
//! for each.

mod book;
mod conditions;
mod conflicts;
mod remarks;

use std::collections::BTreeMap;

use ferrolb_api::{BFDProfile, BGPAdvertisement, BGPPeer, Community};
use ferrolb_config::bgp::{self, Advertisement, BfdProfile, Peer};
use ferrolb_model as model;
use ferrolb_runtime::watch::Change;

use self::book::Book;
use super::{announce::Announcements, objects::Objects};
use crate::write::ConfigKind;

/// Every object of the four kinds.
#[derive(Debug, Default)]
pub(crate) struct BgpObjects {
    advertisements: Book<Advertisement>,
    peers: Book<Peer>,
    profiles: Book<BfdProfile>,
    communities: Book<Community>,
    /// What speakers said, when it was looked at last, of sessions that are down, by peer.
    down: BTreeMap<String, String>,
}

impl Announcements {
    /// Takes what the watch of BGPAdvertisements saw.
    pub(crate) fn apply_bgp_advertisements(
        &mut self,
        change: Change<BGPAdvertisement>,
        objects: &mut Objects,
    ) {
        let kind = ConfigKind::BgpAdvertisement;
        if self.bgp.advertisements.apply(kind, change, bgp::advertisement, objects) {
            let selections = self.bgp.advertisements.good().map(|one| one.selection.clone()).collect();
            let routed = self.routing.set_advertisements(selections);
            self.reroute(routed);
            self.touch_routed();
        }
    }

    /// Takes what the watch of BGPPeers saw.
    pub(crate) fn apply_bgp_peers(&mut self, change: Change<BGPPeer>, objects: &mut Objects) {
        if self.bgp.peers.apply(ConfigKind::BgpPeer, change, bgp::peer, objects) {
            self.settling.stir();
            let peers = self.bgp.peers.good().map(|peer| model::BgpPeer {
                name: peer.name.clone(),
                node_selectors: peer.node_selectors.clone(),
            });
            let routed = self.routing.set_peers(peers.collect());
            self.reroute(routed);
            self.touch_routed();
        }
    }

    /// Takes what the watch of BFDProfiles saw.
    pub(crate) fn apply_bfd_profiles(&mut self, change: Change<BFDProfile>, objects: &mut Objects) {
        self.bgp.profiles.apply(ConfigKind::BfdProfile, change, bgp::bfd_profile, objects);
    }

    /// Takes what the watch of Communities saw.
    pub(crate) fn apply_communities(&mut self, change: Change<Community>, objects: &mut Objects) {
        let read = |object: &Community| {
            let mut kept = Community::new("", object.spec.clone());
            kept.metadata.name.clone_from(&object.metadata.name);
            kept.metadata.creation_timestamp.clone_from(&object.metadata.creation_timestamp);
            Ok(kept)
        };
        self.bgp.communities.apply(ConfigKind::Community, change, read, objects);
    }
}
