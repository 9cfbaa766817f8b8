//! By which BGPAdvertisements peers are told of each VIP, and by which nodes where these are limited.
//!
//! Every node that an advertisement selects announces, so nodes that come and go change nothing. With `maxNodes` it is some of
//! them: drawn by rendezvous hashing when the VIP is first placed, and kept as long as they may announce and are well. A node
//! that dies is replaced then, and does not get its VIPs back when it returns.

mod choose;
mod events;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_model::{
    BgpAdvertisement, BgpPeer, Labels, Node, NodeName, PoolName, ServiceId, TrafficPolicy, Vip, selected,
};

use crate::advertised::{self, PoolSeen, Scope};

/// Decides by which advertisements peers are told of VIPs. Deterministic: the same events in the same order decide the same.
#[derive(Debug, Default)]
pub struct Routing {
    settled: bool,
    facts: Facts,
    vips: BTreeMap<IpAddr, Entry>,
    by_service: BTreeMap<ServiceId, BTreeSet<IpAddr>>,
    /// What was decided before the start about VIPs not heard of yet; and about those that went while their pool was missing.
    recalled: BTreeMap<IpAddr, Vec<RoutedBy>>,
}

/// An advertisement by which peers are told of a VIP.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RoutedBy {
    /// Its name.
    pub advertisement: String,
    /// The nodes that tell, by name, where their number is limited; `None`: every one that may.
    pub nodes: Option<Vec<NodeName>>,
}

#[derive(Debug)]
struct Entry {
    vip: Vip,
    /// Before the start, what was decided before it.
    decision: Vec<RoutedBy>,
    /// The advertisements that are for it by its pool's labels, or were when the pool was there last.
    by_labels: Vec<String>,
}

/// What decisions rest on, beside the VIP itself.
#[derive(Debug, Default)]
struct Facts {
    advertisements: BTreeMap<String, BgpAdvertisement>,
    peers: BTreeMap<String, BgpPeer>,
    pools: BTreeMap<PoolName, Labels>,
    nodes: BTreeMap<NodeName, Node>,
    /// Nodes with a ready endpoint, by Service.
    endpoints: BTreeMap<ServiceId, BTreeSet<NodeName>>,
}

impl Routing {
    /// The advertisements by which peers are told of the VIP, by name; none before the start.
    pub fn decision(&self, address: IpAddr) -> &[RoutedBy] {
        let entry = self.vips.get(&address).filter(|_| self.settled);
        entry.map_or(&[], |entry| entry.decision.as_slice())
    }

    /// The VIPs that peers are told of.
    pub fn told(&self) -> impl Iterator<Item = IpAddr> {
        let any = self.settled && !self.facts.advertisements.is_empty();
        let told = self.vips.iter().filter(|(_, entry)| !entry.decision.is_empty());
        told.map(|(address, _)| *address).take(if any { usize::MAX } else { 0 })
    }

    /// Whether peers are told of a VIP of this Service.
    pub fn tells_of(&self, service: &ServiceId) -> bool {
        let mut vips = self.by_service.get(service).into_iter().flatten();
        vips.any(|address| !self.decision(*address).is_empty())
    }

    /// Which nodes tell which peers by the advertisement, whether or not they are well.
    pub fn pairs(&self, by: &RoutedBy) -> BTreeSet<(NodeName, String)> {
        let Some(advertisement) = self.facts.advertisements.get(&by.advertisement) else {
            return BTreeSet::new();
        };
        let may = self.facts.nodes.values().filter(|node| match &by.nodes {
            Some(nodes) => nodes.contains(&node.name),
            None => true,
        });
        let pairs = may.flat_map(|node| {
            let peers = self.facts.peers_of(advertisement, node);
            peers.map(|peer| (node.name.clone(), peer.name.clone()))
        });
        pairs.collect()
    }

    /// The names of advertisements that are for one VIP, or could be for one of a pool, each combination once.
    pub fn combinations(&self) -> BTreeSet<Vec<String>> {
        let told = self.vips.values().filter(|entry| self.settled && entry.decision.len() > 1);
        let told = told.map(|entry| entry.decision.iter().map(|by| by.advertisement.clone()).collect());
        let whole = |advertisement: &&BgpAdvertisement| advertisement.service_selectors.is_empty();
        let of_pool = self.facts.pools.iter().map(|(pool, labels)| {
            let all = self.facts.advertisements.values().filter(whole);
            let matching =
                all.filter(|one| Scope::from(*one).has_pool(PoolSeen::There(pool, labels)).is_some());
            matching.map(|one| one.name.clone()).collect()
        });
        told.chain(of_pool).collect()
    }

    /// Decides about these VIPs anew and reports those about which something else is decided than before, by address.
    fn decide(&mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<IpAddr> {
        if !self.settled {
            return Vec::new();
        }
        let mut changed = Vec::new();
        for address in addresses {
            let Some(entry) = self.vips.get_mut(&address) else { continue };
            let all = self.facts.advertisements.values();
            advertised::note_by_labels(&mut entry.by_labels, &entry.vip, &self.facts.pools, all);
            let decision = self.facts.decide(entry);
            if entry.decision != decision {
                entry.decision = decision;
                changed.push(address);
            }
        }
        changed
    }
}

impl Facts {
    fn is_for(&self, advertisement: &BgpAdvertisement, entry: &Entry) -> bool {
        let pool = PoolSeen::new(&entry.vip, &self.pools, &entry.by_labels);
        advertised::is_for(advertisement, &entry.vip, pool).is_some()
    }

    /// The peers that the node tells by the advertisement.
    fn peers_of<'a>(
        &'a self,
        advertisement: &'a BgpAdvertisement,
        node: &'a Node,
    ) -> impl Iterator<Item = &'a BgpPeer> {
        let announces = !node.excluded && selected(&advertisement.node_selectors, &node.labels);
        let told = self.peers.values().filter(move |peer| announces && advertisement.tells(&peer.name));
        told.filter(|peer| selected(&peer.node_selectors, &node.labels))
    }

    fn decide(&self, entry: &Entry) -> Vec<RoutedBy> {
        let matching = self.advertisements.values().filter(|one| self.is_for(one, entry));
        let by = matching.filter_map(|advertisement| {
            let nodes = match advertisement.max_nodes {
                Some(most) => Some(self.some_nodes(entry, advertisement, most)?),
                None => None,
            };
            Some(RoutedBy { advertisement: advertisement.name.clone(), nodes })
        });
        by.collect()
    }

    /// At most so many of the nodes that may announce; `None` if no node may. Under Local only nodes with a ready endpoint count,
    /// unless none has one.
    fn some_nodes(
        &self,
        entry: &Entry,
        advertisement: &BgpAdvertisement,
        most: usize,
    ) -> Option<Vec<NodeName>> {
        let vip = &entry.vip;
        let mut may: Vec<&Node> =
            self.nodes.values().filter(|node| self.peers_of(advertisement, node).next().is_some()).collect();
        if vip.traffic_policy == TrafficPolicy::Local && may.iter().any(|node| self.has_endpoint(vip, node)) {
            may.retain(|node| self.has_endpoint(vip, node));
        }
        let mut before = entry.decision.iter().filter(|by| by.advertisement == advertisement.name);
        let before = before.find_map(|by| by.nodes.as_deref()).unwrap_or_default();
        let nodes = choose::choose(vip.address, before, &may, most);
        (!nodes.is_empty()).then_some(nodes)
    }

    fn has_endpoint(&self, vip: &Vip, node: &Node) -> bool {
        let mut endpoints = vip.services.iter().filter_map(|service| self.endpoints.get(&service.id));
        endpoints.any(|nodes| nodes.contains(&node.name))
    }
}
