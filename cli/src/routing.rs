//! What routes follow from, beside what every command reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_api::{AnnouncementSlice, BFDProfile, BGPAdvertisement, BGPPeer, Community, VipAnnouncement};
use ferrolb_config::bgp::{
    self,
    node::{Change, Input, Objects, desired, serving},
};
use ferrolb_model::{BgpPeer, EndpointSet, Labels, Node, NodeName, ServiceId};
use ferrolb_runtime::{
    kinds::{self, EndpointSlice, SERVICE_NAME_LABEL},
    watch,
};

use crate::read::{ReadError, Reader};

/// The objects of BGP, and which endpoints are ready.
#[derive(Clone, Debug, Default)]
pub(crate) struct Routing {
    pub(crate) peers: Vec<BGPPeer>,
    pub(crate) advertisements: Vec<BGPAdvertisement>,
    pub(crate) profiles: Vec<BFDProfile>,
    pub(crate) communities: Vec<Community>,
    pub(crate) endpoints: BTreeMap<ServiceId, Ready>,
}

/// Ready endpoints of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ready {
    /// How many, by node.
    pub(crate) nodes: BTreeMap<NodeName, u32>,
    /// Whether there is any, on a known node or not.
    pub(crate) anywhere: bool,
}

impl Routing {
    /// Reads all of it, the kinds side by side; endpoints only if they are wanted, because there are many.
    pub(crate) async fn read(reader: &Reader, endpoints: bool) -> Result<Self, ReadError> {
        let endpoints = async || match endpoints {
            true => reader.all(None).await,
            false => Ok(Vec::new()),
        };
        let (peers, advertisements, profiles, communities, endpoints) = futures::join!(
            reader.all(None),
            reader.all(None),
            reader.all(None),
            reader.all(None),
            endpoints(),
        );
        Ok(Self {
            peers: peers?,
            advertisements: advertisements?,
            profiles: profiles?,
            communities: communities?,
            endpoints: ready(&endpoints?),
        })
    }

    /// The objects as a speaker that starts now takes them.
    pub(crate) fn objects(&self) -> Objects {
        let mut objects = Objects::default();
        objects.apply(Change::Peers(watch::Change::All(self.peers.clone())));
        objects.apply(Change::Advertisements(watch::Change::All(self.advertisements.clone())));
        objects.apply(Change::Profiles(watch::Change::All(self.profiles.clone())));
        objects.apply(Change::Communities(watch::Change::All(self.communities.clone())));
        objects
    }

    /// What of the objects cannot be used on any node, and why, in words.
    pub(crate) fn problems(&self) -> Vec<String> {
        let objects = self.objects();
        let labels = Labels::default();
        let serving = |_: &VipAnnouncement| None;
        let input =
            Input { node: "", labels: &labels, leaving: "", settled: true, objects: &objects, serving };
        desired(&input, []).problems
    }

    /// How many ready endpoints carry the VIP on the node, if it is to be announced there.
    pub(crate) fn serving(&self, node: &NodeName, vip: &VipAnnouncement) -> Option<u32> {
        let ready = vip.services.iter().map(|service| {
            let id = ServiceId::new(service.namespace.as_str(), service.name.as_str());
            let ready = self.endpoints.get(&id);
            ready.map_or((0, false), |ready| (ready.nodes.get(node).copied().unwrap_or(0), ready.anywhere))
        });
        serving(vip.traffic_policy, &ready.collect::<Vec<_>>())
    }
}

impl Routing {
    /// The same as chains are made from.
    pub(crate) fn facts(&self, nodes: &[kinds::Node]) -> ferrolb_explain::Routing {
        let mut invalid_advertisements = BTreeMap::new();
        for problem in self.problems() {
            let of = problem.strip_prefix("BGPAdvertisement ").and_then(|text| text.split_once(": "));
            if let Some((name, why)) = of {
                invalid_advertisements.insert(name.to_owned(), why.to_owned());
            }
        }
        let advertisements = self.advertisements.iter().filter_map(|one| bgp::advertisement(one).ok());
        let advertisements = advertisements.map(|one| (one.selection.name.clone(), one.selection));
        let peers = self.peers.iter().map(|object| {
            let name = object.metadata.name.clone().unwrap_or_default();
            let node_selectors = bgp::peer(object).map(|peer| peer.node_selectors).unwrap_or_default();
            (name.clone(), BgpPeer { name, node_selectors })
        });
        let mut nodes: Vec<Node> = nodes.iter().map(ferrolb_config::node).collect();
        nodes.sort_by(|one, other| one.name.cmp(&other.name));
        ferrolb_explain::Routing {
            advertisements: advertisements
                .filter(|(name, _)| !invalid_advertisements.contains_key(name))
                .collect(),
            invalid_advertisements,
            peers: peers.collect(),
            nodes,
            endpoints: self.endpoints.iter().map(|(id, ready)| (id.clone(), ready.set(id.clone()))).collect(),
        }
    }
}

/// Ready endpoints by Service.
pub(crate) fn ready(slices: &[EndpointSlice]) -> BTreeMap<ServiceId, Ready> {
    let mut all = BTreeMap::<ServiceId, Ready>::new();
    for slice in slices {
        let labels = slice.metadata.labels.as_ref();
        let Some(service) = labels.and_then(|labels| labels.get(SERVICE_NAME_LABEL)) else { continue };
        let namespace = slice.metadata.namespace.as_deref().unwrap_or_default();
        let of_service = all.entry(ServiceId::new(namespace, service.as_str())).or_default();
        for endpoint in slice.endpoints.iter().filter(|one| one.conditions.ready != Some(false)) {
            of_service.anywhere = true;
            if let Some(node) = endpoint.node_name.as_deref() {
                *of_service.nodes.entry(node.into()).or_default() += 1;
            }
        }
    }
    all
}

impl Ready {
    /// The same without numbers.
    pub(crate) fn set(&self, service: ServiceId) -> EndpointSet {
        let ready_nodes: BTreeSet<NodeName> = self.nodes.keys().cloned().collect();
        EndpointSet { service, ready_nodes, ready_anywhere: self.anywhere }
    }
}

/// Each VIP once, as speakers take it: while the controller moves it from one slice to another both may hold it, and the newer one
/// counts.
pub(crate) fn placed(slices: &[AnnouncementSlice]) -> BTreeMap<IpAddr, &VipAnnouncement> {
    let mut all = BTreeMap::<IpAddr, &VipAnnouncement>::new();
    let revision = |vip: &VipAnnouncement| vip.layer2.as_ref().map_or(0, |layer2| layer2.revision);
    let mut sorted: Vec<&AnnouncementSlice> = slices.iter().collect();
    sorted.sort_by_key(|slice| slice.metadata.name.as_deref());
    for vip in sorted.into_iter().flat_map(|slice| &slice.spec.vips) {
        let Ok(address) = vip.ip.parse() else { continue };
        if all.get(&address).is_none_or(|known| revision(known) < revision(vip)) {
            all.insert(address, vip);
        }
    }
    all
}

/// Why a node tells no peer of anything; empty if it does.
pub(crate) fn why_leaving(node: &Node) -> String {
    match node.excluded {
        true => "labelled to announce nothing".to_owned(),
        false => node.leaving.clone().unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{AnnouncementSliceSpec, Layer2Announcement, TrafficPolicy};
    use ferrolb_runtime::kinds::{Endpoint, EndpointConditions};

    use super::*;

    #[test]
    fn endpoints_are_counted_by_node() {
        let mut slice = EndpointSlice::default();
        slice.metadata.namespace = Some("default".into());
        slice.metadata.labels = Some([(SERVICE_NAME_LABEL.to_owned(), "web".to_owned())].into());
        let endpoint = |node: Option<&str>, ready| Endpoint {
            conditions: EndpointConditions { ready },
            node_name: node.map(ToOwned::to_owned),
        };
        slice.endpoints = vec![
            endpoint(Some("n1"), None),
            endpoint(Some("n1"), Some(true)),
            endpoint(Some("n2"), Some(false)),
        ];
        let mut other = slice.clone();
        other.endpoints = vec![endpoint(None, Some(true))];
        let web = ServiceId::new("default", "web");
        let counted = ready(&[slice.clone(), other.clone()])[&web].clone();
        assert_eq!(counted, Ready { nodes: [("n1".into(), 2)].into(), anywhere: true });
        assert_eq!(ready(&[other])[&web], Ready { nodes: BTreeMap::new(), anywhere: true });
        slice.endpoints.truncate(0);
        assert!(!ready(&[slice])[&web].anywhere);
    }

    #[test]
    fn advertisements_that_cannot_be_used_are_told_apart() {
        let object = |name: &str, spec: &serde_json::Value| {
            let object = serde_json::json!({
                "apiVersion": "ferrolb.io/v1beta1", "kind": "BGPAdvertisement",
                "metadata": {"name": name}, "spec": spec,
            });
            serde_json::from_value(object).unwrap()
        };
        let advertisements = vec![
            object("good", &serde_json::json!({"peers": ["tor"]})),
            object("bad", &serde_json::json!({"communities": ["?"]})),
            object("nameless", &serde_json::json!({"communities": ["customers"]})),
        ];
        let node = |name: &str| {
            let mut node = kinds::Node::default();
            node.metadata.name = Some(name.into());
            node
        };
        let facts = Routing { advertisements, ..Routing::default() }.facts(&[node("n2"), node("n1")]);
        assert_eq!(facts.advertisements.keys().collect::<Vec<_>>(), ["good"]);
        assert_eq!(facts.advertisements["good"].peers, ["tor"]);
        let invalid = &facts.invalid_advertisements;
        assert!(invalid["bad"].starts_with("spec.communities[0]"), "{invalid:?}");
        assert!(invalid["nameless"].contains("no Community gives the name customers"), "{invalid:?}");
        assert_eq!(facts.nodes.iter().map(|node| node.name.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
    }

    #[test]
    fn a_vip_of_two_slices_counts_once_and_the_newer_one_does() {
        let slice = |name: &str, pool: &str, revision| {
            let vip = VipAnnouncement {
                ip: "192.0.2.1".into(),
                pool: pool.into(),
                services: Vec::new(),
                traffic_policy: TrafficPolicy::Cluster,
                layer2: Some(Layer2Announcement { revision, ..Layer2Announcement::default() }),
                bgp: None,
            };
            AnnouncementSlice::new(name, AnnouncementSliceSpec { vips: vec![vip] })
        };
        let slices = [slice("vips-2", "c", 1), slice("vips-0", "a", 1), slice("vips-1", "b", 2)];
        assert_eq!(placed(&slices)[&"192.0.2.1".parse::<IpAddr>().unwrap()].pool, "b");
        assert_eq!(placed(&slices[..2])[&"192.0.2.1".parse::<IpAddr>().unwrap()].pool, "a");
    }
}
