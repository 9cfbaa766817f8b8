//! Placement as the controller uses it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;

use ferrolb_model::{L2Advertisement, Node, NodeName, PreferredNodes, Selector, TrafficPolicy, Vip};
use ferrolb_placement::{Change, Decision, NotAnnounced, Placement, Placer};

use common::{endpoints, ip, labels, node, on, placement, vip};

fn selector(pairs: &[(&str, &str)]) -> Selector {
    Selector { match_labels: labels(pairs), match_expressions: Vec::new() }
}

fn local(address: &str) -> Vip {
    Vip { traffic_policy: TrafficPolicy::Local, ..vip(address) }
}

fn everything() -> L2Advertisement {
    L2Advertisement { name: "all".into(), ..Default::default() }
}

/// A started placer with these nodes and one advertisement for everything.
fn started(nodes: impl IntoIterator<Item = Node>) -> Placer {
    let mut placer = Placer::new();
    placer.set_advertisements(vec![everything()]);
    for node in nodes {
        placer.upsert_node(node);
    }
    placer.settle();
    placer
}

fn order(placer: &Placer, address: &str) -> Vec<String> {
    placement(placer, address).nodes.iter().map(NodeName::to_string).collect()
}

fn refusal(placer: &Placer, address: &str) -> NotAnnounced {
    match placer.decision(ip(address)) {
        Some(Decision::NotAnnounced(reason)) => reason.clone(),
        other => panic!("{address} is announced: {other:?}"),
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort();
    names
}

#[test]
fn first_places_are_balanced_and_backups_scatter() {
    let mut placer = started((0..7).map(|n| node(&format!("n{n}"))));
    let (mut firsts, mut backups) = (BTreeMap::new(), BTreeMap::new());
    for n in 0..70 {
        let address = format!("192.0.2.{n}");
        placer.upsert_vip(vip(&address));
        let order = order(&placer, &address);
        assert_eq!(order.len(), 5);
        *firsts.entry(order[0].clone()).or_insert(0) += 1;
        if order[0] == "n0" {
            *backups.entry(order[1].clone()).or_insert(0) += 1;
        }
    }
    assert!(firsts.values().all(|count| *count == 10), "{firsts:?}");
    assert!(backups.len() >= 3, "the VIPs of a node that dies go to several: {backups:?}");
}

#[test]
fn an_order_loses_those_who_leave_and_gains_at_the_end() {
    let mut placer = started((0..6).map(|n| node(&format!("n{n}"))));
    placer.upsert_vip(vip("192.0.2.1"));
    let before = order(&placer, "192.0.2.1");
    assert_eq!(placement(&placer, "192.0.2.1").revision, 1);

    let gone = before[0].as_str();
    placer.upsert_node(Node { excluded: true, ..node(gone) });
    let after = order(&placer, "192.0.2.1");
    assert_eq!(after[..4], before[1..]);
    assert_eq!(after.len(), 5, "the sixth node fills the place");
    assert_eq!(placement(&placer, "192.0.2.1").revision, 2);

    assert_eq!(placer.upsert_node(node(gone)), [], "it returns, and the order is full");
    placer.remove_node(&after[4].as_str().into());
    assert_eq!(order(&placer, "192.0.2.1"), [&after[..4], &[gone.to_owned()]].concat());
}

#[test]
fn health_moves_nothing_but_counts_at_first() {
    let mut placer = started([node("a"), node("b")]);
    placer.upsert_vip(vip("192.0.2.1"));
    let before = order(&placer, "192.0.2.1");
    let first = before[0].clone();
    assert_eq!(placer.upsert_node(Node { ready: false, ..node(&first) }), []);
    for n in 2..6 {
        placer.upsert_vip(vip(&format!("192.0.2.{n}")));
        assert_eq!(order(&placer, &format!("192.0.2.{n}"))[0], before[1], "new ones go to the healthy node");
    }
    placer.upsert_node(Node { ready: false, ..node("b") });
    placer.upsert_node(Node { leaving: Some("cordoned".into()), ..node("a") });
    assert_eq!(order(&placer, "192.0.2.1"), before);
}

#[test]
fn nodes_outside_the_subnet_are_out_once_others_report() {
    let mut placer = started([node("a"), node("b"), node("c")]);
    placer.upsert_vip(vip("192.0.2.1"));
    assert_eq!(order(&placer, "192.0.2.1").len(), 3, "nobody has reported: all pass");

    placer.upsert_node(on("a", &[("eth0", "198.51.100.7/24")]));
    assert_eq!(order(&placer, "192.0.2.1").len(), 3, "nobody is known to be inside: it may be routed");
    assert!(!placement(&placer, "192.0.2.1").on_link);
    placer.upsert_node(on("b", &[("eth0", "198.51.100.8/24"), ("eth1", "192.0.2.200/24")]));
    assert_eq!(sorted(order(&placer, "192.0.2.1")), ["b", "c"]);
    assert!(placement(&placer, "192.0.2.1").on_link, "c has to look for itself");
    placer.upsert_node(on("c", &[("eth1", "192.0.2.201/24")]));
    assert_eq!(sorted(order(&placer, "192.0.2.1")), ["b", "c"]);

    placer.upsert_vip(vip("203.0.113.1"));
    assert_eq!(order(&placer, "203.0.113.1").len(), 3, "a routed VIP may be anywhere");
    assert!(!placement(&placer, "203.0.113.1").on_link);
    placer.upsert_vip(vip("2001:db8::1"));
    assert_eq!(order(&placer, "2001:db8::1").len(), 3);
}

#[test]
fn interfaces_of_advertisements_narrow_nodes_and_subnets() {
    let mut placer = started([
        on("a", &[("eth0", "192.0.2.200/24")]),
        on("b", &[("bond0", "192.0.2.201/24")]),
        on("c", &[("eth1", "198.51.100.1/24")]),
    ]);
    placer.set_advertisements(vec![L2Advertisement { interfaces: vec!["bond*".into()], ..everything() }]);
    placer.upsert_vip(vip("192.0.2.1"));
    assert_eq!(order(&placer, "192.0.2.1"), ["b"]);
    assert_eq!(placement(&placer, "192.0.2.1").interfaces, ["bond*"]);

    placer.set_advertisements(vec![L2Advertisement { interfaces: vec!["wlan0".into()], ..everything() }]);
    let reason = refusal(&placer, "192.0.2.1");
    assert_eq!(reason, NotAnnounced::NoEligibleNode { excluded: 0, unselected: 0, without_interface: 3 });
    assert!(reason.to_string().contains("3 without an interface"), "{reason}");
}

#[test]
fn local_wants_ready_endpoints_unless_there_are_none() {
    let mut placer = started([node("a"), node("b"), node("c")]);
    placer.upsert_vip(local("192.0.2.1"));
    assert_eq!(order(&placer, "192.0.2.1").len(), 3, "no endpoint anywhere: it is answered and refused");
    placer.set_endpoints(endpoints("192.0.2.1", &["b"]));
    assert_eq!(order(&placer, "192.0.2.1"), ["b"]);
    placer.set_endpoints(endpoints("192.0.2.1", &["a", "b"]));
    assert_eq!(order(&placer, "192.0.2.1"), ["b", "a"]);
    placer.set_endpoints(endpoints("192.0.2.1", &[]));
    assert_eq!(order(&placer, "192.0.2.1"), ["b", "a", "c"]);

    placer.upsert_vip(vip("192.0.2.2"));
    assert_eq!(
        placer.set_endpoints(endpoints("192.0.2.2", &["c"])),
        [],
        "Cluster does not care where endpoints are"
    );
}

#[test]
fn a_vip_is_announced_by_the_advertisements_of_its_pool_and_services() {
    let mut placer = started([node("a"), node("b")]);
    placer.set_pools(BTreeMap::from([("lan".into(), labels(&[("tier", "front")]))]));
    placer.upsert_vip(vip("192.0.2.1"));
    let announced_by = |placer: &mut Placer, advertisement: L2Advertisement| {
        placer.set_advertisements(vec![L2Advertisement { name: "one".into(), ..advertisement }]);
        matches!(placer.decision(ip("192.0.2.1")), Some(Decision::Announced(_)))
    };
    let of = |change: fn(&mut L2Advertisement)| {
        let mut advertisement = L2Advertisement::default();
        change(&mut advertisement);
        advertisement
    };

    assert!(announced_by(&mut placer, of(|_| {})));
    assert!(announced_by(&mut placer, of(|one| one.pools = vec!["lan".into()])));
    assert!(!announced_by(&mut placer, of(|one| one.pools = vec!["dmz".into()])));
    assert!(announced_by(&mut placer, of(|one| one.pool_selectors = vec![selector(&[("tier", "front")])])));
    assert!(!announced_by(&mut placer, of(|one| one.pool_selectors = vec![selector(&[("tier", "back")])])));
    assert!(announced_by(&mut placer, of(|one| one.service_selectors = vec![selector(&[("app", "web")])])));
    assert!(!announced_by(&mut placer, of(|one| one.service_selectors = vec![selector(&[("app", "db")])])));
    assert!(announced_by(&mut placer, of(|one| one.node_selectors = vec![selector(&[("name", "b")])])));
    assert_eq!(order(&placer, "192.0.2.1"), ["b"]);
    assert!(!announced_by(&mut placer, of(|one| one.node_selectors = vec![selector(&[("name", "z")])])));
    assert_eq!(
        refusal(&placer, "192.0.2.1"),
        NotAnnounced::NoEligibleNode { excluded: 0, unselected: 2, without_interface: 0 }
    );

    placer.set_advertisements(Vec::new());
    assert!(matches!(refusal(&placer, "192.0.2.1"), NotAnnounced::NoAdvertisement { .. }));
    placer.set_advertisements(vec![of(|one| one.pool_selectors = vec![selector(&[("tier", "back")])])]);
    placer.set_pools(BTreeMap::from([("lan".into(), labels(&[("tier", "back")]))]));
    assert_eq!(placement(&placer, "192.0.2.1").nodes[0], "b".into(), "the order of before is taken up again");
}

/// Advertisements that select pools by this label.
fn of_tier(name: &str, tier: &str) -> L2Advertisement {
    L2Advertisement {
        name: name.into(),
        pool_selectors: vec![selector(&[("tier", tier)])],
        ..L2Advertisement::default()
    }
}

#[test]
fn a_pool_that_goes_releases_nothing_and_advertisements_by_its_labels_stay() {
    let lan = |tier: &str| BTreeMap::from([("lan".into(), labels(&[("tier", tier)]))]);
    let advertisements =
        || vec![of_tier("back", "back"), of_tier("front", "front"), of_tier("both", "front")];
    let mut placer = Placer::new();
    placer.set_advertisements(advertisements());
    ["a", "b"].iter().for_each(|name| drop(placer.upsert_node(node(name))));
    placer.set_pools(lan("front"));
    placer.settle();
    placer.upsert_vip(vip("192.0.2.1"));
    let by = ["both", "front"];
    assert_eq!(placer.by_pool_labels(ip("192.0.2.1")), by);
    let published = placement(&placer, "192.0.2.1");

    assert_eq!(placer.set_pools(BTreeMap::new()), [], "its pool is deleted");
    assert_eq!(placement(&placer, "192.0.2.1"), published);
    let joins = placer.upsert_node(node("c"));
    assert_eq!(joins.len(), 1, "they go on for it as they did, and nodes come and go");
    let published = placement(&placer, "192.0.2.1");

    // A controller that starts now never saw the pool.
    let mut restarted = Placer::new();
    restarted.set_advertisements(advertisements());
    ["a", "b", "c"].iter().for_each(|name| drop(restarted.upsert_node(node(name))));
    let Placement { nodes, revision, .. } = published.clone();
    restarted.recall(ip("192.0.2.1"), nodes, None, revision, by.map(str::to_owned).into());
    restarted.upsert_vip(vip("192.0.2.1"));
    restarted.settle();

    for mut placer in [placer, restarted] {
        assert_eq!(placement(&placer, "192.0.2.1"), published);
        placer.remove_vip(ip("192.0.2.1"));
        placer.upsert_vip(vip("192.0.2.1"));
        assert_eq!(placement(&placer, "192.0.2.1").nodes, published.nodes, "it was away for a moment");
        placer.upsert_vip(vip("192.0.2.2"));
        assert!(
            matches!(refusal(&placer, "192.0.2.2"), NotAnnounced::NoAdvertisement { .. }),
            "it never was"
        );

        let without = L2Advertisement { pools: vec!["dmz".into()], ..of_tier("front", "front") };
        let without = L2Advertisement { pool_selectors: Vec::new(), ..without };
        placer.set_advertisements(vec![without, of_tier("both", "front")]);
        assert_eq!(placement(&placer, "192.0.2.1").nodes, published.nodes);
        placer.set_advertisements(vec![of_tier("back", "back")]);
        assert!(matches!(refusal(&placer, "192.0.2.1"), NotAnnounced::NoAdvertisement { .. }));
        placer.set_advertisements(advertisements());
        assert_eq!(placement(&placer, "192.0.2.1").nodes, published.nodes);

        placer.set_pools(lan("none"));
        assert!(
            matches!(refusal(&placer, "192.0.2.1"), NotAnnounced::NoAdvertisement { .. }),
            "a user's wish"
        );
        placer.set_pools(lan("back"));
        assert_eq!(placer.by_pool_labels(ip("192.0.2.1")), ["back"]);
        assert_eq!(placement(&placer, "192.0.2.1").nodes, published.nodes);
    }
}

#[test]
fn who_is_for_it_by_labels_is_told_though_the_order_is_the_same() {
    let mut placer = started([node("a")]);
    placer.set_pools(BTreeMap::from([("lan".into(), labels(&[("tier", "front")]))]));
    placer.upsert_vip(vip("192.0.2.1"));
    assert!(placer.by_pool_labels(ip("192.0.2.1")).is_empty(), "the one for all pools needs no label");
    let told = placer.set_advertisements(vec![everything(), of_tier("front", "front")]);
    assert_eq!(told.len(), 1, "it has to be published");
    assert_eq!(placer.by_pool_labels(ip("192.0.2.1")), ["front"]);
}

#[test]
fn preferred_nodes_come_first_when_placed_and_move_nothing_later() {
    let prefers = |name: &str| L2Advertisement {
        preferred_nodes: vec![PreferredNodes { weight: 10, selector: selector(&[("name", name)]) }],
        ..everything()
    };
    let mut placer = started([node("a"), node("b"), node("c")]);
    placer.set_advertisements(vec![prefers("b")]);
    for n in 1..4 {
        placer.upsert_vip(vip(&format!("192.0.2.{n}")));
        assert_eq!(order(&placer, &format!("192.0.2.{n}"))[0], "b");
    }
    assert_eq!(placer.set_advertisements(vec![prefers("c")]), []);
}

#[test]
fn a_restart_changes_no_order() {
    let nodes = || (0..7).map(|n| node(&format!("n{n}")));
    let mut before = started(nodes());
    for n in 0..50 {
        before.upsert_vip(vip(&format!("192.0.2.{n}")));
    }
    before.upsert_node(Node { excluded: true, ..node("n3") });
    before.upsert_node(node("n3"));

    let mut after = Placer::new();
    after.set_advertisements(vec![everything()]);
    nodes().for_each(|node| drop(after.upsert_node(node)));
    for n in 0..50 {
        let address = format!("192.0.2.{n}");
        let Placement { nodes, on_link: _, interfaces: _, move_to: _, declined: _, revision } =
            placement(&before, &address);
        after.recall(ip(&address), nodes, None, revision, Vec::new());
        assert_eq!(after.upsert_vip(vip(&address)), [], "nothing is decided before the start");
    }
    assert_eq!(after.settle().len(), 50);
    for n in 0..50 {
        let address = format!("192.0.2.{n}");
        assert_eq!(placement(&after, &address), placement(&before, &address));
    }
    after.upsert_vip(vip("192.0.2.100"));
    before.upsert_vip(vip("192.0.2.100"));
    assert_eq!(order(&after, "192.0.2.100"), order(&before, "192.0.2.100"), "the load is known again");
}

#[test]
fn an_event_reports_only_what_it_changes() {
    let mut placer = started([node("a"), node("b")]);
    let only = |placer: Vec<Change>| placer.into_iter().map(|change| change.address).collect::<Vec<_>>();
    assert_eq!(only(placer.upsert_vip(vip("192.0.2.1"))), [ip("192.0.2.1")]);
    assert_eq!(placer.upsert_vip(vip("192.0.2.1")), []);
    placer.upsert_vip(Vip { pool: Some("dmz".into()), ..vip("192.0.2.2") });
    let dmz = L2Advertisement {
        name: "dmz".into(),
        pools: vec!["dmz".into()],
        interfaces: vec!["eth9".into()],
        ..Default::default()
    };
    assert_eq!(
        placer.set_advertisements(vec![everything(), dmz.clone()]),
        [],
        "one of the two leaves the choice free"
    );
    assert_eq!(only(placer.set_advertisements(vec![dmz])), [ip("192.0.2.1"), ip("192.0.2.2")]);
    assert_eq!(placer.remove_vip(ip("192.0.2.2")), [Change { address: ip("192.0.2.2"), decision: None }]);
    assert_eq!(placer.remove_vip(ip("192.0.2.2")), []);
}

#[test]
fn no_node_at_all_is_said_so() {
    let mut placer = started([]);
    placer.upsert_vip(vip("192.0.2.1"));
    assert_eq!(refusal(&placer, "192.0.2.1").to_string(), "there is no node; add one");
    placer.upsert_node(Node { excluded: true, ..node("a") });
    assert!(refusal(&placer, "192.0.2.1").to_string().starts_with("no node may announce: 1 labelled"));
}
