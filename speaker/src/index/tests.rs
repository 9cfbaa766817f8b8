use std::net::IpAddr;

use ferrolb_api::{ServiceReference, VipAnnouncement};
use ferrolb_ownership::Mac;

use super::*;
use crate::source::{Common, group};

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
        services: vec![ServiceReference { namespace: "ns".into(), name: "web".into(), uid: String::new() }],
        traffic_policy: TrafficPolicy::Cluster,
        bgp: None,
        layer2: Some(Layer2Announcement {
            nodes: nodes.iter().map(|&n| n.to_owned()).collect(),
            revision,
            ..Layer2Announcement::default()
        }),
    }
}

fn slice(name: &str, vips: &[VipAnnouncement]) -> Slice {
    Common::default().slice(name.to_owned(), 0, vips.to_vec())
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
fn a_vip_in_other_nodes_network_lives_nowhere_else() {
    let mut index = index();
    let mut far = vip("198.18.0.1", &["node-a", "node-b"], 1);
    index.apply_slices(Change::All(vec![slice("a", &[far.clone()])]));
    assert_eq!(vips(&index.desired(), 2), ["198.18.0.1"], "by the default route");
    far.layer2.as_mut().unwrap().on_link = true;
    index.apply_slices(Change::All(vec![slice("a", &[far])]));
    let desired = index.desired();
    assert_eq!(vips(&desired, 2), [""; 0]);
    assert!(desired.problems[0].contains("as other nodes' have"), "{:?}", desired.problems);
    index.apply_interfaces(vec![usable(5, "eth3", "198.18.0.10/24", false)]);
    assert_eq!(vips(&index.desired(), 5), ["198.18.0.1"]);
}

#[test]
fn interfaces_without_vips_are_told_of() {
    let mut index = index();
    let idle = |index: &mut Index| -> Vec<String> {
        index.desired().idle.into_iter().map(|interface| interface.name).collect()
    };
    assert_eq!(idle(&mut index), ["eth1", "eth2"]);
    index.apply_slices(Change::All(vec![slice("a", &[vip("198.51.100.200", &["node-b"], 7)])]));
    assert_eq!(idle(&mut index), ["eth2"]);
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
    let mut ready = |ready_here: bool| {
        index.apply_endpoints(Change::All(vec![group("web", "web-1", u32::from(ready_here), true)]));
        index.desired().interfaces[&2].1.vips.values().next().unwrap().ready
    };
    assert!(!ready(false));
    assert!(ready(true));
}

#[test]
fn an_excluded_node_drains_and_a_cordoned_one_leaves() {
    let mut index = index();
    let facts = |excluded, leaving: Option<&str>| NodeFacts {
        uid: "u".into(),
        excluded,
        leaving: leaving.map(str::to_owned),
        ..NodeFacts::default()
    };
    let mut told = |facts| {
        index.apply_node(facts);
        let desired = index.desired();
        (desired.presence, desired.leaving)
    };
    assert_eq!(told(facts(false, None)), (Presence::Staying, String::new()));
    assert_eq!(told(facts(false, Some("cordoned"))), (Presence::Leaving, "cordoned".to_owned()));
    let excluded = (Presence::Draining, "labelled to announce nothing".to_owned());
    assert_eq!(told(facts(true, Some("cordoned"))), excluded);
}

#[test]
fn the_node_that_shall_own_a_vip_is_part_of_its_plan() {
    let mut index = index();
    let mut moved = vip("192.0.2.200", &["node-b", "node-a"], 3);
    moved.layer2.as_mut().unwrap().move_to = Some("node-b".into());
    index.apply_slices(Change::All(vec![slice("a", &[moved])]));
    let plan = index.desired().interfaces[&2].1.vips.values().next().unwrap().clone();
    assert_eq!(plan.move_to, NodeName::new("node-b").ok());
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
    index.apply_slices(Change::All(vec![at(70), Slice { revision: 80, ..slice("b", &[]) }]));
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

/// An index with a peer and an advertisement of everything.
fn with_routes() -> Index {
    let mut index = index();
    let object = |kind: &str, spec: &str| {
        format!(
            r#"{{"apiVersion":"ferrolb.io/v1beta1","kind":"{kind}","metadata":{{"name":"one"}},"spec":{spec}}}"#
        )
    };
    let peer = object("BGPPeer", r#"{"myASN":64500,"peerASN":64501,"peerAddress":"192.0.2.1"}"#);
    let peer = serde_json::from_str(&peer).unwrap();
    let advertisement = serde_json::from_str(&object("BGPAdvertisement", "{}")).unwrap();
    index.apply_bgp(bgp::Change::Profiles(Change::All(Vec::new())));
    index.apply_bgp(bgp::Change::Communities(Change::All(Vec::new())));
    index.apply_bgp(bgp::Change::Peers(Change::All(vec![peer])));
    index.apply_bgp(bgp::Change::Advertisements(Change::All(vec![advertisement])));
    index
}

fn routed(ip: &str, traffic_policy: TrafficPolicy) -> VipAnnouncement {
    let by = ferrolb_api::RoutedBy { name: "one".into(), nodes: None };
    let bgp = Some(ferrolb_api::BgpAnnouncement { advertisements: vec![by] });
    VipAnnouncement { traffic_policy, layer2: None, bgp, ..vip(ip, &[], 0) }
}

fn prefixes(index: &mut Index) -> (Vec<String>, bool) {
    let desired = index.bgp();
    (desired.routes["one"].iter().map(|(prefix, _)| prefix.to_string()).collect(), desired.settled)
}

#[test]
fn routes_wait_for_ready_endpoints() {
    let mut index = with_routes();
    let vips = [routed("192.0.2.1", TrafficPolicy::Cluster), routed("192.0.2.2", TrafficPolicy::Local)];
    let slice = |vips: &[VipAnnouncement]| Slice { revision: 7, ..slice("a", vips) };
    assert!(!index.wants_endpoints());
    index.apply_slices(Change::All(vec![slice(&vips)]));
    assert!(index.wants_endpoints());
    let unknown = (vec!["192.0.2.1/32".to_owned()], false);
    assert_eq!(
        prefixes(&mut index),
        unknown,
        "Cluster VIPs need not wait for what nobody may be able to tell"
    );
    for (here, anywhere, expected) in
        [(0, false, &[][..]), (0, true, &["192.0.2.1/32"]), (2, true, &["192.0.2.1/32", "192.0.2.2/32"])]
    {
        index.apply_endpoints(Change::All(vec![group("web", "web-1", here, anywhere)]));
        let expected = expected.iter().map(ToString::to_string).collect();
        assert_eq!(prefixes(&mut index), (expected, true));
    }
    index.apply_node(NodeFacts { leaving: Some("cordoned".into()), ..NodeFacts::default() });
    assert_eq!(prefixes(&mut index), (Vec::new(), true));
}

#[test]
fn without_a_cluster_manifests_are_trusted() {
    let mut index = with_routes();
    let mut alone = routed("192.0.2.3", TrafficPolicy::Local);
    alone.services.clear();
    index.apply_slices(Change::All(vec![slice("a", &[routed("192.0.2.2", TrafficPolicy::Local), alone])]));
    assert_eq!(prefixes(&mut index), (vec!["192.0.2.2/32".to_owned(), "192.0.2.3/32".to_owned()], true));
}
