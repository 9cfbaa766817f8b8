//! VIPs that move because somebody asks for it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod common;

use std::{collections::BTreeSet, net::IpAddr};

use common::{endpoints, ip, node, on, placement, vip};
use ferrolb_model::{L2Advertisement, Node, NodeName, TrafficPolicy, Vip};
use ferrolb_placement::{Declined, Obstacle, Placement, Placer};

/// A placer for which every node is the same.
fn started(nodes: &[&str]) -> Placer {
    let mut placer = Placer::new();
    placer.set_advertisements(vec![L2Advertisement { name: "all".into(), ..L2Advertisement::default() }]);
    for name in nodes {
        placer.upsert_node(node(name));
    }
    placer.settle();
    placer
}

fn asking(address: &str, node: &str) -> Vip {
    Vip { move_to: Some(node.into()), ..vip(address) }
}

fn is_moved_to(placement: &Placement, node: &str) -> bool {
    let first = placement.nodes.first();
    placement.move_to.as_ref() == first && first.is_some_and(|first| first.as_str() == node)
}

#[test]
fn the_node_that_is_asked_for_comes_first_and_is_moved_to_for_as_long_as_it_is_asked_for() {
    let mut placer = started(&["a", "b", "c"]);
    placer.upsert_vip(vip("192.0.2.1"));
    let before = placement(&placer, "192.0.2.1");
    let last = before.nodes[2].clone();
    assert_eq!(placer.upsert_vip(asking("192.0.2.1", last.as_str())).len(), 1);
    let moved = placement(&placer, "192.0.2.1");
    assert!(is_moved_to(&moved, last.as_str()), "{moved:?}");
    assert_eq!(moved.nodes[1..], before.nodes[..2], "the others keep their order");
    assert_eq!(moved.revision, before.revision + 1);

    placer.upsert_node(Node { ready: false, ..node(last.as_str()) });
    assert!(is_moved_to(&placement(&placer, "192.0.2.1"), last.as_str()), "whether it lives, speakers know");

    placer.upsert_vip(vip("192.0.2.1"));
    let after = placement(&placer, "192.0.2.1");
    assert_eq!((&after.move_to, &after.nodes), (&None, &moved.nodes), "nothing moves back");
}

#[test]
fn a_node_that_is_asked_for_in_vain_is_told_of_and_nothing_else_changes() {
    let mut placer = Placer::new();
    placer.set_advertisements(vec![L2Advertisement {
        name: "all".into(),
        interfaces: vec!["eth0".into()],
        ..L2Advertisement::default()
    }]);
    placer.upsert_node(on("a", &[("eth0", "192.0.2.11/24")]));
    placer.upsert_node(on("b", &[("wlan0", "192.0.2.12/24")]));
    placer.upsert_node(Node { excluded: true, ..on("c", &[("eth0", "192.0.2.13/24")]) });
    placer.settle();
    let told = [
        ("a", None),
        ("b", Some(Obstacle::WithoutInterface)),
        ("c", Some(Obstacle::Excluded)),
        ("d", Some(Obstacle::NoSuchNode)),
    ];
    for (name, why) in told {
        placer.upsert_vip(asking("192.0.2.1", name));
        let placed = placement(&placer, "192.0.2.1");
        assert_eq!(placed.nodes, ["a".into()]);
        assert_eq!(placed.declined, why.map(|why| Declined { node: name.into(), why }));
        assert_eq!(placed.move_to.is_some(), why.is_none(), "{name}");
    }
    placer.upsert_node(on("d", &[("eth0", "192.0.2.14/24")]));
    assert!(is_moved_to(&placement(&placer, "192.0.2.1"), "d"), "once it is there");
}

#[test]
fn under_local_a_node_without_an_endpoint_is_asked_for_in_vain() {
    let mut placer = started(&["a", "b"]);
    placer.set_endpoints(endpoints("192.0.2.1", &["a"]));
    placer.upsert_vip(Vip { traffic_policy: TrafficPolicy::Local, ..asking("192.0.2.1", "b") });
    let why = |placer: &Placer| placement(placer, "192.0.2.1").declined.map(|declined| declined.why);
    assert_eq!(why(&placer), Some(Obstacle::NoEndpoint));
    placer.set_endpoints(endpoints("192.0.2.1", &["a", "b"]));
    assert_eq!(why(&placer), None);
    assert!(is_moved_to(&placement(&placer, "192.0.2.1"), "b"));
}

/// What a controller keeps of it over a restart is in the slices.
#[test]
fn a_rebalance_is_asked_for_once_and_ends_where_a_vip_arrives() {
    let all = BTreeSet::from(["all".to_owned()]);
    let mut placer = started(&["a", "b", "c"]);
    for last in 1..=6 {
        placer.upsert_vip(vip(&format!("192.0.2.{last}")));
    }
    // All are with one node, whatever was planned.
    let owner = |_: IpAddr| Some(NodeName::from("a"));
    let foretold = placer.moves(&all, owner);
    assert_eq!(foretold.len(), 4, "{foretold:?}");
    placer.rebalance(&all, owner);
    let moving: Vec<_> = placer.moving().map(|(address, to)| (address, to.clone())).collect();
    assert_eq!(moving, foretold.iter().map(|one| (one.address, one.to.clone())).collect::<Vec<_>>());
    assert_eq!(placer.rebalance(&all, owner), [], "what is under way counts as there");

    let mut restarted = Placer::new();
    restarted.set_advertisements(vec![L2Advertisement { name: "all".into(), ..L2Advertisement::default() }]);
    for name in ["a", "b", "c"] {
        restarted.upsert_node(node(name));
    }
    for last in 1..=6 {
        let address = format!("192.0.2.{last}");
        let Placement { nodes, on_link: _, interfaces: _, move_to, declined: _, revision } =
            placement(&placer, &address);
        restarted.recall(ip(&address), nodes, move_to, revision, Vec::new());
        restarted.upsert_vip(vip(&address));
    }
    restarted.settle();
    assert_eq!(restarted.rebalance(&all, owner), [], "nor after a restart");

    let (address, to) = moving[0].clone();
    assert_eq!(restarted.arrived(address).len(), 1);
    let there = placement(&restarted, &address.to_string());
    assert_eq!((there.nodes.first(), there.move_to), (Some(&to), None));
    let (address, to) = moving[1].clone();
    restarted.upsert_node(Node { leaving: Some("cordoned".into()), ..node(to.as_str()) });
    assert_eq!(placement(&restarted, &address.to_string()).move_to, None, "not to a node that leaves");
    restarted.upsert_node(node(to.as_str()));
    assert_eq!(placement(&restarted, &address.to_string()).move_to, None, "nor once it stays again");
}
