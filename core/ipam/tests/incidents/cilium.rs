//! Cilium's LB-IPAM, where existing addresses changed when the operator restarted or a pool was edited.

use ferrolb_model::{Family, FamilyPolicy, Pool, Service};

use crate::world::{World, dual, from, id, ours, pool, range, service, sharing};

/// What the API server has is what a new controller keeps.
fn restart(world: &mut World) {
    let mut restarted = world.restarted();
    let changes = restarted.settle();
    world.allocator = restarted;
    for change in &changes {
        let written = &world.services[&change.service].ingress;
        let says: Vec<_> = change.outcome.addresses().iter().map(|one| one.address).collect();
        assert_eq!(written.addresses(), says, "the restart has something to write for {}", change.service);
    }
}

/// cilium/cilium#39033: Services had .0, .1 and .4, because others had come and gone; after a reboot the last one had .2.
#[test]
fn a_restart_has_nothing_to_write() {
    let mut excluding = pool("b", &["198.51.100.0/28", "2001:db8::/124"]);
    excluding.exclude = vec![range("198.51.100.0-198.51.100.3")];
    let mut world = World::new(vec![pool("a", &["192.0.2.0/29"]), excluding]);
    for n in 0..6 {
        world.put(service(&format!("s{n}")));
    }
    world.put(dual("both", FamilyPolicy::Require));
    world.put(sharing("k1", "k", 1));
    world.put(sharing("k2", "k", 2));
    world.put(from("named", "b"));
    for n in [2, 3, 5] {
        world.remove(&format!("s{n}"));
    }
    for _ in 0..3 {
        restart(&mut world);
        assert_eq!(world.addresses("s4"), ["192.0.2.4"]);
    }
}

/// cilium/cilium#43131, PR#41147: with a pool that was full and Services that waited, or with new ones created while the
/// operator started, the addresses of those that had one were dealt out anew.
#[test]
fn those_who_wait_or_are_new_at_a_restart_take_from_nobody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/30"])]);
    for n in 0..4 {
        world.put(Service { created: 100 + n, ..service(&format!("held{n}")) });
    }
    for n in 0..3 {
        world.put(Service { created: n, ..service(&format!("a-waits{n}")) });
    }
    for n in 0..3 {
        let new = Service { created: 0, ..service(&format!("0-new{n}")) };
        world.services.insert(new.id.clone(), new);
    }
    restart(&mut world);
    for n in 0..4 {
        assert_eq!(world.addresses(&format!("held{n}")), [format!("192.0.2.{n}")]);
    }
}

/// cilium/cilium#40358: a block that began at .120 was made to begin at .117, and every Service had another address.
#[test]
fn growing_and_reordering_a_pool_moves_nobody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.120-192.0.2.127"])]);
    for n in 0..3 {
        world.put(service(&format!("s{n}")));
    }
    for ranges in [
        &["192.0.2.117-192.0.2.127"][..],
        &["192.0.2.0-192.0.2.130"],
        &["198.51.100.0/28", "192.0.2.0-192.0.2.130"],
        &["192.0.2.122-192.0.2.125", "198.51.100.0/28", "192.0.2.0-192.0.2.121"],
        &["192.0.2.120", "192.0.2.121", "192.0.2.122"],
    ] {
        world.set_pools(vec![pool("a", ranges)]);
        restart(&mut world);
        for n in 0..3 {
            assert_eq!(world.addresses(&format!("s{n}")), [format!("192.0.2.{}", 120 + n)], "{ranges:?}");
        }
    }
}

/// cilium/cilium#40358, PR#41122: while a pool was widened, Services that waited were served before those that had an
/// address, and stole it.
#[test]
fn widening_a_full_pool_serves_who_waits_from_what_is_new() {
    let mut world = World::new(vec![pool("a", &["192.0.2.4-192.0.2.5"])]);
    world.put(Service { created: 9, ..service("held") });
    world.put(Service { created: 9, ..service("held-too") });
    world.put(Service { created: 1, ..service("waits") });
    world.set_pools(vec![pool("a", &["192.0.2.3-192.0.2.5"])]);
    let held: Vec<_> = ["held", "held-too", "waits"].map(|name| world.addresses(name)).concat();
    assert_eq!(held, ["192.0.2.4", "192.0.2.5", "192.0.2.3"]);
}

/// cilium/cilium#41458: ten unused addresses were taken out of a pool, and Services on others of it moved.
#[test]
fn taking_unused_addresses_out_of_a_pool_moves_nobody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.9-192.0.2.50"])]);
    world.put(crate::world::asking("late", &["192.0.2.49"]));
    world.put(service("early"));
    let changes =
        world.allocator.set_pools(vec![pool("a", &["192.0.2.9-192.0.2.39", "192.0.2.49-192.0.2.50"])]);
    assert_eq!(changes, []);
}

/// cilium/cilium PR#46262, PR#34783: Services of one sharing key had several addresses, because of equal ports; at a
/// restart one could not be let in at its address any more, and moved.
#[test]
fn one_key_at_several_addresses_stays_so() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    for (name, port) in [("one", 80), ("two", 80), ("three", 81), ("four", 81), ("five", 82)] {
        world.put(sharing(name, "k", port));
    }
    let held =
        |world: &World| ["one", "two", "three", "four", "five"].map(|name| world.addresses(name)).concat();
    let before = held(&world);
    assert_eq!(before, ["192.0.2.0", "192.0.2.1", "192.0.2.0", "192.0.2.1", "192.0.2.0"]);
    // The one that was first at an address goes: the others stay where they are.
    world.remove("one");
    for _ in 0..2 {
        restart(&mut world);
        assert_eq!(["two", "three", "four", "five"].map(|name| world.addresses(name)).concat(), before[1..]);
    }
}

/// An address that was asked for stays when the request is withdrawn.
#[test]
fn ceasing_to_ask_moves_nobody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"]), pool("b", &["198.51.100.0/28"])]);
    world.put(crate::world::asking("one", &["192.0.2.9"]));
    world.put(from("two", "b"));
    for name in ["one", "two"] {
        world.put(service(name));
    }
    restart(&mut world);
    assert_eq!(
        (world.addresses("one"), world.addresses("two")),
        (vec!["192.0.2.9".into()], vec!["198.51.100.0".into()])
    );
}

/// A pool that comes later and goes first gives existing Services only what they lack.
#[test]
fn a_better_pool_that_comes_later_moves_nobody() {
    let mut world = World::new(vec![pool("m", &["192.0.2.0/28"])]);
    world.put(service("one"));
    world.put(dual("both", FamilyPolicy::Prefer));
    let everybodys = ferrolb_model::ServiceAllocation::default();
    let first = Pool { allocation: Some(everybodys), ..pool("z", &["203.0.113.0/28"]) };
    world.set_pools(vec![
        pool("m", &["192.0.2.0/28"]),
        pool("a", &["198.51.100.0/28", "2001:db8::/124"]),
        first,
    ]);
    assert_eq!(world.addresses("one"), ["192.0.2.0"]);
    assert_eq!(world.addresses("both"), ["192.0.2.1", "2001:db8::"]);
    restart(&mut world);
    assert_eq!(world.addresses("one"), ["192.0.2.0"]);
}

/// Of two pools that overlap the older one has what both name, and nobody moves when a younger one comes or the older
/// one goes.
#[test]
fn pools_that_overlap_take_from_nobody() {
    let aged = |name: &str, created, ranges: &[&str]| Pool { created, ..pool(name, ranges) };
    let mut world = World::new(vec![aged("old", 1, &["192.0.2.0/29"])]);
    world.put(service("one"));
    world.set_pools(vec![aged("old", 1, &["192.0.2.0/29"]), aged("a-young", 2, &["192.0.2.0/28"])]);
    world.put(from("two", "a-young"));
    assert_eq!(
        (world.addresses("one"), world.addresses("two")),
        (vec!["192.0.2.0".into()], vec!["192.0.2.8".into()])
    );
    assert_eq!(world.allocator.overlaps().len(), 1);
    world.set_pools(vec![aged("a-young", 2, &["192.0.2.0/28"])]);
    assert_eq!(world.addresses("one"), ["192.0.2.0"]);
    assert_eq!(world.outcome("one").addresses()[0].pool, Some("a-young".into()));
    // An even older one comes: the addresses are its, and stay where they are.
    world.set_pools(vec![aged("a-young", 2, &["192.0.2.0/28"]), aged("oldest", 0, &["192.0.2.0/24"])]);
    assert_eq!(world.addresses("one"), ["192.0.2.0"]);
    assert_eq!(world.outcome("one").addresses()[0].pool, Some("oldest".into()));
    restart(&mut world);
}

/// cilium/cilium#48626 (1.20.1): after the lease had moved, the new holder never took up an address, for hours and
/// without a word. What there is to announce follows from who holds what, after a restart as before.
#[test]
fn after_a_restart_there_is_as_much_to_announce() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28", "2001:db8::/124"])]);
    world.put(dual("one", FamilyPolicy::Require));
    world.put(Service { families: vec![Family::V6], ..service("six") });
    world.put(sharing("k1", "k", 1));
    world.put(sharing("k2", "k", 2));
    let before: Vec<_> = world.allocator.vips().collect();
    assert_eq!(before.len(), 4);
    restart(&mut world);
    assert_eq!(world.allocator.vips().collect::<Vec<_>>(), before);
}

/// cilium/cilium#39805: statuses that another load balancer, or FerroLB itself, wrote to a Service that is not managed are
/// left alone, and what they name is given to nobody.
#[test]
fn a_service_that_was_another_classs_for_a_while_keeps_its_address() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.2"])]);
    world.put(service("one"));
    let status = world.services[&id("one")].ingress.clone();
    let changes = world.allocator.set_bystander(&id("one"), status.addresses());
    world.services.remove(&id("one"));
    world.write(changes);
    world.put(service("two"));
    world.put(service("three"));
    assert_eq!((world.addresses("two"), world.reason("three")), (vec!["192.0.2.2".into()], "PoolExhausted"));
    world.put_with_status(ours(service("one"), 1, &[("192.0.2.1", Some("a"))]));
    assert_eq!((world.addresses("one"), world.reason("three")), (vec!["192.0.2.1".into()], "PoolExhausted"));
}
