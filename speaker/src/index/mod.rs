//! Everything known, and what follows from it for each interface. Pure: events in, plans out.

mod placed;

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::{TrafficPolicy, VipAnnouncement};
use ferrolb_ownership::{Interface, NodeName, Plan, VipPlan};
use ferrolb_runtime::watch::Change;

use placed::{digest, placed};

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
    /// Whether this node is to announce nothing.
    pub draining: bool,
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
            slices: BTreeMap::new(),
            newest: 0,
            digest: None,
            complete: false,
            facts: NodeFacts::default(),
            endpoints: Endpoints::default(),
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

    /// Whether the kernel has told the interfaces.
    pub fn knows_interfaces(&self) -> bool {
        self.usable.is_some()
    }

    /// Whether a VIP depends on where its Services' endpoints are.
    pub fn wants_endpoints(&self) -> bool {
        self.slices
            .values()
            .flat_map(|slice| &slice.vips)
            .any(|vip| vip.traffic_policy == TrafficPolicy::Local)
    }

    /// What follows.
    pub fn desired(&mut self) -> Desired {
        let mut desired = Desired {
            draining: self.facts.excluded,
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
                move_to: None,
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
mod tests {
    use std::net::IpAddr;

    use ferrolb_api::{Layer2Announcement, ServiceReference};
    use ferrolb_ownership::Mac;

    use super::*;

    fn index() -> Index {
        let mut index = Index::new(NodeName::new("node-a").unwrap());
        index.apply_interfaces(vec![
            usable(2, "eth0", "192.0.2.10/24", true),
            usable(3, "eth1", "198.51.100.10/24", false),
            usable(4, "eth2", "203.0.113.10/24", false),
        ]);
        index
    }

    fn usable(index: u32, name: &str, address: &str, default_v4: bool) -> Usable {
        let interface = Interface {
            index,
            name: name.to_owned(),
            mac: Mac([2, 0, 0, 0, 0, 1]),
            addresses: vec![address.parse().unwrap()],
            gateways: Vec::new(),
            carrier: true,
        };
        Usable { interface, default_v4, default_v6: false }
    }

    fn vip(ip: &str, nodes: &[&str], revision: i64) -> VipAnnouncement {
        VipAnnouncement {
            ip: ip.to_owned(),
            pool: String::new(),
            services: vec![ServiceReference {
                namespace: "ns".into(),
                name: "web".into(),
                uid: String::new(),
            }],
            traffic_policy: TrafficPolicy::Cluster,
            layer2: Some(Layer2Announcement {
                nodes: nodes.iter().map(|&n| n.to_owned()).collect(),
                interfaces: Vec::new(),
                revision,
            }),
        }
    }

    fn slice(name: &str, vips: &[VipAnnouncement]) -> Slice {
        Slice { name: name.to_owned(), revision: 0, vips: vips.to_vec() }
    }

    fn vips(desired: &Desired, index: u32) -> Vec<String> {
        desired.interfaces[&index].1.vips.keys().map(ToString::to_string).collect()
    }

    #[test]
    fn vips_go_to_their_interfaces_with_their_candidates() {
        let mut index = index();
        assert!(index.apply_slices(Change::All(vec![slice(
            "a",
            &[vip("192.0.2.200", &["node-b", "node-a"], 3), vip("198.51.100.200", &["node-b"], 7)],
        )])));
        let desired = index.desired();
        assert_eq!(desired.interfaces.keys().copied().collect::<Vec<_>>(), [2, 3], "eth2 serves nothing");
        assert_eq!(vips(&desired, 2), ["192.0.2.200"]);
        assert_eq!(vips(&desired, 3), ["198.51.100.200"], "others' VIPs are heard of too");
        assert_eq!(desired.interfaces[&3].1.revision, 7);
        let plan = &desired.interfaces[&2].1.vips[&"192.0.2.200".parse::<IpAddr>().unwrap()];
        assert_eq!(plan.candidates.iter().map(NodeName::as_str).collect::<Vec<_>>(), ["node-b", "node-a"]);
        assert!(plan.ready && desired.problems.is_empty());
    }

    #[test]
    fn an_interface_that_served_once_keeps_its_segment() {
        let mut index = index();
        index.apply_slices(Change::All(vec![slice("a", &[vip("198.51.100.200", &["node-a"], 1)])]));
        assert!(index.desired().interfaces.contains_key(&3));
        assert!(index.apply_slices(Change::Deleted(slice("a", &[]))));
        assert!(index.desired().interfaces[&3].1.vips.is_empty());
        index.apply_interfaces(vec![usable(2, "eth0", "192.0.2.10/24", true)]);
        assert!(!index.desired().interfaces.contains_key(&3), "until it is gone");
        index.apply_interfaces(vec![usable(3, "other", "198.51.100.10/24", false)]);
        assert!(index.desired().interfaces.is_empty(), "another with its index starts anew");
    }

    #[test]
    fn broken_and_homeless_vips_are_told_of_and_cost_nobody_else() {
        let mut index = index();
        index.apply_slices(Change::All(vec![slice(
            "a",
            &[
                vip("192.0.2.300", &["node-a"], 1),
                vip("2001:db8::1", &["node-a"], 1),
                vip("192.0.2.200", &["node-a"], 1),
            ],
        )]));
        let desired = index.desired();
        assert_eq!(vips(&desired, 2), ["192.0.2.200"]);
        assert_eq!(desired.problems.len(), 2);
        assert!(desired.problems[0].contains("192.0.2.300") && desired.problems[1].contains("2001:db8::1"));
    }

    #[test]
    fn a_vip_in_two_slices_is_placed_by_the_newer_one() {
        let mut index = index();
        for (old, new) in [("a", "b"), ("b", "a")] {
            index.apply_slices(Change::All(vec![
                slice(old, &[vip("192.0.2.200", &["node-b"], 1)]),
                slice(new, &[vip("192.0.2.200", &["node-a"], 2)]),
            ]));
            let desired = index.desired();
            let plan = desired.interfaces[&2].1.vips.values().next().unwrap();
            assert_eq!(plan.candidates[0].as_str(), "node-a");
        }
    }

    #[test]
    fn local_vips_wait_for_an_endpoint_here() {
        let mut index = index();
        let mut local = vip("192.0.2.200", &["node-a"], 1);
        local.traffic_policy = TrafficPolicy::Local;
        assert!(!index.wants_endpoints());
        index.apply_slices(Change::All(vec![slice("a", &[local])]));
        assert!(index.wants_endpoints());
        let mut ready = |ready_here| {
            index.apply_endpoints(Change::All(vec![EndpointGroup {
                name: "web-1".into(),
                service: ServiceName { namespace: "ns".into(), name: "web".into() },
                ready_here,
                ready_anywhere: true,
            }]));
            index.desired().interfaces[&2].1.vips.values().next().unwrap().ready
        };
        assert!(!ready(false));
        assert!(ready(true));
    }

    #[test]
    fn an_excluded_node_drains() {
        let mut index = index();
        assert!(index.apply_node(NodeFacts { uid: "u".into(), excluded: true }));
        assert!(index.desired().draining);
    }

    #[test]
    fn the_digest_depends_on_content_and_not_on_slices() {
        let (one, two) = (vip("192.0.2.200", &["node-a"], 1), vip("192.0.2.201", &["node-b"], 2));
        let digest = |slices: Vec<Slice>| {
            let mut index = index();
            index.apply_slices(Change::All(slices));
            index.desired().digest
        };
        let together = digest(vec![slice("a", &[two.clone(), one.clone()])]);
        assert_eq!(together, digest(vec![slice("b", std::slice::from_ref(&one)), slice("c", &[two])]));
        assert_ne!(together, digest(vec![slice("b", &[one])]));
    }

    #[test]
    fn in_a_cluster_the_plan_has_the_newest_version_of_a_slice() {
        let mut index = index();
        let at = |revision| Slice { revision, ..slice("a", &[vip("192.0.2.200", &["node-a"], 3)]) };
        index.apply_slices(Change::All(vec![
            at(70),
            Slice { name: "b".into(), revision: 80, vips: Vec::new() },
        ]));
        assert_eq!(index.desired().interfaces[&2].1.revision, 80);
        assert!(index.apply_slices(Change::Applied(at(90))));
        assert_eq!(index.desired().interfaces[&2].1.revision, 90);
        assert!(index.apply_slices(Change::Deleted(at(95))));
        assert_eq!(index.desired().revision, 95);
    }

    #[test]
    fn a_snapshot_stands_until_a_source_has_told_all() {
        let mut index = index();
        index.restore(vec![slice("old", &[vip("192.0.2.200", &["node-a"], 1)])], NodeFacts::default());
        assert!(!index.is_complete() && index.desired().stale);
        assert_eq!(vips(&index.desired(), 2), ["192.0.2.200"]);
        assert!(index.apply_slices(Change::All(Vec::new())), "an empty list is news too");
        assert!(
            index.is_complete() && !index.desired().stale && index.desired().interfaces[&2].1.vips.is_empty()
        );
    }
}
