//! Everything known, and what follows from it for each interface. Pure: events in, plans out.

mod vips;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_api::{Layer2Announcement, TrafficPolicy};
use ferrolb_model::Labels;
use ferrolb_ownership::{Interface, NodeName, Plan, Presence, VipPlan};
use ferrolb_runtime::watch::Change;

use vips::Vips;

use crate::bgp::{self, BgpDesired, Input, Kept, Ledger, Objects};
use crate::interfaces::{Globs, Usable, on_link, serving};
use crate::source::{EndpointGroup, Endpoints, NodeFacts, Reference, Slice, Vip};

/// What this speaker knows of its configuration and its node.
#[derive(Debug)]
pub struct Index {
    node: NodeName,
    vips: Vips,
    /// The newest `resourceVersion` of a slice that was told, be it the one under which a slice was deleted.
    newest: u64,
    /// Whether a source has told all slices, rather than a snapshot some.
    complete: bool,
    facts: NodeFacts,
    endpoints: Endpoints,
    bgp: Objects,
    /// Routes as they were when they were last asked for.
    ledger: Ledger,
    /// What may be other for them since.
    news: News,
    /// `None` until the kernel has told them.
    usable: Option<Vec<Usable>>,
    /// Interfaces that have served once go on, so that their segment need not join anew.
    served: BTreeSet<u32>,
}

/// What may have changed for routes.
#[derive(Debug)]
enum News {
    Everything,
    /// These; one may be named more than once.
    Vips(Vec<IpAddr>),
}

/// What the wire thread is to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// By the interface's index.
    pub interfaces: BTreeMap<u32, (Interface, Plan)>,
    /// Those that VIPs could live on, where none does yet: the controller places by their networks.
    pub idle: Vec<Interface>,
    /// Whether this node is to own VIPs.
    pub presence: Presence,
    /// Why it is not to; empty if it is.
    pub leaving: String,
    /// Whether the API server has not told this run anything yet: what is known may be old.
    pub stale: bool,
    /// What of the plan cannot be used, and why, in words.
    pub problems: Vec<String>,
    /// The newest `resourceVersion` among the slices; zero without a cluster.
    pub revision: u64,
    /// A digest of the slices, equal on speakers that work from the same ones.
    pub digest: String,
}

impl Index {
    /// Knows nothing yet but the own node's name.
    pub fn new(node: NodeName) -> Self {
        Self {
            node,
            vips: Vips::default(),
            newest: 0,
            complete: false,
            facts: NodeFacts::default(),
            endpoints: Endpoints::default(),
            bgp: Objects::default(),
            ledger: Ledger::default(),
            news: News::Everything,
            usable: None,
            served: BTreeSet::new(),
        }
    }

    /// Takes what the last run of the speaker knew. It stands until a source tells all slices.
    pub fn restore(&mut self, slices: Vec<Slice>, facts: NodeFacts) {
        if !self.complete {
            self.newest = newest(&slices);
            self.vips.apply(Change::All(slices));
            self.facts = facts;
            self.news = News::Everything;
        }
    }

    /// Takes the peers, advertisements, profiles and communities that the last run knew. They stand until a source tells all.
    pub fn restore_bgp(&mut self, kept: Kept) {
        self.bgp.restore(kept);
        self.news = News::Everything;
    }

    /// Takes a change of peers, advertisements, profiles or communities; tells whether anything differs now.
    pub fn apply_bgp(&mut self, change: bgp::Change) -> bool {
        let differs = self.bgp.apply(change);
        if differs {
            self.news = News::Everything;
        }
        differs
    }

    /// The peers, advertisements, profiles and communities in force.
    pub fn kept_bgp(&self) -> Kept {
        self.bgp.kept()
    }

    /// Takes a change of slices; tells whether anything differs now.
    pub fn apply_slices(&mut self, change: Change<Slice>) -> bool {
        let (in_cluster, complete) = (self.in_cluster(), self.complete);
        match &change {
            Change::All(slices) => {
                // After a restore of the cluster's store versions may have gone back.
                self.newest = newest(slices);
                self.complete = true;
            }
            Change::Applied(slice) | Change::Deleted(slice) => self.newest = self.newest.max(slice.revision),
        }
        let changed = self.vips.apply(change);
        self.note(changed.vips);
        if self.in_cluster() != in_cluster {
            self.news = News::Everything;
        }
        changed.differs || self.complete != complete
    }

    /// Takes what is new of the own Node; tells whether anything differs now.
    pub fn apply_node(&mut self, facts: NodeFacts) -> bool {
        let differs = self.facts != facts;
        self.facts = facts;
        if differs {
            self.news = News::Everything;
        }
        differs
    }

    /// Takes a change of endpoints; tells whether anything differs now.
    pub fn apply_endpoints(&mut self, change: Change<EndpointGroup>) -> bool {
        let touched = match &change {
            Change::Applied(group) | Change::Deleted(group) if self.endpoints.is_listed() => {
                Some(self.vips.of_service(group.service()).collect())
            }
            Change::All(_) | Change::Applied(_) | Change::Deleted(_) => None,
        };
        let differs = self.endpoints.apply(change);
        match touched {
            Some(vips) if differs => self.note(vips),
            None if differs => self.news = News::Everything,
            Some(_) | None => {}
        }
        differs
    }

    /// Nobody follows endpoints any more.
    pub fn forget_endpoints(&mut self) {
        self.endpoints.forget();
        self.news = News::Everything;
    }

    /// Takes the usable interfaces; tells whether anything differs now.
    pub fn apply_interfaces(&mut self, usable: Vec<Usable>) -> bool {
        let usable = Some(usable);
        let differs = self.usable != usable;
        self.usable = usable;
        differs
    }

    /// Whether a source has told all slices.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// The slices in force.
    pub fn slices(&self) -> impl Iterator<Item = &Slice> {
        self.vips.slices()
    }

    /// The own Node.
    pub fn facts(&self) -> &NodeFacts {
        &self.facts
    }

    /// The usable interfaces, as far as the kernel has told them.
    pub fn usable(&self) -> &[Usable] {
        self.usable.as_deref().unwrap_or_default()
    }

    /// Whether the kernel has told the interfaces.
    pub fn knows_interfaces(&self) -> bool {
        self.usable.is_some()
    }

    /// Whether a VIP depends on where its Services' endpoints are.
    pub fn wants_endpoints(&self) -> bool {
        self.slices()
            .flat_map(|slice| &slice.vips)
            .any(|vip| vip.traffic_policy == TrafficPolicy::Local || vip.bgp.is_some())
    }

    /// What this node's BGP sessions and routes should be.
    pub fn bgp(&mut self) -> BgpDesired {
        let labels = Labels::from(&self.facts.labels);
        let in_cluster = self.in_cluster();
        let endpoints_known = self.endpoints.is_listed() || !in_cluster || !self.wants_endpoints();
        let Self { vips, endpoints, ledger, .. } = self;
        let input = Input {
            node: self.node.as_str(),
            labels: &labels,
            leaving: &self.facts.why_leaving(),
            settled: self.complete && self.bgp.is_complete() && endpoints_known,
            objects: &self.bgp,
            serving: |vip: &Vip| serves(endpoints, in_cluster, vip),
        };
        match std::mem::replace(&mut self.news, News::Vips(Vec::new())) {
            // Of many a search for each takes longer than a walk through all.
            News::Vips(changed) if changed.len() < vips.len() / 2 => {
                let now = |address| (address, vips.get(address));
                ledger.some(&input, changed.into_iter().map(now));
            }
            News::Everything | News::Vips(_) => {
                ledger.all(&input, vips.iter());
            }
        }
        ledger.desired(&input)
    }

    fn note(&mut self, changed: Vec<IpAddr>) {
        if let News::Vips(vips) = &mut self.news {
            vips.extend(changed);
        }
    }

    /// Only a cluster's slices have versions.
    fn in_cluster(&self) -> bool {
        self.newest > 0
    }

    /// What follows.
    pub fn desired(&mut self) -> Desired {
        let mut desired = Desired {
            problems: self.vips.problems().cloned().collect(),
            presence: self.facts.presence(),
            leaving: self.facts.why_leaving(),
            stale: !self.complete,
            digest: self.vips.digest(),
            revision: self.newest,
            ..Desired::default()
        };
        let mut plans = BTreeMap::<u32, Plan>::new();
        let usable = self.usable.as_deref().unwrap_or_default();
        let mut names = Names::default();
        for (address, vip) in self.vips.iter() {
            let Some(layer2) = &vip.layer2 else { continue };
            let named = Globs::new(layer2.interfaces.iter().map(String::as_str));
            let indices = match layer2.on_link {
                true => on_link(address, &named, usable).into_iter().collect(),
                false => serving(address, &named, usable),
            };
            if indices.is_empty() && layer2.nodes.iter().any(|node| node == self.node.as_str()) {
                desired.problems.push(format!("VIP {address} {}", homeless(layer2)));
            }
            let plan = VipPlan {
                candidates: layer2.nodes.iter().filter_map(|node| names.name(node)).collect(),
                move_to: layer2.move_to.as_ref().and_then(|node| names.name(node)),
                revision: vip.revision(),
                ready: self.is_ready(vip),
            };
            for index in indices {
                plans.entry(index).or_default().vips.insert(address, plan.clone());
            }
        }
        self.served.extend(plans.keys());
        for Usable { interface, default_v4, default_v6 } in usable {
            if !(*default_v4 || *default_v6 || self.served.contains(&interface.index)) {
                desired.idle.push(interface.clone());
                continue;
            }
            let mut plan = plans.remove(&interface.index).unwrap_or_default();
            // In a cluster all speakers see the same versions of slices; manifests have those of their VIPs only.
            plan.revision = match self.newest {
                0 => plan.vips.values().map(|vip| vip.revision).max().unwrap_or(0),
                newest => newest,
            };
            desired.interfaces.insert(interface.index, (interface.clone(), plan));
        }
        // An index may be used again by another interface once its own is gone.
        self.served.retain(|index| desired.interfaces.contains_key(index));
        desired
    }

    fn is_ready(&self, vip: &Vip) -> bool {
        match vip.traffic_policy {
            TrafficPolicy::Cluster => true,
            TrafficPolicy::Local => {
                vip.services().iter().map(Reference::service).all(|service| self.endpoints.gate(service))
            }
        }
    }
}

/// Names of nodes, each once: many VIPs have the same candidates.
#[derive(Default)]
struct Names<'a>(BTreeMap<&'a str, NodeName>);

impl<'a> Names<'a> {
    fn name(&mut self, name: &'a str) -> Option<NodeName> {
        if let Some(known) = self.0.get(name) {
            return Some(known.clone());
        }
        let new = NodeName::new(name).ok()?;
        self.0.insert(name, new.clone());
        Some(new)
    }
}

/// Why a VIP lives nowhere on this node, in words.
fn homeless(layer2: &Layer2Announcement) -> &'static str {
    match layer2.on_link {
        true => "has no interface on this node: none has a network that holds it, as other nodes' have",
        false => {
            "has no interface on this node: none has a network that holds it, none is named by its L2Advertisement, and there is \
             no default route of its family"
        }
    }
}

fn newest(slices: &[Slice]) -> u64 {
    slices.iter().map(|slice| slice.revision).max().unwrap_or(0)
}

/// How many ready endpoints carry a VIP's traffic on this node, if it is to be announced in routes ([`bgp::serving`]). While
/// endpoints are unknown, as after a restart without API server, Cluster VIPs are announced and Local ones are not; without a
/// cluster the manifests are trusted.
fn serves(endpoints: &Endpoints, in_cluster: bool, vip: &Vip) -> Option<u32> {
    let ready = vip.services().iter().map(|service| endpoints.ready(service.service()));
    let ready: Option<Vec<(u32, bool)>> = ready.collect();
    match (&ready, vip.traffic_policy) {
        (Some(ready), policy) => bgp::serving(policy, ready),
        (None, TrafficPolicy::Cluster) => Some(0),
        (None, TrafficPolicy::Local) => (!in_cluster).then_some(0),
    }
}

#[cfg(test)]
mod tests;
