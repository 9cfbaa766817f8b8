//! The placer's state, and the decision about one VIP.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

use ferrolb_model::{L2Advertisement, Labels, Node, NodeName, PoolName, ServiceId, TrafficPolicy, Vip};

use crate::{
    Change, Decision, Declined, MAX_CANDIDATES, NotAnnounced, Obstacle, Placement,
    advertised::{self, PoolSeen},
    eligible::{Finder, Found},
    order::{Load, Rank, order},
};

/// Decides which nodes may announce each VIP. Deterministic: the same events in the same order give the same orders.
#[derive(Debug, Default)]
pub struct Placer {
    pub(crate) settled: bool,
    pub(crate) facts: Facts,
    pub(crate) vips: BTreeMap<IpAddr, Entry>,
    pub(crate) by_service: BTreeMap<ServiceId, BTreeSet<IpAddr>>,
    /// What was decided before the start about VIPs not heard of yet; and about those that went while their pool was missing.
    pub(crate) recalled: BTreeMap<IpAddr, Recalled>,
    /// Where VIPs are to go because somebody asked for balance, until they are there.
    pub(crate) moving: BTreeMap<IpAddr, NodeName>,
    load: Load,
}

/// What decisions rest on, beside the VIP itself.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) advertisements: BTreeMap<String, L2Advertisement>,
    pub(crate) pools: BTreeMap<PoolName, Labels>,
    pub(crate) nodes: BTreeMap<NodeName, Node>,
    /// Nodes with a ready endpoint, by Service.
    pub(crate) endpoints: BTreeMap<ServiceId, BTreeSet<NodeName>>,
}

/// A VIP and what was decided about it.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) vip: Vip,
    /// The last order there was, kept while nobody may announce.
    pub(crate) order: Order,
    /// The advertisements that are for it by its pool's labels, or were when the pool was there last.
    pub(crate) by_labels: Vec<String>,
    pub(crate) decision: Option<Decision>,
}

/// What is known of a VIP before it is heard of.
#[derive(Debug, Default)]
pub(crate) struct Recalled {
    pub(crate) order: Order,
    pub(crate) move_to: Option<NodeName>,
    pub(crate) by_labels: Vec<String>,
}

/// Candidates, and how often they were others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) nodes: Vec<NodeName>,
    pub(crate) revision: u64,
}

/// Candidates in order, and what else is decided about them.
struct Candidates {
    nodes: Vec<NodeName>,
    on_link: bool,
    interfaces: Vec<String>,
    move_to: Option<NodeName>,
    declined: Option<Declined>,
}

impl Placer {
    /// A placer that has not heard of anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is decided about the VIP; `None` before the start, and for one it does not know.
    pub fn decision(&self, address: IpAddr) -> Option<&Decision> {
        self.vips.get(&address)?.decision.as_ref()
    }

    /// The advertisements that are for the VIP by the labels of its pool, by name: to be recalled when the pool is not there.
    pub fn by_pool_labels(&self, address: IpAddr) -> &[String] {
        self.vips.get(&address).map_or(&[], |entry| &entry.by_labels)
    }

    /// Decides about these VIPs anew and reports those about which something else is decided than before, by address.
    pub(crate) fn decide(&mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Vec<Change> {
        if !self.settled {
            return Vec::new();
        }
        let mut finder = Finder::new(&self.facts.nodes);
        let mut changes = Vec::new();
        let mut homeless = Vec::new();
        for address in addresses {
            let Some(entry) = self.vips.get_mut(&address) else { continue };
            let noted = self.facts.note_by_labels(entry);
            let moving = self.moving.get(&address);
            let found = self.facts.candidates(entry, moving, &self.load, &mut finder);
            // Where it cannot go any more it need not go when it can again.
            if found.as_ref().is_ok_and(|found| found.move_to.as_ref() != moving) {
                self.moving.remove(&address);
            }
            match found {
                // Who keeps a candidate counts as load before anything is placed anew.
                Ok(Candidates { nodes, .. })
                    if !nodes.first().is_some_and(|first| entry.order.nodes.contains(first)) =>
                {
                    self.load.replace(entry.decision.take().as_ref(), None);
                    homeless.push(address);
                }
                found => {
                    let decided = entry.decide(address, found, &mut self.load);
                    changes.extend(decided.or_else(|| entry.tell(address).filter(|_| noted)));
                }
            }
        }
        for address in homeless {
            let Some(entry) = self.vips.get_mut(&address) else { continue };
            let moving = self.moving.get(&address);
            let found = self.facts.candidates(entry, moving, &self.load, &mut finder);
            changes.extend(entry.decide(address, found, &mut self.load));
        }
        changes.sort_by_key(|change| change.address);
        changes
    }

    /// Forgets a VIP; returns it if it was known.
    pub(crate) fn forget(&mut self, address: IpAddr) -> Option<Entry> {
        let entry = self.vips.remove(&address)?;
        self.moving.remove(&address);
        self.load.replace(entry.decision.as_ref(), None);
        Some(entry)
    }
}

impl Entry {
    fn decide(
        &mut self,
        address: IpAddr,
        found: Result<Candidates, NotAnnounced>,
        load: &mut Load,
    ) -> Option<Change> {
        let decision = match found {
            Ok(Candidates { nodes, on_link, interfaces, move_to, declined }) => {
                self.order.change_to(nodes);
                let Order { nodes, revision } = self.order.clone();
                Decision::Announced(Placement { nodes, on_link, interfaces, move_to, declined, revision })
            }
            Err(nobody) => Decision::NotAnnounced(nobody),
        };
        if self.decision.as_ref() == Some(&decision) {
            return None;
        }
        load.replace(self.decision.as_ref(), Some(&decision));
        self.decision = Some(decision);
        self.tell(address)
    }

    fn tell(&self, address: IpAddr) -> Option<Change> {
        self.decision.clone().map(|decision| Change { address, decision: Some(decision) })
    }
}

impl Facts {
    pub(crate) fn is_for(&self, advertisement: &L2Advertisement, entry: &Entry) -> bool {
        let pool = PoolSeen::new(&entry.vip, &self.pools, &entry.by_labels);
        advertised::is_for(advertisement, &entry.vip, pool).is_some()
    }

    fn note_by_labels(&self, entry: &mut Entry) -> bool {
        let all = self.advertisements.values();
        advertised::note_by_labels(&mut entry.by_labels, &entry.vip, &self.pools, all)
    }

    /// Whether one of these advertisements is for the VIP.
    pub(crate) fn is_of(&self, entry: &Entry, advertisements: &BTreeSet<String>) -> bool {
        let named = advertisements.iter().filter_map(|name| self.advertisements.get(name));
        named.into_iter().any(|one| self.is_for(one, entry))
    }

    /// The nodes that the VIP would be placed on if it were new.
    pub(crate) fn best<'a>(&'a self, entry: &Entry, finder: &mut Finder<'a>) -> Vec<NodeName> {
        let load = Load::default();
        let found = self.may(entry, finder);
        found.map_or(Vec::new(), |(Found { may, .. }, advertisements)| {
            self.rank(&load, &advertisements).best(&may)
        })
    }

    fn rank<'a>(&'a self, load: &'a Load, advertisements: &'a [&'a L2Advertisement]) -> Rank<'a> {
        Rank { nodes: &self.nodes, load, advertisements }
    }

    /// The nodes that may announce the VIP, and the advertisements that say so. Under Local only nodes with a ready endpoint
    /// count, unless no eligible node has one.
    fn may<'a>(
        &'a self,
        entry: &Entry,
        finder: &mut Finder<'a>,
    ) -> Result<(Found, Vec<&'a L2Advertisement>), NotAnnounced> {
        let vip = &entry.vip;
        let advertisements: Vec<_> =
            self.advertisements.values().filter(|one| self.is_for(one, entry)).collect();
        if advertisements.is_empty() {
            return Err(NotAnnounced::NoAdvertisement { pool: vip.pool.clone() });
        }
        let mut found = finder.find(vip.address, &advertisements)?;
        let may = &mut found.may;
        if vip.traffic_policy == TrafficPolicy::Local && may.keys().any(|node| self.has_endpoint(vip, node)) {
            Rc::make_mut(may).retain(|node, _| self.has_endpoint(vip, node));
        }
        Ok((found, advertisements))
    }

    fn has_endpoint(&self, vip: &Vip, node: &NodeName) -> bool {
        let mut endpoints = vip.services.iter().filter_map(|service| self.endpoints.get(&service.id));
        endpoints.any(|nodes| nodes.contains(node))
    }

    fn candidates<'a>(
        &'a self,
        entry: &Entry,
        moving: Option<&NodeName>,
        load: &Load,
        finder: &mut Finder<'a>,
    ) -> Result<Candidates, NotAnnounced> {
        let vip = &entry.vip;
        let (Found { may, on_link }, advertisements) = self.may(entry, finder)?;
        let rank = self.rank(load, &advertisements);
        let declined = vip.move_to.as_ref().filter(|node| !may.contains_key(*node)).map(|node| {
            let eligible = finder.find(vip.address, &advertisements);
            let lacks_endpoint = eligible.is_ok_and(|all| all.may.contains_key(node));
            let why = match lacks_endpoint {
                true => Obstacle::NoEndpoint,
                false => Obstacle::of(self.nodes.get(node), &advertisements),
            };
            Declined { node: node.clone(), why }
        });
        let under_way = |node: &&NodeName| may.contains_key(*node) && rank.is_healthy(node);
        let move_to = match &vip.move_to {
            Some(node) => Some(node).filter(|node| may.contains_key(*node)),
            None => moving.filter(under_way),
        };
        let nodes = order(vip.address, move_to, &entry.order.nodes, &may, &rank);
        let interfaces = advertised::interfaces(&advertisements);
        Ok(Candidates { nodes, on_link, interfaces, move_to: move_to.cloned(), declined })
    }
}

impl Order {
    /// The node comes first from now on; the others stay in order behind it.
    pub(crate) fn lead(&mut self, node: &NodeName) {
        let others = self.nodes.iter().filter(|other| *other != node);
        let nodes = std::iter::once(node).chain(others).take(MAX_CANDIDATES).cloned().collect();
        self.change_to(nodes);
    }

    fn change_to(&mut self, nodes: Vec<NodeName>) {
        if self.nodes != nodes {
            *self = Self { nodes, revision: self.revision + 1 };
        }
    }
}
