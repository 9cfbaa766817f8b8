//! What the placer hears, one event at a time.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_model::{EndpointSet, L2Advertisement, Labels, Node, NodeName, PoolName, TrafficPolicy, Vip};

use crate::{
    Change, Placer,
    placer::{Entry, Order, Recalled},
};

impl Placer {
    /// Hears of an order that was published before the start. The VIP, once heard of, keeps it as far as it may; and, if its pool
    /// is not there, the advertisements that were for it by the pool's labels.
    pub fn recall(
        &mut self,
        address: IpAddr,
        nodes: Vec<NodeName>,
        move_to: Option<NodeName>,
        revision: u64,
        by_labels: Vec<String>,
    ) {
        self.recalled.insert(address, Recalled { order: Order { nodes, revision }, move_to, by_labels });
    }

    /// Starts, once everything there is has been heard of. Returns the decision about every VIP.
    pub fn settle(&mut self) -> Vec<Change> {
        if self.settled {
            return Vec::new();
        }
        self.settled = true;
        self.decide(self.vips.keys().copied().collect::<Vec<_>>())
    }

    /// A VIP is there, or is not what it was.
    pub fn upsert_vip(&mut self, vip: Vip) -> Vec<Change> {
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
                let Recalled { order, move_to, by_labels } =
                    self.recalled.remove(&address).unwrap_or_default();
                self.moving.extend(move_to.map(|node| (address, node)));
                self.vips.insert(address, Entry { vip, order, by_labels, decision: None });
            }
        }
        self.decide([address])
    }

    /// A VIP is gone. While its pool is missing it may come back, and nothing else says who was to announce it.
    pub fn remove_vip(&mut self, address: IpAddr) -> Vec<Change> {
        self.forget_services(address);
        let gone = self.forget(address).and_then(|entry| {
            let Entry { vip, order, by_labels, decision } = entry;
            if vip.pool.is_none_or(|pool| !self.facts.pools.contains_key(&pool)) {
                self.recalled.insert(address, Recalled { order, move_to: None, by_labels });
            }
            decision
        });
        gone.map(|_| Change { address, decision: None }).into_iter().collect()
    }

    /// These are all the advertisements.
    pub fn set_advertisements(&mut self, advertisements: Vec<L2Advertisement>) -> Vec<Change> {
        let new: BTreeMap<_, _> = advertisements.into_iter().map(|one| (one.name.clone(), one)).collect();
        let old = std::mem::replace(&mut self.facts.advertisements, new);
        let new = &self.facts.advertisements;
        let edited: Vec<_> = old
            .values()
            .filter(|one| new.get(&one.name) != Some(one))
            .chain(new.values().filter(|one| old.get(&one.name) != Some(one)))
            .collect();
        let affected = self.vips_where(|entry| edited.iter().any(|one| self.facts.is_for(one, entry)));
        self.decide(affected)
    }

    /// These are all the pools, with their labels.
    pub fn set_pools(&mut self, pools: BTreeMap<PoolName, Labels>) -> Vec<Change> {
        let old = std::mem::replace(&mut self.facts.pools, pools);
        let is_affected = |entry: &Entry| {
            let pool = entry.vip.pool.as_ref();
            pool.is_some_and(|pool| old.get(pool) != self.facts.pools.get(pool))
        };
        let affected = self.vips_where(is_affected);
        self.decide(affected)
    }

    /// A node is there, or is not what it was.
    pub fn upsert_node(&mut self, node: Node) -> Vec<Change> {
        let old = self.facts.nodes.get(&node.name);
        // Health counts when a VIP is placed, and while it is moved; it moves none that has its place.
        let matters = old.is_none_or(|old| {
            old.labels != node.labels || old.excluded != node.excluded || old.interfaces != node.interfaces
        });
        self.facts.nodes.insert(node.name.clone(), node);
        let affected = match matters {
            true => self.vips_where(|_| true),
            false => self.moving.keys().copied().collect(),
        };
        self.decide(affected)
    }

    /// A node is gone.
    pub fn remove_node(&mut self, name: &NodeName) -> Vec<Change> {
        if self.facts.nodes.remove(name).is_none() {
            return Vec::new();
        }
        let affected = self.vips_where(|_| true);
        self.decide(affected)
    }

    /// These are the ready endpoints of a Service; none, if it is gone.
    pub fn set_endpoints(&mut self, endpoints: EndpointSet) -> Vec<Change> {
        let EndpointSet { service, ready_nodes, ready_anywhere: _ } = endpoints;
        let before = if ready_nodes.is_empty() {
            self.facts.endpoints.remove(&service).unwrap_or_default()
        } else {
            self.facts.endpoints.insert(service.clone(), ready_nodes.clone()).unwrap_or_default()
        };
        if before == ready_nodes {
            return Vec::new();
        }
        let vips = self.by_service.get(&service).into_iter().flatten().copied();
        let local: Vec<_> =
            vips.filter(|address| self.vips[address].vip.traffic_policy == TrafficPolicy::Local).collect();
        self.decide(local)
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
