//! The placer's state, and the decision about one VIP.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_model::{L2Advertisement, Labels, Node, NodeName, PoolName, ServiceId, TrafficPolicy, Vip};

use crate::{
    Change, Decision, NotAnnounced, Placement, advertised,
    eligible::Finder,
    order::{Load, Rank, order},
};

/// Decides which nodes may announce each VIP. Deterministic: the same events in the same order give the same orders.
#[derive(Debug, Default)]
pub struct Placer {
    pub(crate) settled: bool,
    pub(crate) facts: Facts,
    pub(crate) vips: BTreeMap<IpAddr, Entry>,
    pub(crate) by_service: BTreeMap<ServiceId, BTreeSet<IpAddr>>,
    /// Orders from before the start, of VIPs not heard of yet.
    pub(crate) recalled: BTreeMap<IpAddr, Order>,
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
    pub(crate) decision: Option<Decision>,
}

/// Candidates, and how often they were others.
#[derive(Clone, Debug, Default)]
pub(crate) struct Order {
    pub(crate) nodes: Vec<NodeName>,
    pub(crate) revision: u64,
}

/// Candidates in order, and the interfaces to announce on.
type Candidates = (Vec<NodeName>, Vec<String>);

impl Placer {
    /// A placer that has not heard of anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// What is decided about the VIP; `None` before the start, and for one it does not know.
    pub fn decision(&self, address: IpAddr) -> Option<&Decision> {
        self.vips.get(&address)?.decision.as_ref()
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
            let found = self.facts.candidates(entry, &self.load, &mut finder);
            match found {
                // Who keeps a candidate counts as load before anything is placed anew.
                Ok((nodes, _)) if !nodes.first().is_some_and(|first| entry.order.nodes.contains(first)) => {
                    self.load.replace(entry.decision.take().as_ref(), None);
                    homeless.push(address);
                }
                found => changes.extend(entry.decide(address, found, &mut self.load)),
            }
        }
        for address in homeless {
            let Some(entry) = self.vips.get_mut(&address) else { continue };
            let found = self.facts.candidates(entry, &self.load, &mut finder);
            changes.extend(entry.decide(address, found, &mut self.load));
        }
        changes.sort_by_key(|change| change.address);
        changes
    }

    /// Forgets a VIP; returns it if it was known.
    pub(crate) fn forget(&mut self, address: IpAddr) -> Option<Entry> {
        let entry = self.vips.remove(&address)?;
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
            Ok((nodes, interfaces)) => {
                self.order.change_to(nodes);
                let Order { nodes, revision } = self.order.clone();
                Decision::Announced(Placement { nodes, interfaces, revision })
            }
            Err(nobody) => Decision::NotAnnounced(nobody),
        };
        if self.decision.as_ref() == Some(&decision) {
            return None;
        }
        load.replace(self.decision.as_ref(), Some(&decision));
        self.decision = Some(decision.clone());
        Some(Change { address, decision: Some(decision) })
    }
}

impl Facts {
    pub(crate) fn is_for(&self, advertisement: &L2Advertisement, vip: &Vip) -> bool {
        let pool_labels = vip.pool.as_ref().and_then(|pool| self.pools.get(pool));
        advertised::is_for(advertisement, vip, pool_labels)
    }

    fn candidates<'a>(
        &'a self,
        entry: &Entry,
        load: &Load,
        finder: &mut Finder<'a>,
    ) -> Result<Candidates, NotAnnounced> {
        let vip = &entry.vip;
        let advertisements: Vec<_> =
            self.advertisements.values().filter(|one| self.is_for(one, vip)).collect();
        if advertisements.is_empty() {
            return Err(NotAnnounced::NoAdvertisement { pool: vip.pool.clone() });
        }
        let answer = finder.find(vip.address, &advertisements);
        let eligible = answer.as_ref().as_ref().map_err(NotAnnounced::clone)?;
        let rank = Rank { nodes: &self.nodes, load, advertisements: &advertisements };
        let has_endpoint = |node: &NodeName| {
            let endpoints = vip.services.iter().filter_map(|service| self.endpoints.get(&service.id));
            endpoints.into_iter().any(|nodes| nodes.contains(node))
        };
        let needs_endpoint: Option<&dyn Fn(&NodeName) -> bool> = match vip.traffic_policy {
            TrafficPolicy::Cluster => None,
            TrafficPolicy::Local => Some(&has_endpoint),
        };
        let nodes = order(vip.address, &entry.order.nodes, eligible, needs_endpoint, &rank);
        Ok((nodes, advertised::interfaces(&advertisements)))
    }
}

impl Order {
    fn change_to(&mut self, nodes: Vec<NodeName>) {
        if self.nodes != nodes {
            *self = Self { nodes, revision: self.revision + 1 };
        }
    }
}
