//! What the routing hears, one event at a time. Each returns the VIPs about which something else is decided than before.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_model::{
    BgpAdvertisement, BgpPeer, EndpointSet, Labels, Node, NodeName, PoolName, TrafficPolicy, Vip,
};

use super::{Entry, RoutedBy, Routing};

impl Routing {
    /// A routing that has not heard of anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears by which advertisements and nodes peers were told before the start. The VIP, once heard of, keeps the nodes as far
    /// as they may.
    pub fn recall(&mut self, address: IpAddr, by: Vec<RoutedBy>) {
        self.recalled.insert(address, by);
    }

    /// Starts, once everything there is has been heard of. Returns every VIP that peers are told of.
    pub fn settle(&mut self) -> Vec<IpAddr> {
        if self.settled {
            return Vec::new();
        }
        self.settled = true;
        self.decide(self.vips.keys().copied().collect::<Vec<_>>());
        self.told().collect()
    }

    /// A VIP is there, or is not what it was.
    pub fn upsert_vip(&mut self, vip: Vip) -> Vec<IpAddr> {
        let address = vip.address;
        if self.vips.get(&address).is_some_and(|entry| entry.vip == vip) {
            return Vec::new();
        }
        self.forget_services(address);
        for service in &vip.services {
            self.by_service.entry(service.id.clone()).or_default().insert(address);
        }
        match self.vips.get_mut(&address) {
            Some(entry) => entry.vip = vip,
            None => {
                let decision = self.recalled.remove(&address).unwrap_or_default();
                let recalled = !decision.is_empty() && self.settled;
                let by_labels = decision.iter().map(|by| by.advertisement.clone()).collect();
                self.vips.insert(address, Entry { vip, decision, by_labels });
                if recalled {
                    // Whatever is decided now is new to whoever asks.
                    self.decide([address]);
                    return vec![address];
                }
            }
        }
        self.decide([address])
    }

    /// A VIP is gone. While its pool is missing it may come back, and nothing else says who was to tell of it.
    pub fn remove_vip(&mut self, address: IpAddr) -> Vec<IpAddr> {
        self.forget_services(address);
        let Some(Entry { vip, decision, by_labels: _ }) = self.vips.remove(&address) else {
            return Vec::new();
        };
        if decision.is_empty() {
            return Vec::new();
        }
        if vip.pool.is_none_or(|pool| !self.facts.pools.contains_key(&pool)) {
            self.recalled.insert(address, decision);
        }
        Vec::from_iter(self.settled.then_some(address))
    }

    /// These are all the advertisements.
    pub fn set_advertisements(&mut self, advertisements: Vec<BgpAdvertisement>) -> Vec<IpAddr> {
        let new: BTreeMap<_, _> = advertisements.into_iter().map(|one| (one.name.clone(), one)).collect();
        let old = std::mem::replace(&mut self.facts.advertisements, new);
        let new = &self.facts.advertisements;
        let edited: Vec<_> = old
            .values()
            .filter(|one| new.get(&one.name) != Some(one))
            .chain(new.values().filter(|one| old.get(&one.name) != Some(one)))
            .collect();
        if edited.is_empty() {
            return Vec::new();
        }
        let affected = self.vips_where(|entry| edited.iter().any(|one| self.facts.is_for(one, entry)));
        self.decide(affected)
    }

    /// These are all the peers.
    pub fn set_peers(&mut self, peers: Vec<BgpPeer>) -> Vec<IpAddr> {
        let new: BTreeMap<_, _> = peers.into_iter().map(|one| (one.name.clone(), one)).collect();
        if self.facts.peers == new {
            return Vec::new();
        }
        self.facts.peers = new;
        self.decide_limited()
    }

    /// These are all the pools, with their labels.
    pub fn set_pools(&mut self, pools: BTreeMap<PoolName, Labels>) -> Vec<IpAddr> {
        let old = std::mem::replace(&mut self.facts.pools, pools);
        let affected = self.vips_where(|entry| {
            let pool = entry.vip.pool.as_ref();
            pool.is_some_and(|pool| old.get(pool) != self.facts.pools.get(pool))
        });
        self.decide(affected)
    }

    /// A node is there, or is not what it was.
    pub fn upsert_node(&mut self, node: Node) -> Vec<IpAddr> {
        let matters = self.facts.nodes.get(&node.name).is_none_or(|old| {
            (&old.labels, old.excluded, old.ready, old.leaving.is_some())
                != (&node.labels, node.excluded, node.ready, node.leaving.is_some())
        });
        self.facts.nodes.insert(node.name.clone(), node);
        if matters { self.decide_limited() } else { Vec::new() }
    }

    /// A node is gone.
    pub fn remove_node(&mut self, name: &NodeName) -> Vec<IpAddr> {
        match self.facts.nodes.remove(name) {
            Some(_) => self.decide_limited(),
            None => Vec::new(),
        }
    }

    /// These are the ready endpoints of a Service; none, if it is gone.
    pub fn set_endpoints(&mut self, endpoints: EndpointSet) -> Vec<IpAddr> {
        let EndpointSet { service, ready_nodes, ready_anywhere: _ } = endpoints;
        let before = if ready_nodes.is_empty() {
            self.facts.endpoints.remove(&service).unwrap_or_default()
        } else {
            self.facts.endpoints.insert(service.clone(), ready_nodes.clone()).unwrap_or_default()
        };
        if before == ready_nodes || !self.limits() {
            return Vec::new();
        }
        let vips = self.by_service.get(&service).into_iter().flatten().copied();
        let local: Vec<_> =
            vips.filter(|address| self.vips[address].vip.traffic_policy == TrafficPolicy::Local).collect();
        self.decide(local)
    }

    /// Nodes matter to VIPs of advertisements that limit them.
    fn decide_limited(&mut self) -> Vec<IpAddr> {
        if !self.limits() {
            return Vec::new();
        }
        let limiting = self.facts.advertisements.values().filter(|one| one.max_nodes.is_some());
        let limiting: Vec<_> = limiting.collect();
        let affected = self.vips_where(|entry| limiting.iter().any(|one| self.facts.is_for(one, entry)));
        self.decide(affected)
    }

    fn limits(&self) -> bool {
        self.facts.advertisements.values().any(|one| one.max_nodes.is_some())
    }

    fn vips_where(&self, is_affected: impl Fn(&Entry) -> bool) -> Vec<IpAddr> {
        let affected = self.vips.iter().filter(|(_, entry)| is_affected(entry));
        affected.map(|(address, _)| *address).collect()
    }

    fn forget_services(&mut self, address: IpAddr) {
        let Some(entry) = self.vips.get(&address) else { return };
        for service in &entry.vip.services {
            if let Some(addresses) = self.by_service.get_mut(&service.id) {
                addresses.remove(&address);
                if addresses.is_empty() {
                    self.by_service.remove(&service.id);
                }
            }
        }
    }
}
