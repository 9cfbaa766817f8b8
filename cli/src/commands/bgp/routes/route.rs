//! What nodes should tell peers.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_api::{BgpSessionState, VipAnnouncement};
use ferrolb_config::bgp::node::{Input, Objects, RouteAttributes, Source, desired, sources};
use ferrolb_model::Node;
use ipnet::IpNet;
use serde::Serialize;

use crate::{
    commands::bgp::sessions::SessionOut,
    names::suggestion,
    routing::{Routing, why_leaving},
};

/// Everything that routes follow from.
pub(super) struct Scene<'a> {
    pub(super) routing: &'a Routing,
    pub(super) objects: &'a Objects,
    pub(super) nodes: &'a [Node],
    pub(super) vips: &'a BTreeMap<IpAddr, &'a VipAnnouncement>,
    pub(super) sessions: &'a [SessionOut],
}

/// A prefix that a peer should be told, and by which nodes with the same attributes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RouteOut {
    #[serde(serialize_with = "as_text")]
    pub(super) prefix: IpNet,
    pub(super) peer: String,
    pub(super) nodes: Vec<NodeOut>,
    pub(super) vips: Vec<VipOut>,
    pub(super) advertisements: Vec<String>,
    /// LOCAL_PREF, which peers of another AS are not told.
    pub(super) local_pref: Option<u32>,
    pub(super) med: Option<u32>,
    /// How often the own AS is repeated in the path.
    pub(super) prepend: u8,
    /// As a BGPAdvertisement may write them.
    pub(super) communities: Vec<String>,
}

/// A node that should tell the prefix.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NodeOut {
    pub(super) node: String,
    /// Where its session with the peer is; `null`: its speaker does not report it.
    pub(super) session: Option<BgpSessionState>,
    /// How many ready endpoints it tells that it has; `null`: nothing is told of that.
    pub(super) weight: Option<u32>,
    /// What is wrong with the session, a sentence each.
    pub(super) problems: Vec<String>,
}

/// A VIP that the prefix is told for.
#[derive(Debug, Serialize)]
pub(super) struct VipOut {
    pub(super) ip: IpAddr,
    pub(super) services: Vec<String>,
}

/// What tells two nodes' routes of one prefix apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    prefix: IpNet,
    peer: String,
    advertisements: BTreeSet<String>,
    local_pref: Option<u32>,
    med: Option<u32>,
    prepend: u8,
    communities: Vec<String>,
}

/// Every route by prefix and peer. One for which nodes give different attributes is there more than once.
pub(super) fn routes(scene: &Scene<'_>) -> Vec<RouteOut> {
    let mut all = BTreeMap::<Key, (Vec<NodeOut>, BTreeSet<IpAddr>)>::new();
    for node in scene.nodes {
        let leaving = why_leaving(node);
        let input = Input {
            node: node.name.as_str(),
            labels: &node.labels,
            leaving: &leaving,
            settled: true,
            objects: scene.objects,
            serving: |vip: &VipAnnouncement| scene.routing.serving(&node.name, vip),
        };
        let vips = || scene.vips.iter().map(|(address, vip)| (*address, *vip));
        let mut sources = sources(&input, vips());
        for (peer, table) in desired(&input, vips()).routes {
            let mut of_peer = sources.remove(&peer).unwrap_or_default();
            for (prefix, attributes) in table.iter() {
                let Source { vips, advertisements } = of_peer.remove(prefix).unwrap_or_default();
                let key = key(*prefix, &peer, advertisements, attributes);
                let (nodes, of) = all.entry(key).or_default();
                nodes.push(scene.node(&peer, node, attributes.weight));
                of.extend(vips);
            }
        }
    }
    all.into_iter().map(|(key, (nodes, vips))| scene.route(key, nodes, &vips)).collect()
}

fn key(prefix: IpNet, peer: &str, advertisements: BTreeSet<String>, attributes: &RouteAttributes) -> Key {
    let RouteAttributes { local_pref, med, prepend, communities, weight: _ } = attributes;
    Key {
        prefix,
        peer: peer.to_owned(),
        advertisements,
        local_pref: *local_pref,
        med: *med,
        prepend: *prepend,
        communities: communities.iter().map(|one| one.to_string()).collect(),
    }
}

impl Scene<'_> {
    fn node(&self, peer: &str, node: &Node, weight: Option<u32>) -> NodeOut {
        let of = |one: &&SessionOut| one.peer == peer && one.node.as_deref() == Some(node.name.as_str());
        let session = self.sessions.iter().find(of);
        NodeOut {
            node: node.name.to_string(),
            session: session.and_then(|session| session.state),
            weight,
            problems: session.map(|session| session.problems.clone()).unwrap_or_default(),
        }
    }

    fn route(&self, key: Key, nodes: Vec<NodeOut>, vips: &BTreeSet<IpAddr>) -> RouteOut {
        let Key { prefix, peer, advertisements, local_pref, med, prepend, communities } = key;
        let vips = vips.iter().map(|ip| {
            let services = self.vips.get(ip).into_iter().flat_map(|vip| &vip.services);
            let services = services.map(|one| format!("{}/{}", one.namespace, one.name)).collect();
            VipOut { ip: *ip, services }
        });
        RouteOut {
            prefix,
            peer,
            nodes,
            vips: vips.collect(),
            advertisements: advertisements.into_iter().collect(),
            local_pref,
            med,
            prepend,
            communities,
        }
    }

    /// What is wrong with BGPAdvertisements, a sentence each; the peers' problems are told with the sessions.
    pub(super) fn problems(&self) -> Vec<String> {
        let unusable = self.routing.problems().into_iter();
        let unusable = unusable.filter(|problem| problem.starts_with("BGPAdvertisement "));
        let known: Vec<&str> =
            self.routing.peers.iter().filter_map(|peer| peer.metadata.name.as_deref()).collect();
        let unknown = self.routing.advertisements.iter().flat_map(|object| {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            let missing = object.spec.peers.iter().filter(|peer| !known.contains(&peer.as_str()));
            missing.map(move |peer| (name, peer))
        });
        let unknown = unknown.map(|(name, peer)| {
            let near = suggestion(peer, known.iter().copied());
            format!("BGPAdvertisement {name} names BGPPeer {peer}, and there is none{near}")
        });
        unusable.chain(unknown).collect()
    }
}

fn as_text<S: serde::Serializer>(prefix: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(prefix)
}
