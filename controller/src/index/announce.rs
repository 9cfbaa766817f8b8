//! From VIPs to announcements: who may announce each, packed into slices.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use ferrolb_api::{AnnouncementSlice, L2Advertisement, SpeakerState};
use ferrolb_model::{
    self as model, EndpointSet, Labels, Node, NodeInterface, NodeName, PoolName, ServiceId, TrafficPolicy,
    Vip,
};
use ferrolb_placement::{Change as Placed, Placer, RoutedBy, Routing};
use ferrolb_runtime::{kinds, watch::Change};

use super::{
    bgp::BgpObjects,
    endpoints::Endpoints,
    moves::Rebalances,
    objects::{Objects, Status},
    ownership::{Doubtful, Ownership},
    sessions::{News, Sessions},
    settling::Settling,
    slices::Slices,
};
use crate::write::{ConfigKind, Write};

/// Everything that decides who announces what.
#[derive(Debug, Default)]
pub(crate) struct Announcements {
    pub(super) placer: Placer,
    pub(super) routing: Routing,
    pub(super) bgp: BgpObjects,
    pub(super) sessions: Sessions,
    /// Whether these are to be looked at, for what conditions say of them.
    pub(super) settling: Settling,
    /// The announcements as slices.
    pub(crate) slices: Slices,
    pub(super) vips: BTreeMap<IpAddr, Vip>,
    pub(super) nodes: BTreeMap<NodeName, Node>,
    interfaces: BTreeMap<NodeName, Vec<NodeInterface>>,
    pub(super) advertisements: BTreeMap<String, model::L2Advertisement>,
    /// All there are, also those that cannot be read.
    pub(super) pools: BTreeMap<PoolName, Labels>,
    endpoints: Endpoints,
    endpoints_listed: bool,
    pub(super) ownership: Ownership,
    /// VIPs under Local that are placed once endpoints are known.
    held: BTreeSet<IpAddr>,
    /// By Service, its VIPs under Local.
    local: BTreeMap<ServiceId, BTreeSet<IpAddr>>,
    /// Services of VIPs that are announced otherwise than before.
    touched: BTreeSet<ServiceId>,
    pub(super) started: bool,
    pub(super) rebalances: Rebalances,
}

impl Announcements {
    /// Whether EndpointSlices matter.
    pub(crate) fn needs_endpoints(&self) -> bool {
        self.endpoints_listed || !self.held.is_empty() || self.routing.told().next().is_some()
    }

    /// Whether EndpointSlices are known.
    pub(super) fn knows_endpoints(&self) -> bool {
        self.endpoints_listed
    }

    /// The ready endpoints of a Service, as far as they are known.
    pub(super) fn endpoints_of(&self, service: &ServiceId) -> EndpointSet {
        self.endpoints.of(service)
    }

    /// The next request about a slice. None goes before everything that is to be announced is known: a slice would lose
    /// what is not wanted yet. `busy`: the addresses of others are being written.
    pub(crate) fn poll_write(&mut self, now: Duration, busy: bool) -> Option<Write> {
        if self.started { self.slices.poll_write(now, busy) } else { None }
    }

    /// When [`Self::poll_write`] will have something that it has not now.
    pub(crate) fn deadline(&self, busy: bool) -> Option<Duration> {
        if self.started { self.slices.deadline(busy) } else { None }
    }

    /// The Services of VIPs whose standing may be another since this was asked last.
    pub(crate) fn take_touched(&mut self) -> BTreeSet<ServiceId> {
        std::mem::take(&mut self.touched)
    }

    /// Every address that a node has.
    pub(crate) fn node_addresses(&self) -> BTreeSet<IpAddr> {
        self.nodes.values().flat_map(Node::own_addresses).collect()
    }

    /// The published orders are known: VIPs keep them as far as they may.
    pub(crate) fn replay(&mut self) {
        for vip in self.slices.observed() {
            let Ok(address) = vip.ip.parse() else { continue };
            if let Some(bgp) = &vip.bgp {
                let by = bgp.advertisements.iter().map(|by| RoutedBy {
                    advertisement: by.name.clone(),
                    nodes: by
                        .nodes
                        .as_ref()
                        .map(|nodes| nodes.iter().map(|name| name.as_str().into()).collect()),
                });
                self.routing.recall(address, by.collect());
            }
            let Some(layer2) = &vip.layer2 else { continue };
            let nodes = layer2.nodes.iter().map(|name| name.as_str().into()).collect();
            let move_to = layer2.move_to.as_deref().map(NodeName::from);
            let revision = u64::try_from(layer2.revision).unwrap_or_default();
            let by_pool_labels = layer2.by_pool_labels.clone();
            self.placer.recall(address, nodes, move_to, revision, by_pool_labels);
        }
    }

    /// Every VIP has been heard of. Publishing waits for endpoints if any VIP needs them, because an order made without
    /// them would be another one a moment later.
    pub(crate) fn start(&mut self) {
        if self.started || !self.held.is_empty() {
            return;
        }
        self.started = true;
        let (placed, routed) = (self.placer.settle(), self.routing.settle());
        self.publish(placed);
        self.reroute(routed);
        self.slices.compare_all();
        self.rebalance();
    }

    /// A VIP is there, is not what it was, or is gone.
    pub(crate) fn refresh(&mut self, address: IpAddr, vip: Option<Vip>) {
        if self.vips.get(&address) == vip.as_ref() {
            return;
        }
        self.held.remove(&address);
        self.note_local(address, vip.as_ref());
        let placed = match vip {
            None => {
                self.vips.remove(&address);
                let routed = self.routing.remove_vip(address);
                self.reroute(routed);
                self.placer.remove_vip(address)
            }
            Some(vip) => {
                self.vips.insert(address, vip.clone());
                if vip.traffic_policy == TrafficPolicy::Local && !self.endpoints_listed {
                    self.held.insert(address);
                    return;
                }
                self.place(vip)
            }
        };
        self.publish(placed);
        self.republish(address);
    }

    /// The labels of the pools in force; and of all there are, of which some cannot be read.
    pub(crate) fn set_pool_labels(
        &mut self,
        labels: BTreeMap<PoolName, Labels>,
        all: BTreeMap<PoolName, Labels>,
    ) {
        self.pools = all;
        let (placed, routed) = (self.placer.set_pools(labels.clone()), self.routing.set_pools(labels));
        self.publish(placed);
        self.reroute(routed);
    }

    /// Takes what the watch of nodes saw. Returns whether any node has other addresses than before.
    pub(crate) fn apply_nodes(&mut self, change: Change<kinds::Node>) -> bool {
        let before = self.node_addresses();
        self.note_nodes(change);
        before != self.node_addresses()
    }

    fn note_nodes(&mut self, change: Change<kinds::Node>) {
        match change.map(|node| ferrolb_config::node(&node)) {
            Change::All(nodes) => {
                let gone: Vec<NodeName> = self
                    .nodes
                    .keys()
                    .filter(|name| nodes.iter().all(|node| node.name != **name))
                    .cloned()
                    .collect();
                for name in gone {
                    self.remove_node(&name);
                }
                for node in nodes {
                    self.upsert_node(node);
                }
            }
            Change::Applied(node) => self.upsert_node(node),
            Change::Deleted(node) => self.remove_node(&node.name),
        }
    }

    /// Takes what speakers report. Returns whether any node has other addresses than before.
    pub(crate) fn apply_speakers(&mut self, change: Change<SpeakerState>) -> bool {
        let news = self.sessions.apply(&change);
        if news > News::Nothing {
            self.settling.stir();
        }
        if news == News::Sessions {
            self.touch_routed();
        }
        let doubtful = match &change {
            Change::All(states) => self.ownership.replace(states),
            Change::Applied(state) => self.ownership.report(state),
            Change::Deleted(state) => self.ownership.forget(state),
        };
        match doubtful {
            Doubtful::All => {
                let services = self.vips.values().flat_map(|vip| &vip.services);
                self.touched.extend(services.map(|service| service.id.clone()));
            }
            Doubtful::These(addresses) => addresses.into_iter().for_each(|address| self.touch(address)),
        }
        let reported = change.map(|state| {
            let name: NodeName = state.metadata.name.as_deref().unwrap_or_default().into();
            (name, ferrolb_config::interfaces(&state))
        });
        let mut readdressed = false;
        match reported {
            Change::All(states) => {
                let gone: Vec<NodeName> = self
                    .interfaces
                    .keys()
                    .filter(|name| states.iter().all(|(other, _)| other != *name))
                    .cloned()
                    .collect();
                for name in gone {
                    readdressed |= self.set_interfaces(&name, None);
                }
                for (name, interfaces) in states {
                    readdressed |= self.set_interfaces(&name, interfaces);
                }
            }
            Change::Applied((name, interfaces)) => readdressed = self.set_interfaces(&name, interfaces),
            Change::Deleted((name, _)) => readdressed = self.set_interfaces(&name, None),
        }
        readdressed
    }

    /// Takes what the watch of advertisements saw.
    pub(crate) fn apply_advertisements(&mut self, change: Change<L2Advertisement>, objects: &mut Objects) {
        let name = |object: &L2Advertisement| object.metadata.name.clone().unwrap_or_default();
        match change {
            Change::All(all) => {
                let gone: Vec<String> = self
                    .advertisements
                    .keys()
                    .filter(|known| all.iter().all(|object| name(object) != **known))
                    .cloned()
                    .collect();
                for name in gone {
                    self.remove_advertisement(&name, objects);
                }
                for object in all {
                    self.upsert_advertisement(&object, objects);
                }
            }
            Change::Applied(object) => self.upsert_advertisement(&object, objects),
            Change::Deleted(object) => self.remove_advertisement(&name(&object), objects),
        }
        let placed = self.placer.set_advertisements(self.advertisements.values().cloned().collect());
        self.publish(placed);
        self.rebalance();
    }

    /// Takes what the watch of EndpointSlices saw.
    pub(crate) fn apply_endpoints(&mut self, change: Change<kinds::EndpointSlice>) {
        self.endpoints_listed |= matches!(change, Change::All(_));
        let changed = self.endpoints.apply(change);
        self.touched.extend(changed.iter().filter(|service| self.routing.tells_of(service)).cloned());
        for service in changed.iter().filter(|service| self.local.contains_key(*service)).collect::<Vec<_>>()
        {
            let endpoints = self.endpoints.of(service);
            let placed = self.placer.set_endpoints(endpoints.clone());
            let routed = self.routing.set_endpoints(endpoints);
            self.publish(placed);
            self.reroute(routed);
        }
        for address in std::mem::take(&mut self.held) {
            if let Some(vip) = self.vips.get(&address).cloned() {
                let placed = self.place(vip);
                self.publish(placed);
                // Its candidates may be those it had under Cluster, but the slice has to say Local.
                self.republish(address);
            }
        }
        self.start();
    }

    /// Takes what the watch of slices saw.
    pub(crate) fn apply_slices(&mut self, change: Change<AnnouncementSlice>) {
        self.slices.observe(change);
    }

    fn place(&mut self, vip: Vip) -> Vec<Placed> {
        let mut placed = Vec::new();
        if vip.traffic_policy == TrafficPolicy::Local {
            for service in &vip.services {
                let endpoints = self.endpoints.of(&service.id);
                placed.extend(self.placer.set_endpoints(endpoints.clone()));
                let routed = self.routing.set_endpoints(endpoints);
                self.reroute(routed);
            }
        }
        let routed = self.routing.upsert_vip(vip.clone());
        placed.extend(self.placer.upsert_vip(vip));
        self.reroute(routed);
        placed
    }

    fn note_local(&mut self, address: IpAddr, vip: Option<&Vip>) {
        let is_local = |vip: &&Vip| vip.traffic_policy == TrafficPolicy::Local;
        for service in self.vips.get(&address).filter(is_local).into_iter().flat_map(|vip| &vip.services) {
            if let Some(addresses) = self.local.get_mut(&service.id) {
                addresses.remove(&address);
                if addresses.is_empty() {
                    self.local.remove(&service.id);
                }
            }
        }
        for service in vip.filter(is_local).into_iter().flat_map(|vip| &vip.services) {
            self.local.entry(service.id.clone()).or_default().insert(address);
        }
    }

    /// A slice is not what it was, or is published by now.
    pub(super) fn touch_slice(&mut self, name: &str) {
        let addresses: Vec<IpAddr> = self.slices.wanted_in(name).collect();
        addresses.into_iter().for_each(|address| self.touch(address));
    }

    pub(super) fn touch(&mut self, address: IpAddr) {
        let services = self.vips.get(&address).into_iter().flat_map(|vip| &vip.services);
        self.touched.extend(services.map(|service| service.id.clone()));
    }

    fn upsert_node(&mut self, mut node: Node) {
        node.interfaces = self.interfaces.get(&node.name).cloned();
        if self.nodes.get(&node.name) == Some(&node) {
            return;
        }
        let before = self.nodes.insert(node.name.clone(), node.clone());
        let carries = |node: &Node| (node.labels.clone(), node.excluded, node.ready, node.leaving.is_some());
        let matters = before.is_none_or(|before| carries(&before) != carries(&node));
        let (placed, routed) = (self.placer.upsert_node(node.clone()), self.routing.upsert_node(node));
        self.publish(placed);
        self.reroute(routed);
        if matters {
            self.touch_routed();
        }
    }

    fn remove_node(&mut self, name: &NodeName) {
        self.nodes.remove(name);
        let (placed, routed) = (self.placer.remove_node(name), self.routing.remove_node(name));
        self.publish(placed);
        self.reroute(routed);
        self.touch_routed();
    }

    /// Returns whether the node has other addresses than before.
    fn set_interfaces(&mut self, name: &NodeName, interfaces: Option<Vec<NodeInterface>>) -> bool {
        match interfaces {
            Some(interfaces) => self.interfaces.insert(name.clone(), interfaces),
            None => self.interfaces.remove(name),
        };
        let Some(before) = self.nodes.get(name).cloned() else { return false };
        self.upsert_node(before.clone());
        !self.nodes[name].own_addresses().eq(before.own_addresses())
    }

    fn upsert_advertisement(&mut self, object: &L2Advertisement, objects: &mut Objects) {
        let parsed = ferrolb_config::l2_advertisement(object);
        let conditions = object.status.clone().unwrap_or_default().conditions;
        let rebalanced_for = object.status.clone().unwrap_or_default().rebalanced_for;
        let status = Status { counts: None, conditions, rebalanced_for };
        self.rebalances.seen(&parsed.name, object);
        objects.seen(ConfigKind::L2Advertisement, &parsed.name, object.metadata.generation, status);
        self.advertisements.insert(parsed.name.clone(), parsed);
    }

    fn remove_advertisement(&mut self, name: &str, objects: &mut Objects) {
        self.advertisements.remove(name);
        self.rebalances.forget(name);
        objects.forget(ConfigKind::L2Advertisement, name);
    }
}
