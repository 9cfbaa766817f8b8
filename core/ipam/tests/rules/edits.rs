//! Pools that are edited, deleted, renamed under the Services that hold their addresses.

use std::collections::BTreeSet;

use ferrolb_ipam::{Allocator, Outcome};
use ferrolb_model::Family;

use crate::world::{World, id, ip, ours, pool, range, service};

#[test]
fn deleting_pools_moves_nobody_and_an_edit_moves_once() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24"])]);
    world.put(service("one"));
    world.put(service("two"));
    world.set_pools(Vec::new());
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.0".into()], "PoolMissing"));
    let mut restarted = world.restarted();
    restarted.settle();
    assert_eq!(restarted.outcome(&id("one")), Some(world.outcome("one")));

    world.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.9"])]);
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.2".into()], "Assigned"));
    assert_eq!(world.addresses("two"), ["192.0.2.1"]);
    let mut narrower = pool("a", &["192.0.2.1-192.0.2.9"]);
    narrower.exclude = vec![range("192.0.2.2")];
    world.set_pools(vec![narrower]);
    assert_eq!(world.addresses("one"), ["192.0.2.3"]);
    world.set_pools(vec![pool("renamed", &["192.0.2.0/24"])]);
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.3".into()], "Assigned"));
    assert_eq!(world.outcome("one").addresses()[0].pool, Some("renamed".into()));
}

#[test]
fn an_edit_that_leaves_nothing_clears_and_says_why() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1"])]);
    world.put(service("one"));
    world.set_pools(vec![pool("a", &["198.51.100.1"])]);
    assert_eq!(world.addresses("one"), ["198.51.100.1"]);
    world.set_pools(vec![pool("a", &["2001:db8::1"])]);
    assert_eq!((world.addresses("one").len(), world.reason("one")), (0, "NoPoolMatches"));
}

#[test]
fn an_edit_made_while_away_counts_as_an_edit() {
    let mut allocator = Allocator::new();
    allocator.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.9"])]);
    allocator.replay(vec![
        ours(service("edited"), 1, &[("192.0.2.200", Some("a"))]),
        ours(service("deleted"), 1, &[("198.51.100.1", Some("b"))]),
        ours(service("unknown"), 1, &[("203.0.113.1", None)]),
    ]);
    allocator.settle();
    assert_eq!(allocator.outcome(&id("edited")).unwrap().addresses()[0].address, ip("192.0.2.1"));
    assert!(matches!(allocator.outcome(&id("deleted")), Some(Outcome::Kept { .. })));
    assert!(matches!(allocator.outcome(&id("unknown")), Some(Outcome::Kept { .. })));
}

#[test]
fn a_nodes_own_address_is_not_handed_out_and_not_taken_away() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.3"])]);
    world.put(service("one"));
    let nodes = |addresses: &[&str]| addresses.iter().map(|text| ip(text)).collect::<BTreeSet<_>>();
    world.allocator.set_node_addresses(nodes(&["192.0.2.1", "192.0.2.2"]));
    world.put(service("two"));
    world.put(service("three"));
    assert_eq!(world.addresses("one"), ["192.0.2.1"]);
    assert_eq!(world.addresses("two"), ["192.0.2.3"]);
    assert_eq!(world.reason("three"), "PoolExhausted");
    let changes = world.allocator.set_node_addresses(nodes(&["192.0.2.1"]));
    world.write(changes);
    assert_eq!(world.addresses("three"), ["192.0.2.2"]);
    world.remove("one");
    assert_eq!(world.allocator.usage(&"a".into(), Family::V4).unwrap().available, 0, "still the node's");
}
