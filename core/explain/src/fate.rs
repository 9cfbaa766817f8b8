//! What each node makes of a VIP that BGPAdvertisements tell of.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_model::{BgpAdvertisement, Node, NodeName, selected};

use crate::{
    facts::Announcement,
    routing::{RoutedBy, Routing},
};

/// What a node makes of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// It tells these peers, where sessions permit.
    Tells(BTreeSet<String>),
    /// It would, and is about to be taken away, or is to announce nothing.
    Leaving(String),
    /// It would, and no endpoint that it needs is ready.
    NoEndpoint,
    /// No BGPPeer of the advertisements selects it.
    NoPeer,
    /// Advertisements select it, and `maxNodes` leaves it out.
    Limited,
    /// No advertisement selects it.
    NotSelected,
}

/// What every node makes of it. `None` if one of the advertisements is not known as the speakers know it.
pub(crate) fn fates(routing: &Routing, announcement: &Announcement) -> Option<BTreeMap<NodeName, Fate>> {
    let by: Option<Vec<(&RoutedBy, &BgpAdvertisement)>> =
        announcement.routed_by.iter().map(|by| Some((by, routing.advertisements.get(&by.name)?))).collect();
    let by = by?;
    let nodes = routing.nodes.iter();
    Some(nodes.map(|node| (node.name.clone(), fate(routing, announcement, &by, node))).collect())
}

fn fate(
    routing: &Routing,
    announcement: &Announcement,
    by: &[(&RoutedBy, &BgpAdvertisement)],
    node: &Node,
) -> Fate {
    let selecting = by.iter().filter(|(_, one)| selected(&one.node_selectors, &node.labels));
    let selecting: Vec<_> = selecting.collect();
    let chosen = selecting.iter().filter(|(by, _)| match &by.nodes {
        Some(nodes) => nodes.contains(&node.name),
        None => true,
    });
    let chosen: Vec<_> = chosen.collect();
    let here = routing.peers.values().filter(|peer| selected(&peer.node_selectors, &node.labels));
    let told = here.filter(|peer| chosen.iter().any(|(_, one)| one.tells(&peer.name)));
    let told: BTreeSet<String> = told.map(|peer| peer.name.clone()).collect();
    if selecting.is_empty() {
        Fate::NotSelected
    } else if chosen.is_empty() {
        Fate::Limited
    } else if told.is_empty() {
        Fate::NoPeer
    } else if node.excluded {
        Fate::Leaving("labelled to announce nothing".into())
    } else if let Some(why) = &node.leaving {
        Fate::Leaving(why.clone())
    } else if !carries(routing, announcement, node) {
        Fate::NoEndpoint
    } else {
        Fate::Tells(told)
    }
}

/// Whether the node's routes carry one of the VIP's Services; a VIP that names none is carried always.
fn carries(routing: &Routing, announcement: &Announcement, node: &Node) -> bool {
    let policy = announcement.traffic_policy;
    let mut ready = announcement.services.iter().filter_map(|id| routing.endpoints.get(id));
    let any = ready.any(|set| policy.carries(set.ready_nodes.contains(&node.name), set.ready_anywhere));
    any || announcement.services.is_empty()
}
