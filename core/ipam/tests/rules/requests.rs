//! Services that name an address or a pool.

use crate::world::{World, asking, from, pool, service};

#[test]
fn a_request_that_cannot_be_had_takes_nothing_away() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.2"])]);
    world.put(service("one"));
    world.put(service("two"));
    world.put(asking("one", &["192.0.2.2"]));
    assert_eq!(world.addresses("one"), ["192.0.2.1"]);
    assert_eq!(world.reason("one"), "AddressTaken");
    let mut broken = service("one");
    broken.request.problem = Some("annotation ferrolb.io/load-balancer-ips: x is not an address".into());
    world.put(broken);
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.1".into()], "InvalidRequest"));
    world.put(asking("one", &["192.0.2.2"]));
    world.remove("two");
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.2".into()], "Assigned"));
    world.put(service("one"));
    assert_eq!(world.addresses("one"), ["192.0.2.2"], "asking for nothing moves nothing");
}

#[test]
fn naming_another_pool_moves_the_service_when_it_can() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1"]), pool("b", &["198.51.100.1"])]);
    world.put(from("holder", "b"));
    world.put(service("one"));
    world.put(from("one", "b"));
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.1".into()], "PoolExhausted"));
    world.remove("holder");
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["198.51.100.1".into()], "Assigned"));
}
