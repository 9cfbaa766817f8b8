//! MetalLB, from its issues.

use ferrolb_ipam::{Allocator, Outcome};
use ferrolb_model::{Family, FamilyPolicy, Ingress, Service, TrafficPolicy};

use crate::world::{World, asking, dual, foreign, from, id, ip, ours, pool, service, sharing};

fn addresses(allocator: &Allocator, name: &str) -> Vec<String> {
    let outcome = allocator.outcome(&id(name)).unwrap();
    outcome.addresses().iter().map(|one| one.address.to_string()).collect()
}

/// metallb/metallb#1774, #2443, #2479: a restarted controller heard of a pending Service before those that held
/// addresses, and gave it one of theirs.
#[test]
fn a_restart_gives_no_held_address_to_a_pending_service() {
    let names = ["a-pending", "b-held", "c-pending", "d-held"];
    let status = |name: &str| match name {
        "b-held" => ours(service(name), 10, &[("192.0.2.1", Some("a"))]),
        "d-held" => ours(service(name), 20, &[("192.0.2.2", Some("a"))]),
        _ => service(name),
    };
    // Every order of hearing, pools first or last.
    for rotation in 0..names.len() {
        for reversed in [false, true] {
            for pools_first in [false, true] {
                let mut order = names.to_vec();
                order.rotate_left(rotation);
                if reversed {
                    order.reverse();
                }
                let mut allocator = Allocator::new();
                let pools = vec![pool("a", &["192.0.2.1-192.0.2.3"])];
                if pools_first {
                    assert_eq!(allocator.set_pools(pools.clone()), []);
                }
                for name in order {
                    assert_eq!(
                        allocator.upsert_service(status(name)),
                        [],
                        "nothing is given before the start"
                    );
                }
                if !pools_first {
                    assert_eq!(allocator.set_pools(pools), []);
                }
                allocator.settle();
                assert_eq!(addresses(&allocator, "b-held"), ["192.0.2.1"]);
                assert_eq!(addresses(&allocator, "d-held"), ["192.0.2.2"]);
                assert_eq!(addresses(&allocator, "a-pending"), ["192.0.2.3"]);
                assert_eq!(addresses(&allocator, "c-pending"), [""; 0]);
            }
        }
    }
}

/// metallb/metallb#2443: the same when the pending Service asks for the held address by name.
#[test]
fn a_restart_gives_no_held_address_to_who_asks_for_it() {
    let mut allocator = Allocator::new();
    allocator.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.3"])]);
    allocator.upsert_service(Service { created: 0, ..asking("a-asks", &["192.0.2.1"]) });
    let held = Service { created: 99, ..service("b-held") };
    allocator.upsert_service(ours(held, 10, &[("192.0.2.1", Some("a"))]));
    allocator.settle();
    assert_eq!(addresses(&allocator, "b-held"), ["192.0.2.1"]);
    assert_eq!(addresses(&allocator, "a-asks"), [""; 0]);
}

/// metallb/metallb#725, #2629: during a rolling update two controllers gave one address to two Services. Both statuses
/// are there now: the earlier assignment keeps the address, the other gets a new one at once, whoever is heard of first.
#[test]
fn what_two_controllers_gave_twice_is_healed() {
    for reversed in [false, true] {
        let mut twice = vec![
            ours(service("a-second"), 20, &[("192.0.2.1", Some("a"))]),
            ours(service("b-first"), 10, &[("192.0.2.1", Some("a"))]),
        ];
        if reversed {
            twice.reverse();
        }
        let mut allocator = Allocator::new();
        allocator.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.3"])]);
        allocator.replay(twice);
        allocator.settle();
        assert_eq!(addresses(&allocator, "b-first"), ["192.0.2.1"]);
        assert_eq!(addresses(&allocator, "a-second"), ["192.0.2.2"]);
        let vip = allocator.vip(ip("192.0.2.1")).unwrap();
        assert_eq!(vip.services.len(), 1);
    }
}

/// metallb/metallb#2629: the last write of the old leader lands while the new one is at work.
#[test]
fn a_late_write_of_an_old_leader_takes_nothing_from_anybody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.4"])]);
    world.put(service("one"));
    world.put(service("two"));
    world.put_with_status(ours(service("two"), 99, &[("192.0.2.1", Some("a"))]));
    assert_eq!(world.addresses("one"), ["192.0.2.1"]);
    assert_eq!(world.addresses("two"), ["192.0.2.2"]);
    assert_eq!(world.services[&id("two")].ingress.addresses(), [ip("192.0.2.2")], "its status is put right");
    world.put_with_status(ours(service("three"), 99, &[("192.0.2.2", Some("a"))]));
    assert_eq!(world.addresses("three"), ["192.0.2.3"], "nor for one that has nothing yet");
}

/// metallb/metallb#2803: after an interface went and came, fewer prefixes were announced than addresses are held. Node
/// addresses that come and go change neither who holds what nor what there is to announce.
#[test]
fn a_flapping_interface_costs_no_vip() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    for n in 0..10 {
        world.put(service(&format!("s{n}")));
    }
    let before: Vec<_> = world.allocator.vips().collect();
    for _ in 0..3 {
        world.set_nodes(&["192.0.2.1", "192.0.2.5", "192.0.2.12", "198.51.100.1"]);
        assert_eq!(world.allocator.vips().collect::<Vec<_>>(), before);
        world.set_nodes(&[]);
        assert_eq!(world.allocator.vips().collect::<Vec<_>>(), before);
    }
    assert_eq!(world.allocator.usage(&"a".into(), Family::V4).unwrap().available, 6);
}

/// metallb/metallb#315, #598, #2747: a shared address, or one under Local, was announced by two nodes, because each
/// Service was placed by itself. Here an address is one VIP, with all its Services and one traffic policy.
#[test]
fn a_shared_address_is_one_vip_with_one_policy() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28", "2001:db8::/124"])]);
    let local = |name: &str, port| Service {
        traffic_policy: TrafficPolicy::Local,
        families: vec![Family::V4, Family::V6],
        policy: FamilyPolicy::Require,
        ..sharing(name, "k", port)
    };
    world.put(local("one", 80));
    world.put(local("two", 81));
    world.put(sharing("cluster", "k", 82));
    let vips: Vec<_> = world.allocator.vips().collect();
    for address in ["192.0.2.0", "2001:db8::"] {
        let of: Vec<_> = vips.iter().filter(|vip| vip.address == ip(address)).collect();
        assert_eq!(of.len(), 1, "{address}");
        assert_eq!((of[0].services.len(), of[0].traffic_policy), (2, TrafficPolicy::Local));
    }
    assert_ne!(world.addresses("cluster"), world.addresses("one")[..1], "the policies are never mixed");
    // The policy of one changes: it leaves, rather than the VIP having two policies.
    world.put(Service { traffic_policy: TrafficPolicy::Cluster, ..local("two", 81) });
    for vip in world.allocator.vips() {
        let mut policies = vip.services.iter().map(|one| world.services[&one.id].traffic_policy);
        assert!(policies.all(|policy| policy == vip.traffic_policy), "{vip:?}");
    }
    assert_eq!(world.addresses("one"), ["192.0.2.0", "2001:db8::"], "who did not change does not move");
}

/// metallb/metallb#435: after the cluster was restarted the Service that had waited had the address, and the one that had
/// had it waited. Who is heard of first makes no difference.
#[test]
fn a_restart_with_the_services_heard_in_another_order_moves_nobody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/27"])]);
    for n in 0..20 {
        world.put(Service { created: 100 - n, ..service(&format!("s{n}")) });
    }
    for n in (0..20).step_by(3) {
        world.remove(&format!("s{n}"));
    }
    let mut allocator = Allocator::new();
    for service in world.services.values().rev() {
        allocator.upsert_service(service.clone());
    }
    allocator.set_pools(world.pools.clone());
    let changes = allocator.settle();
    assert_eq!(changes.len(), world.services.len());
    for service in world.services.values() {
        assert_eq!(allocator.outcome(&service.id), world.allocator.outcome(&service.id));
        let Ingress::Ours { assigned, .. } = &service.ingress else { panic!("{service:?}") };
        assert_eq!(allocator.outcome(&service.id).unwrap().addresses(), assigned, "nothing is to be written");
    }
}

/// metallb/metallb#448, #1755, #2449: an edit of a pool left its old addresses in use, or moved Services when nobody
/// expected it. What must move moves once, in the same event; what need not stays.
#[test]
fn shrinking_a_pool_moves_whom_it_must_once_and_nobody_else() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    for n in 0..8 {
        world.put(service(&format!("s{n}")));
    }
    let pools = vec![pool("a", &["192.0.2.4-192.0.2.15"])];
    world.pools.clone_from(&pools);
    let changes = world.allocator.set_pools(pools);
    let moved: Vec<_> = changes.iter().map(|change| &*change.service.name).collect();
    assert_eq!(moved, ["s0", "s1", "s2", "s3"]);
    assert!(changes.iter().all(|change| change.left.len() == 1 && change.outcome.addresses().len() == 1));
    world.write(changes);
    assert_eq!(world.allocator.set_pools(world.pools.clone()), [], "the same pools again change nothing");
    for n in 4..8 {
        assert_eq!(world.addresses(&format!("s{n}")), [format!("192.0.2.{n}")]);
    }
}

/// metallb/metallb#686, #2723: one Service was deleted, and another had its address.
#[test]
fn deleting_one_service_moves_no_other() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28", "2001:db8::/124"])]);
    for n in 0..6 {
        world.put(dual(&format!("s{n}"), FamilyPolicy::Require));
    }
    for n in [1, 4, 0] {
        let changes = world.allocator.remove_service(&id(&format!("s{n}")));
        assert_eq!(changes.len(), 1, "{changes:?}");
        world.services.remove(&id(&format!("s{n}")));
    }
    for n in [2, 3, 5] {
        assert_eq!(world.addresses(&format!("s{n}")), [format!("192.0.2.{n}"), format!("2001:db8::{n}")]);
    }
}

/// metallb/metallb#1591: a pool was deleted, its Services were given addresses anew, and two had one. Deleted and made
/// anew, as a tool that replaces objects does it, it costs nobody an address.
#[test]
fn a_pool_that_is_replaced_by_deletion_moves_nobody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    for name in ["one", "two"] {
        world.put(service(name));
    }
    let before: Vec<_> = world.allocator.vips().map(|vip| vip.address).collect();
    world.set_pools(Vec::new());
    assert_eq!(world.reason("one"), "PoolMissing");
    world.put(service("new"));
    assert_eq!(world.reason("new"), "NoPool");
    world.set_pools(vec![pool("a", &["192.0.2.0/28"])]);
    assert_eq!(world.allocator.vips().map(|vip| vip.address).take(2).collect::<Vec<_>>(), before);
    assert_eq!((world.reason("one"), world.addresses("new")), ("Assigned", vec!["192.0.2.2".into()]));
}

/// metallb/metallb#2455: a node's address in a pool took the node off the network.
#[test]
fn a_nodes_address_is_never_given_to_anybody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.3", "2001:db8::1-2001:db8::2"])]);
    world.set_nodes(&["192.0.2.1", "192.0.2.2", "2001:db8::1"]);
    world.put(service("any"));
    assert_eq!(world.addresses("any"), ["192.0.2.3"]);
    world.put(asking("asks", &["192.0.2.1"]));
    world.put(from("names", "a"));
    world.put(foreign(service("cloud"), &["192.0.2.2"], &[]));
    world.put_with_status(foreign(service("adopts"), &["192.0.2.2"], &[]));
    world.put(dual("both", FamilyPolicy::Require));
    assert_eq!((world.reason("asks"), world.reason("names")), ("AddressOfNode", "PoolExhausted"));
    assert_eq!((world.reason("adopts"), world.reason("both")), ("Foreign", "PoolExhausted"));
    let of_nodes: Vec<_> = world.allocator.vips().filter(|vip| world.nodes.contains(&vip.address)).collect();
    assert!(of_nodes.is_empty(), "{of_nodes:?}");
}

/// metallb/metallb#1685 and others: "no available IPs" was the answer whatever the cause. Five causes, five reasons.
#[test]
fn no_available_ips_is_never_the_answer() {
    let mut drained = pool("drained", &["198.51.100.0/28"]);
    drained.drain = true;
    let mut world = World::new(vec![pool("a", &["192.0.2.1"]), drained]);
    world.put(service("holder"));
    world.put(service("full"));
    world.put(asking("taken", &["192.0.2.1"]));
    world.put(asking("nowhere", &["203.0.113.1"]));
    world.put(from("draining", "drained"));
    world.put(Service { families: vec![Family::V6], ..service("six") });
    let reasons = ["full", "taken", "nowhere", "draining", "six"].map(|name| world.reason(name));
    assert_eq!(
        reasons,
        ["PoolExhausted", "AddressTaken", "AddressInNoPool", "PoolDraining", "NoPoolMatches"]
    );
    assert!(matches!(world.outcome("full"), Outcome::Refused(_)));
}

/// metallb/metallb#778: a released address went to the next Service at once, while clients still had it cached.
#[test]
fn a_released_address_is_the_last_to_be_given_again() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/29"])]);
    world.put(service("one"));
    world.remove("one");
    let mut given = Vec::new();
    for n in 0..8 {
        world.put(service(&format!("s{n}")));
        given.extend(world.addresses(&format!("s{n}")));
    }
    assert_eq!(given.last().map(String::as_str), Some("192.0.2.0"), "{given:?}");
}

/// metallb/metallb#271, #2092: which Services share was guessed at; a changed policy or key made the others move.
#[test]
fn who_ends_the_sharing_is_who_leaves() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    for (name, port) in [("one", 80), ("two", 81), ("three", 82)] {
        world.put(sharing(name, "k", port));
    }
    for (edited, who) in [
        (Service { traffic_policy: TrafficPolicy::Local, ..sharing("one", "k", 80) }, "one"),
        (sharing("two", "other", 81), "two"),
    ] {
        world.put(edited);
        assert_ne!(world.addresses(who), ["192.0.2.0"]);
        assert_eq!(world.addresses("three"), ["192.0.2.0"]);
    }
}
