//! By which BGPAdvertisements and nodes peers are told of VIPs.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;

use std::{collections::BTreeMap, net::IpAddr};

use common::{endpoints, ip, labels, node, vip};
use ferrolb_model::{BgpAdvertisement, BgpPeer, NodeName, Selector, TrafficPolicy};
use ferrolb_placement::{RoutedBy, Routing};

const NONE: [IpAddr; 0] = [];

fn selector(key: &str, value: &str) -> Selector {
    Selector { match_labels: labels(&[(key, value)]), ..Selector::default() }
}

fn advertisement(name: &str) -> BgpAdvertisement {
    BgpAdvertisement { name: name.into(), ..BgpAdvertisement::default() }
}

fn limited(name: &str, most: usize) -> BgpAdvertisement {
    BgpAdvertisement { max_nodes: Some(most), ..advertisement(name) }
}

fn peer(name: &str) -> BgpPeer {
    BgpPeer { name: name.into(), node_selectors: Vec::new() }
}

/// Six nodes, one peer, these advertisements, started.
fn routing(advertisements: Vec<BgpAdvertisement>) -> Routing {
    let mut routing = Routing::new();
    routing.set_advertisements(advertisements);
    routing.set_peers(vec![peer("tor")]);
    routing.set_pools(BTreeMap::from([("lan".into(), labels(&[("site", "one")]))]));
    for number in 1..=6 {
        routing.upsert_node(node(&format!("n{number}")));
    }
    routing.settle();
    routing
}

fn names(routing: &Routing, address: &str) -> Vec<String> {
    routing.decision(ip(address)).iter().map(|by| by.advertisement.clone()).collect()
}

fn nodes(routing: &Routing, address: &str) -> Vec<String> {
    let nodes = routing.decision(ip(address))[0].nodes.as_ref().unwrap();
    nodes.iter().map(NodeName::to_string).collect()
}

#[test]
fn advertisements_are_for_vips_of_their_pools_and_services() {
    let mut routing = routing(vec![
        advertisement("every"),
        BgpAdvertisement { pools: vec!["lan".into()], ..advertisement("named") },
        BgpAdvertisement { pools: vec!["wan".into()], ..advertisement("other") },
        BgpAdvertisement { pool_selectors: vec![selector("site", "one")], ..advertisement("selected") },
        BgpAdvertisement { service_selectors: vec![selector("app", "web")], ..advertisement("web") },
        BgpAdvertisement { service_selectors: vec![selector("app", "db")], ..advertisement("db") },
    ]);
    assert_eq!(routing.upsert_vip(vip("192.0.2.1")), [ip("192.0.2.1")]);
    assert_eq!(names(&routing, "192.0.2.1"), ["every", "named", "selected", "web"]);
    let relabelled = BTreeMap::from([("lan".into(), labels(&[("site", "two")]))]);
    assert_eq!(routing.set_pools(relabelled), [ip("192.0.2.1")]);
    assert_eq!(names(&routing, "192.0.2.1"), ["every", "named", "web"]);
    assert_eq!(routing.set_advertisements(vec![advertisement("every")]), [ip("192.0.2.1")]);
    assert_eq!(routing.set_advertisements(vec![advertisement("every")]), NONE);
    assert_eq!(routing.remove_vip(ip("192.0.2.1")), [ip("192.0.2.1")]);
    assert!(routing.decision(ip("192.0.2.1")).is_empty());
}

#[test]
fn a_pool_that_goes_releases_nothing_and_advertisements_by_its_labels_stay() {
    let by_label = |name: &str, site: &str| BgpAdvertisement {
        pool_selectors: vec![selector("site", site)],
        ..advertisement(name)
    };
    let advertisements = || vec![by_label("one", "one"), by_label("two", "two")];
    let mut before = routing(advertisements());
    before.upsert_vip(vip("192.0.2.1"));
    assert_eq!(before.set_pools(BTreeMap::new()), NONE, "its pool is deleted");
    assert_eq!(names(&before, "192.0.2.1"), ["one"]);

    // A controller that starts now never saw the pool.
    let mut after = Routing::new();
    after.recall(ip("192.0.2.1"), before.decision(ip("192.0.2.1")).to_vec());
    after.set_advertisements(advertisements());
    after.upsert_vip(vip("192.0.2.1"));
    after.settle();
    for mut routing in [before, after] {
        assert_eq!(names(&routing, "192.0.2.1"), ["one"]);
        routing.remove_vip(ip("192.0.2.1"));
        assert_eq!(routing.upsert_vip(vip("192.0.2.1")), [ip("192.0.2.1")], "it was away for a moment");
        assert_eq!(names(&routing, "192.0.2.1"), ["one"]);
        routing.upsert_vip(vip("192.0.2.2"));
        assert!(names(&routing, "192.0.2.2").is_empty(), "it never was told of");

        routing.set_advertisements(vec![by_label("two", "two")]);
        assert!(names(&routing, "192.0.2.1").is_empty());
        routing.set_advertisements(advertisements());
        assert_eq!(names(&routing, "192.0.2.1"), ["one"]);
        routing.set_pools(BTreeMap::from([("lan".into(), labels(&[("site", "two")]))]));
        assert_eq!(names(&routing, "192.0.2.1"), ["two"], "what a pool is that is there, counts");
    }
}

#[test]
fn nodes_change_nothing_where_none_is_limited() {
    let mut routing = routing(vec![advertisement("all")]);
    routing.upsert_vip(vip("192.0.2.1"));
    let mut dead = node("n1");
    dead.ready = false;
    assert_eq!(routing.upsert_node(dead), NONE);
    assert_eq!(routing.upsert_node(node("n7")), NONE);
    assert_eq!(routing.remove_node(&"n2".into()), NONE);
    assert_eq!(routing.set_peers(Vec::new()), NONE);
    let by = RoutedBy { advertisement: "all".into(), nodes: None };
    assert_eq!(routing.decision(ip("192.0.2.1")), [by]);
}

#[test]
fn few_nodes_are_chosen_and_kept() {
    let mut routing = routing(vec![limited("two", 2)]);
    for last in 1..=60 {
        routing.upsert_vip(vip(&format!("192.0.2.{last}")));
    }
    let before: Vec<Vec<String>> = (1..=60).map(|last| nodes(&routing, &format!("192.0.2.{last}"))).collect();
    let mut load = BTreeMap::<&String, usize>::new();
    for node in before.iter().flatten() {
        *load.entry(node).or_default() += 1;
    }
    assert!(before.iter().all(|nodes| nodes.len() == 2), "{before:?}");
    assert!(load.len() == 6 && load.values().all(|count| *count >= 8), "each node has a share: {load:?}");

    let mut dead = node("n1");
    dead.ready = false;
    let moved = routing.upsert_node(dead.clone());
    let of_the_dead = before.iter().filter(|nodes| nodes.contains(&"n1".to_owned())).count();
    assert_eq!(moved.len(), of_the_dead, "VIPs of other nodes stay");
    for (last, before) in (1..=60).zip(&before) {
        let after = nodes(&routing, &format!("192.0.2.{last}"));
        assert!(after.len() == 2 && !after.contains(&"n1".to_owned()));
        assert!(before.iter().all(|node| node == "n1" || after.contains(node)), "{before:?} {after:?}");
    }
    dead.ready = true;
    assert_eq!(routing.upsert_node(dead), NONE, "nothing returns");
    assert_eq!(routing.upsert_node(node("n7")), NONE, "nor goes to a new node");
}

#[test]
fn leaving_excluded_unselected_and_peerless_nodes_are_left() {
    let mut routing = routing(vec![limited("one", 1)]);
    routing.upsert_vip(vip("192.0.2.1"));
    let chosen = |routing: &Routing| nodes(routing, "192.0.2.1").remove(0);
    let first = chosen(&routing);
    let mut leaving = node(&first);
    leaving.leaving = Some("cordoned".into());
    assert_eq!(routing.upsert_node(leaving).len(), 1);
    let second = chosen(&routing);
    let mut excluded = node(&second);
    excluded.excluded = true;
    assert_eq!(routing.upsert_node(excluded).len(), 1);
    let third = chosen(&routing);
    let elsewhere = BgpPeer { node_selectors: vec![selector("name", &first)], ..peer("tor") };
    assert_eq!(routing.set_peers(vec![elsewhere]).len(), 1);
    assert_eq!(chosen(&routing), first, "who leaves is better than nobody");
    assert!(first != second && second != third && first != third);
    assert_eq!(routing.set_peers(Vec::new()).len(), 1);
    assert!(routing.decision(ip("192.0.2.1")).is_empty(), "nobody may tell anybody");
}

#[test]
fn under_local_nodes_with_an_endpoint_are_chosen() {
    let mut routing = routing(vec![limited("two", 2)]);
    let mut local = vip("192.0.2.1");
    local.traffic_policy = TrafficPolicy::Local;
    routing.set_endpoints(endpoints("192.0.2.1", &["n3"]));
    routing.upsert_vip(local);
    assert_eq!(nodes(&routing, "192.0.2.1"), ["n3"]);
    assert_eq!(routing.set_endpoints(endpoints("192.0.2.1", &["n3", "n4", "n5"])).len(), 1);
    let both = nodes(&routing, "192.0.2.1");
    assert!(both.len() == 2 && both.contains(&"n3".to_owned()));
    assert_eq!(routing.set_endpoints(endpoints("192.0.2.1", &[])), NONE, "without any it stays where it is");
}

#[test]
fn a_restart_changes_nothing() {
    let mut before = routing(vec![limited("one", 1)]);
    before.upsert_vip(vip("192.0.2.1"));
    let mut dead = node(&nodes(&before, "192.0.2.1")[0]);
    dead.ready = false;
    before.upsert_node(dead);
    let kept = before.decision(ip("192.0.2.1")).to_vec();

    let mut after = Routing::new();
    after.recall(ip("192.0.2.1"), kept.clone());
    after.set_advertisements(vec![limited("one", 1)]);
    after.set_peers(vec![peer("tor")]);
    (1..=6).for_each(|number| drop(after.upsert_node(node(&format!("n{number}")))));
    after.upsert_vip(vip("192.0.2.1"));
    assert!(after.decision(ip("192.0.2.1")).is_empty(), "nothing is decided before the start");
    assert_eq!(after.settle(), [ip("192.0.2.1")]);
    assert_eq!(after.decision(ip("192.0.2.1")), kept);
}

#[test]
fn a_vip_that_is_heard_of_after_the_start_keeps_its_nodes_and_is_told() {
    let mut routing = routing(vec![limited("one", 1)]);
    let kept = RoutedBy { advertisement: "one".into(), nodes: Some(vec!["n6".into()]) };
    routing.recall(ip("192.0.2.9"), vec![kept.clone()]);
    assert_eq!(routing.upsert_vip(vip("192.0.2.9")), [ip("192.0.2.9")]);
    assert_eq!(routing.decision(ip("192.0.2.9")), [kept]);
}

#[test]
fn pairs_are_of_selected_nodes_and_named_peers() {
    let mut routing = routing(vec![BgpAdvertisement {
        peers: vec!["tor".into(), "gone".into()],
        node_selectors: vec![selector("name", "n1"), selector("name", "n2"), selector("name", "n3")],
        ..advertisement("some")
    }]);
    let one_node = BgpPeer { node_selectors: vec![selector("name", "n1")], ..peer("other") };
    let two_nodes =
        BgpPeer { node_selectors: vec![selector("name", "n2"), selector("name", "n3")], ..peer("tor") };
    routing.set_peers(vec![one_node, two_nodes]);
    let mut excluded = node("n3");
    excluded.excluded = true;
    routing.upsert_node(excluded);
    let by = |nodes| RoutedBy { advertisement: "some".into(), nodes };
    let pairs =
        |by| routing.pairs(&by).into_iter().map(|(node, peer)| format!("{node} {peer}")).collect::<Vec<_>>();
    assert_eq!(pairs(by(None)), ["n2 tor"]);
    assert_eq!(pairs(by(Some(vec!["n1".into()]))), Vec::<String>::new());
}

#[test]
fn combinations_are_those_of_pools_and_of_vips() {
    let mut routing = routing(vec![
        advertisement("a"),
        BgpAdvertisement { pools: vec!["lan".into()], ..advertisement("b") },
        BgpAdvertisement { service_selectors: vec![selector("app", "web")], ..advertisement("web") },
    ]);
    let pair = vec!["a".to_owned(), "b".to_owned()];
    assert_eq!(routing.combinations(), [pair.clone()].into());
    routing.upsert_vip(vip("192.0.2.1"));
    assert_eq!(routing.combinations(), [pair, vec!["a".into(), "b".into(), "web".into()]].into());
}
