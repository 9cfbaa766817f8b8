//! In which order addresses go out, and who gets one that is given back.

use ferrolb_ipam::{Allocator, Outcome, Refusal};
use ferrolb_model::Service;

use crate::world::{World, asking, id, ip, ours, pool, service};

#[test]
fn addresses_go_out_in_order_and_a_freed_one_comes_last() {
    let mut world = World::new(vec![pool("a", &["192.0.2.8-192.0.2.9", "192.0.2.1"])]);
    world.put(service("one"));
    world.put(service("two"));
    assert_eq!(
        (world.addresses("one"), world.addresses("two")),
        (vec!["192.0.2.8".into()], vec!["192.0.2.9".into()])
    );
    world.remove("one");
    world.put(service("three"));
    assert_eq!(world.addresses("three"), ["192.0.2.1"], "192.0.2.8 was free for the shorter time");
    world.put(service("four"));
    assert_eq!(world.addresses("four"), ["192.0.2.8"]);
}

#[test]
fn after_a_restart_the_search_goes_on_behind_the_last_address_given() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/29"])]);
    for name in ["one", "two", "three"] {
        world.put(service(name));
    }
    world.remove("two");
    let mut restarted = world.restarted();
    restarted.settle();
    restarted.upsert_service(service("four"));
    assert_eq!(restarted.outcome(&id("four")).unwrap().addresses()[0].address, ip("192.0.2.3"));
}

#[test]
fn who_returns_gets_its_old_address_while_it_is_free() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/29"])]);
    world.put(service("one"));
    world.put(service("two"));
    world.remove("one");
    world.put(service("three"));
    world.put(service("one"));
    assert_eq!(world.addresses("one"), ["192.0.2.0"]);
    world.remove("one");
    world.put(asking("thief", &["192.0.2.0"]));
    world.put(service("one"));
    assert_eq!(world.addresses("one"), ["192.0.2.3"]);
}

#[test]
fn a_freed_address_goes_at_once_to_the_oldest_who_waits() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1"])]);
    world.put(service("holder"));
    world.put(Service { created: 20, ..service("younger") });
    world.put(Service { created: 10, ..service("older") });
    assert_eq!(world.reason("older"), "PoolExhausted");
    world.remove("holder");
    assert_eq!(world.addresses("older"), ["192.0.2.1"]);
    assert_eq!(world.reason("younger"), "PoolExhausted");
    world.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.2"])]);
    assert_eq!(world.addresses("younger"), ["192.0.2.2"]);
}

#[test]
fn who_asked_for_the_address_by_name_goes_before_who_takes_any() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1"])]);
    world.put(service("holder"));
    world.put(service("any"));
    world.put(Service { created: 99, ..asking("named", &["192.0.2.1"]) });
    world.remove("holder");
    assert_eq!(world.addresses("named"), ["192.0.2.1"]);
    assert_eq!(world.reason("any"), "PoolExhausted");
}

#[test]
fn an_address_stays_in_use_while_a_status_names_it() {
    let mut allocator = Allocator::new();
    allocator.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.2"])]);
    allocator.settle();
    allocator.upsert_service(service("one"));
    let written = ours(service("one"), 1, &[("192.0.2.1", Some("a"))]);
    allocator.upsert_service(written.clone());
    // It moves, but the status does not say so yet.
    allocator.upsert_service(Service { request: asking("one", &["192.0.2.2"]).request, ..written });
    allocator.upsert_service(service("two"));
    assert!(matches!(allocator.outcome(&id("two")), Some(Outcome::Refused(Refusal::PoolExhausted { .. }))));
    let moved = ours(asking("one", &["192.0.2.2"]), 2, &[("192.0.2.2", Some("a"))]);
    let changes = allocator.upsert_service(moved);
    assert_eq!(changes.len(), 1);
    assert_eq!(allocator.outcome(&id("two")).unwrap().addresses()[0].address, ip("192.0.2.1"));
}
