//! Which pool serves which Service.

use std::collections::BTreeMap;

use ferrolb_ipam::{Outcome, PoolVerdict, Refusal};
use ferrolb_model::{Family, Request, Service, ServiceAllocation};

use crate::world::{World, asking, bound, from, labels, pool, selector, service};

#[test]
fn bound_pools_come_first_by_priority_then_the_rest_by_name() {
    let for_web = |priority| ServiceAllocation {
        priority,
        service_selectors: vec![selector("app", "web")],
        ..ServiceAllocation::default()
    };
    let mut world = World::new(vec![
        pool("a", &["192.0.2.1"]),
        bound("last", &["192.0.2.2"], for_web(0)),
        bound("second", &["192.0.2.3"], for_web(20)),
        bound("first", &["192.0.2.4"], for_web(10)),
        pool("b", &["192.0.2.5"]),
    ]);
    let web = |name| Service { labels: labels(&[("app", "web")]), ..service(name) };
    for name in ["s1", "s2", "s3", "s4", "s5"] {
        world.put(web(name));
    }
    let given: Vec<_> =
        ["s1", "s2", "s3", "s4", "s5"].iter().flat_map(|name| world.addresses(name)).collect();
    assert_eq!(given, ["192.0.2.4", "192.0.2.3", "192.0.2.2", "192.0.2.1", "192.0.2.5"]);
    world.put(web("s6"));
    assert_eq!(
        world.outcome("s6"),
        Outcome::Refused(Refusal::PoolExhausted {
            family: Family::V4,
            considered: ["first", "second", "last", "a", "b"]
                .map(|name| (name.into(), PoolVerdict::Exhausted))
                .into(),
            clash: None,
        })
    );
}

#[test]
fn a_selector_that_matches_nothing_matches_nothing() {
    let team = ServiceAllocation {
        namespace_selectors: vec![selector("team", "x")],
        service_selectors: vec![selector("app", "web")],
        ..ServiceAllocation::default()
    };
    let mut world = World::new(vec![bound("team", &["192.0.2.0/24"], team)]);
    let web = |name| Service { labels: labels(&[("app", "web")]), ..service(name) };
    world.put(web("auto"));
    assert_eq!(world.reason("auto"), "NoPoolMatches");
    world
        .put(Service { request: Request { pool: Some("team".into()), ..Request::default() }, ..web("asks") });
    assert_eq!(world.reason("asks"), "PoolNotForService", "the binding holds for requests too");
    world.put(Service { request: asking("x", &["192.0.2.7"]).request, ..web("named") });
    assert_eq!(world.reason("named"), "PoolNotForService");

    let namespaces = BTreeMap::from([("default".into(), labels(&[("team", "x")]))]);
    let changes = world.allocator.set_namespaces(namespaces);
    assert_eq!(changes.len(), 3);
    world.write(changes);
    assert_eq!(world.addresses("named"), ["192.0.2.7"]);
    assert_eq!(world.reason("auto"), "Assigned");
    world.put(service("other"));
    assert_eq!(world.reason("other"), "NoPoolMatches");

    let changes = world.allocator.set_namespaces(BTreeMap::new());
    assert!(changes.iter().all(|change| change.left.is_empty()), "nobody moves because a label changed");
}

#[test]
fn a_pool_that_is_not_automatic_or_drains_or_is_not_to_be_named() {
    let mut manual = pool("manual", &["192.0.2.1-192.0.2.9"]);
    manual.auto_assign = false;
    let mut drained = pool("drained", &["198.51.100.1-198.51.100.9"]);
    drained.drain = true;
    let mut closed = pool("closed", &["203.0.113.1-203.0.113.9"]);
    closed.allow_requests = false;
    let mut world = World::new(vec![manual.clone(), drained.clone(), closed]);

    world.put(service("auto"));
    assert_eq!(world.addresses("auto"), ["203.0.113.1"]);
    world.put(from("manual", "manual"));
    assert_eq!(world.addresses("manual"), ["192.0.2.1"]);
    world.put(asking("named", &["192.0.2.5"]));
    assert_eq!(world.addresses("named"), ["192.0.2.5"]);
    for (name, asked, address, reason) in [
        ("d", "drained", "198.51.100.1", "PoolDraining"),
        ("c", "closed", "203.0.113.5", "RequestsNotAllowed"),
        ("n", "nowhere", "192.0.3.1", "PoolNotFound"),
    ] {
        world.put(from(name, asked));
        assert_eq!(world.reason(name), reason);
        world.put(asking(name, &[address]));
        let expected = if name == "n" { "AddressInNoPool" } else { reason };
        assert_eq!(world.reason(name), expected);
    }

    drained.drain = false;
    world.set_pools(vec![manual, drained.clone()]);
    assert_eq!(world.addresses("d"), ["198.51.100.1"]);
    assert_eq!(world.reason("auto"), "PoolMissing");
    drained.drain = true;
    world.set_pools(vec![drained]);
    assert_eq!(world.reason("d"), "Assigned", "draining takes nothing away");
}
