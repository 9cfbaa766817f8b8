//! How many nodes tell how many BGP peers of an address, or why none does.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
    rc::Rc,
};

use ferrolb_api::condition::announced;
use ferrolb_model::{NodeName, Vip};
use ferrolb_placement::RoutedBy;

use super::{
    announce::Announcements,
    sessions::{Heard, Session},
};

/// How BGP peers are told of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Routed {
    /// They are.
    Told(Told),
    /// These nodes have not reported since it was decided; others tell peers already.
    Unknown(Vec<NodeName>, Option<Told>),
    /// They are not: the reason and the sentence.
    Not(&'static str, String),
}

/// Displayed as `by BGP from 2 of 3 nodes to 2 peers`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// Nodes with a session that is established.
    pub(crate) nodes: usize,
    /// Nodes that should have one.
    pub(crate) of: usize,
    /// Peers with a session to one of them.
    pub(crate) peers: usize,
}

/// Which nodes tell which peers, found once during one look.
#[derive(Debug, Default)]
pub(crate) struct Pairs(BTreeMap<Vec<RoutedBy>, Rc<BTreeSet<(NodeName, String)>>>);

impl Announcements {
    /// How BGP peers are told of the address; `None`: no advertisement says that they are to be.
    pub(crate) fn routed(&self, address: IpAddr, pairs: &mut Pairs) -> Option<Routed> {
        let by = self.routing.decision(address);
        let vip = self.vips.get(&address).filter(|_| !by.is_empty())?;
        let pairs = pairs.0.entry(by.to_vec()).or_insert_with(|| Rc::new(self.staying_pairs(by)));
        if pairs.is_empty() {
            let names: Vec<&str> = by.iter().map(|by| by.advertisement.as_str()).collect();
            let told =
                format!("no node that the BGPAdvertisement {} selects has a BGPPeer of it", names.join(", "));
            return Some(Routed::Not(announced::NO_PEER, told));
        }
        let (Some(version), true) = (self.slices.published(address), self.knows_endpoints()) else {
            return Some(Routed::Unknown(Vec::new(), None));
        };
        let mut pairs: Vec<&(NodeName, String)> = pairs.iter().collect();
        if let Some(why) = self.without_endpoint(vip, &mut pairs) {
            return Some(Routed::Not(announced::NO_READY_ENDPOINT, why.into()));
        }
        Some(self.count(&pairs, version))
    }

    /// Of the nodes that tell peers those that are well and stay, if any is and does.
    fn staying_pairs(&self, by: &[RoutedBy]) -> BTreeSet<(NodeName, String)> {
        let pairs: BTreeSet<_> = by.iter().flat_map(|by| self.routing.pairs(by)).collect();
        let well = |(node, _): &&(NodeName, String)| {
            self.nodes.get(node).is_some_and(|node| node.ready && node.leaving.is_none())
        };
        let staying: BTreeSet<_> = pairs.iter().filter(well).cloned().collect();
        if staying.is_empty() { pairs } else { staying }
    }

    /// Why the route is withdrawn for lack of endpoints. Under Local only nodes with one remain.
    fn without_endpoint(&self, vip: &Vip, pairs: &mut Vec<&(NodeName, String)>) -> Option<&'static str> {
        let endpoints: Vec<_> = vip.services.iter().map(|service| self.endpoints_of(&service.id)).collect();
        if !endpoints.iter().any(|set| set.ready_anywhere) {
            return Some("no endpoint of the Service is ready, so its route is withdrawn; look at its pods");
        }
        let policy = vip.traffic_policy;
        pairs.retain(|(node, _)| {
            endpoints.iter().any(|set| policy.carries(set.ready_nodes.contains(node), set.ready_anywhere))
        });
        pairs.is_empty().then_some(
            "no node that announces has a ready endpoint of the Service (externalTrafficPolicy Local), so its route is withdrawn",
        )
    }

    fn count(&self, pairs: &[&(NodeName, String)], version: &str) -> Routed {
        let (mut nodes, mut peers, mut silent) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut all, mut down) = (BTreeSet::new(), None);
        for (node, peer) in pairs {
            all.insert(node);
            match self.sessions.heard(node, peer, version) {
                Heard::Nothing => drop(silent.insert(node.clone())),
                Heard::None => {}
                Heard::Session(Session::Established) => {
                    nodes.insert(node);
                    peers.insert(peer);
                }
                Heard::Session(Session::Down(why) | Session::Opening(why)) => {
                    down = down.or(Some((node, peer, why)));
                }
            }
        }
        let told = Told { nodes: nodes.len(), of: all.len(), peers: peers.len() };
        let told = (told.nodes > 0).then_some(told);
        match (told, down) {
            _ if !silent.is_empty() => Routed::Unknown(silent.into_iter().collect(), told),
            (Some(told), _) => Routed::Told(told),
            (None, Some((node, peer, why))) => {
                let told =
                    format!("no session to a BGP peer is established; node {node} says of {peer}: {why}");
                Routed::Not(announced::NO_SESSION, told)
            }
            // Nobody has said anything of these sessions, good or bad.
            (None, None) => Routed::Unknown(all.into_iter().cloned().collect(), None),
        }
    }
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { nodes, of, peers } = self;
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        f.write_str("by BGP from ")?;
        if nodes != of {
            write!(f, "{nodes} of ")?;
        }
        write!(f, "{of} node{} to {peers} peer{}", plural(*of), plural(*peers))
    }
}
