//! Everything known, and what follows from it for each interface. Pure: events in, plans out.

mod placed;

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::{TrafficPolicy, VipAnnouncement};
use ferrolb_model::Labels;
use ferrolb_ownership::{Interface, NodeName, Plan, Presence, VipPlan};
use ferrolb_runtime::watch::Change;

use placed::{digest, placed};

use crate::bgp::{self, BgpDesired, Input, Kept, Objects};
use crate::interfaces::{Globs, Usable, serving};
use crate::source::{EndpointGroup, Endpoints, NodeFacts, ServiceName, Slice};

/// What this speaker knows of its configuration and its node.
#[derive(Debug)]
pub struct Index {
    node: NodeName,
    slices: BTreeMap<String, Slice>,
    /// The newest `resourceVersion` of a slice that was told, be it the one under which a slice was deleted.
    newest: u64,
    /// That of `slices`, once it was asked for.
    digest: Option<String>,
    /// Whether a source has told all slices, rather than a snapshot some.
    complete: bool,
    facts: NodeFacts,
    endpoints: Endpoints,
    bgp: Objects,
    /// `None` until the kernel has told them.
    usable: Option<Vec<Usable>>,
    /// Interfaces that have served once go on, so that their segment need not join anew.
    served: BTreeSet<u32>,
}

/// What the wire thread is to do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Desired {
    /// By the interface's index.
    pub interfaces: BTreeMap<u32, (Interface, Plan)>,
    /// Whether this node is to own VIPs.
    pub presence: Presence,
    /// Why it is not to; empty if it is.
    pub leaving: String,
    /// Whether the API server has not told this run anything yet: what is known may be old.
    pub stale: bool,
    /// What of the plan cannot be used, and why, in words.
    pub problems: Vec<String>,
    /// What BGP sessions and routes should be.
    pub bgp: BgpDesired,
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
            slices: BTreeMap::new(),
            newest: 0,
            digest: None,
            complete: false,
            facts: NodeFacts::default(),
            endpoints: Endpoints::default(),
            bgp: Objects::default(),
            usable: None,
            served: BTreeSet::new(),
        }
    }

    /// Takes what the last run of the speaker knew. It stands until a source tells all slices.
    pub fn restore(&mut self, slices: Vec<Slice>, facts: NodeFacts) {
        if !self.complete {
            self.digest = None;
            self.newest = slices.iter().map(|slice| slice.revision).max().unwrap_or(0);
            self.slices = slices.into_iter().map(|slice| (slice.name.clone(), slice)).collect();
            self.facts = facts;
        }
    }

    /// Takes the peers, advertisements, profiles and communities that the last run knew. They stand until a source tells all.
    pub fn restore_bgp(&mut self, kept: Kept) {
        self.bgp.restore(kept);
    }

    /// Takes a change of peers, advertisements, profiles or communities; tells whether anything differs now.
    pub fn apply_bgp(&mut self, change: bgp::Change) -> bool {
        self.bgp.apply(change)
    }

    /// The peers, advertisements, profiles and communities in force.
    pub fn kept_bgp(&self) -> Kept {
        self.bgp.kept()
    }

    /// Takes a change of slices; tells whether anything differs now.
    pub fn apply_slices(&mut self, change: Change<Slice>) -> bool {
        self.digest = None;
        match change {
            Change::All(slices) => {
                // After a restore of the cluster's store versions may have gone back.
                self.newest = slices.iter().map(|slice| slice.revision).max().unwrap_or(0);
                let slices = slices.into_iter().map(|slice| (slice.name.clone(), slice)).collect();
                let differs = !self.complete || self.slices != slices;
                self.slices = slices;
                self.complete = true;
                differs
            }
            Change::Applied(slice) => {
                self.newest = self.newest.max(slice.revision);
                self.slices.insert(slice.name.clone(), slice.clone()).is_none_or(|before| before != slice)
            }
            Change::Deleted(slice) => {
                self.newest = self.newest.max(slice.revision);
                self.slices.remove(&slice.name).is_some()
            }
        }
    }

    /// Takes what is new of the own Node; tells whether anything differs now.
    pub fn apply_node(&mut self, facts: NodeFacts) -> bool {
        let differs = self.facts != facts;
        self.facts = facts;
        differs
    }

    /// Takes a change of endpoints; tells whether anything differs now.
    pub fn apply_endpoints(&mut self, change: Change<EndpointGroup>) -> bool {
        self.endpoints.apply(change)
    }

    /// Nobody follows endpoints any more.
    pub fn forget_endpoints(&mut self) {
        self.endpoints.forget();
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
        self.slices.values()
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
        self.slices
            .values()
            .flat_map(|slice| &slice.vips)
            .any(|vip| vip.traffic_policy == TrafficPolicy::Local || vip.bgp.is_some())
    }

    /// What this node's BGP sessions and routes should be.
    pub fn bgp(&self) -> BgpDesired {
        let labels = Labels::from(&self.facts.labels);
        let endpoints_known = self.endpoints.is_listed() || !self.in_cluster() || !self.wants_endpoints();
        let input = Input {
            node: self.node.as_str(),
            labels: &labels,
            leaving: &self.facts.why_leaving(),
            settled: self.complete && self.bgp.is_complete() && endpoints_known,
            objects: &self.bgp,
            serving: |vip: &VipAnnouncement| self.serving(vip),
        };
        let vips = placed(&self.slices, &mut Vec::new());
        bgp::desired(&input, vips.into_iter().map(|(address, placed)| (address, placed.announcement)))
    }

    /// How many ready endpoints carry a VIP's traffic on this node, if it is to be announced in routes ([`bgp::serving`]). While
    /// endpoints are unknown, as after a restart without API server, Cluster VIPs are announced and Local ones are not; without a
    /// cluster the manifests are trusted.
    fn serving(&self, vip: &VipAnnouncement) -> Option<u32> {
        let ready = vip.services.iter().map(|service| self.endpoints.ready(&ServiceName::from(service)));
        let ready: Option<Vec<(u32, bool)>> = ready.collect();
        match (&ready, vip.traffic_policy) {
            (Some(ready), policy) => bgp::serving(policy, ready),
            (None, TrafficPolicy::Cluster) => Some(0),
            (None, TrafficPolicy::Local) => (!self.in_cluster()).then_some(0),
        }
    }

    /// Only a cluster's slices have versions.
    fn in_cluster(&self) -> bool {
        self.newest > 0
    }

    /// What follows.
    pub fn desired(&mut self) -> Desired {
        let bgp = self.bgp();
        let mut desired = Desired {
            problems: bgp.problems.clone(),
            bgp,
            presence: self.facts.presence(),
            leaving: self.facts.why_leaving(),
            stale: !self.complete,
            digest: self.digest.get_or_insert_with(|| digest(&self.slices)).clone(),
            revision: self.newest,
            ..Desired::default()
        };
        let mut plans = BTreeMap::<u32, Plan>::new();
        let usable = self.usable.as_deref().unwrap_or_default();
        for (vip, placed) in placed(&self.slices, &mut desired.problems) {
            let Some(layer2) = &placed.announcement.layer2 else { continue };
            let named = Globs::new(layer2.interfaces.iter().map(String::as_str));
            let indices = serving(vip, &named, usable);
            if indices.is_empty() && layer2.nodes.iter().any(|node| node == self.node.as_str()) {
                desired.problems.push(format!(
                    "VIP {vip} has no interface on this node: none has a network that holds it, none is named by its \
                     L2Advertisement, and there is no default route of its family"
                ));
            }
            let plan = VipPlan {
                candidates: layer2.nodes.iter().filter_map(|node| NodeName::new(node).ok()).collect(),
                move_to: layer2.move_to.as_ref().and_then(|node| NodeName::new(node).ok()),
                revision: placed.revision,
                ready: self.is_ready(placed.announcement),
            };
            for index in indices {
                plans.entry(index).or_default().vips.insert(vip, plan.clone());
            }
        }
        self.served.extend(plans.keys());
        for Usable { interface, default_v4, default_v6 } in usable {
            if !(*default_v4 || *default_v6 || self.served.contains(&interface.index)) {
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

    fn is_ready(&self, announcement: &VipAnnouncement) -> bool {
        match announcement.traffic_policy {
            TrafficPolicy::Cluster => true,
            TrafficPolicy::Local => {
                announcement.services.iter().all(|service| self.endpoints.gate(&ServiceName::from(service)))
            }
        }
    }
}

#[cfg(test)]
mod tests;
