//! Calico and kube-vip.

use std::collections::BTreeSet;

use ferrolb_ipam::Allocator;
use ferrolb_model::Service;

use crate::world::{World, id, ip, ours, pool, service, sharing};

/// projectcalico/calico#12503: on a cold start addresses were given before all that were in use were known, and two
/// had one. Nothing is given before the start, however much is heard, in whatever order, and however often.
#[test]
fn on_a_cold_start_nothing_is_given_before_everything_is_known() {
    let mut allocator = Allocator::new();
    let pools = vec![pool("a", &["192.0.2.0/28"])];
    for round in 0..3 {
        assert_eq!(allocator.set_pools(pools.clone()), []);
        assert_eq!(allocator.upsert_service(service("new")), []);
        assert_eq!(allocator.set_bystander(&id("theirs"), vec![ip("192.0.2.1")]), []);
        assert_eq!(allocator.set_node_addresses(BTreeSet::from([ip("192.0.2.2")])), []);
        let held = ours(service("held"), round, &[("192.0.2.0", Some("a"))]);
        assert_eq!(allocator.upsert_service(held), []);
        assert_eq!(allocator.remove_service(&id("new")), []);
        assert_eq!(allocator.upsert_service(service("new")), []);
        assert_eq!(allocator.outcome(&id("new")), None);
        assert_eq!(allocator.vips().count(), 0);
    }
    allocator.settle();
    let of = |name: &str| allocator.outcome(&id(name)).unwrap().addresses()[0].address;
    assert_eq!((of("held"), of("new")), (ip("192.0.2.0"), ip("192.0.2.3")));
}

/// kube-vip/kube-vip#665, #879: two leases stood for one address that Services shared, so that two nodes had it. An
/// address is one VIP, however its Services come, go, share and stop sharing.
#[test]
fn an_address_is_never_two_vips() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/30"])]);
    let unique = |world: &World| {
        let addresses: Vec<_> = world.allocator.vips().map(|vip| vip.address).collect();
        let distinct: BTreeSet<_> = addresses.iter().copied().collect();
        assert_eq!(addresses.len(), distinct.len(), "{addresses:?}");
        let of_services: usize = world.allocator.vips().map(|vip| vip.services.len()).sum();
        let holding = world
            .services
            .values()
            .filter(|one| !world.allocator.outcome(&one.id).unwrap().addresses().is_empty());
        assert_eq!(of_services, holding.count(), "every Service that has an address is at one VIP");
    };
    for step in 0..40_u16 {
        let name = format!("s{}", step % 5);
        match step % 4 {
            0 => world.put(sharing(&name, "k", 80 + step % 3)),
            1 => world.put(sharing(&name, ["k", "l"][usize::from(step % 2)], 80 + step % 5)),
            2 => world.put(Service { created: i64::from(step), ..service(&name) }),
            _ => world.remove(&name),
        }
        unique(&world);
    }
}

/// kube-vip/kube-vip#1058: Services had addresses of no pool.
#[test]
fn asking_for_an_address_outside_every_pool_gives_nothing() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/30"])]);
    for address in ["192.0.2.4", "0.0.0.0", "255.255.255.255", "203.0.113.1"] {
        world.put(crate::world::asking("one", &[address]));
        assert_eq!((world.addresses("one").len(), world.reason("one")), (0, "AddressInNoPool"));
    }
}
