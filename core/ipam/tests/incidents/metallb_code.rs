//! MetalLB, read in its code (release 0.16): what its rules do in corners, and ours instead.

use ferrolb_ipam::{Allocator, Outcome};
use ferrolb_model::{Family, FamilyPolicy, Service, ServiceAllocation, TrafficPolicy};

use crate::world::{
    World, asking, bound, dual, from, id, ip, labels, pool, range, selector, service, sharing,
};

fn web(name: &str) -> Service {
    Service { labels: labels(&[("app", "web")]), ..service(name) }
}

fn for_web(priority: u32) -> ServiceAllocation {
    let service_selectors = vec![selector("app", "web")];
    ServiceAllocation { priority, service_selectors, ..ServiceAllocation::default() }
}

/// The comparator of pool priorities returned true for equal ones, which is no order, and pools without priorities were
/// taken in random order. Equal priorities go by name, whatever the order in which pools are heard of.
#[test]
fn equal_priorities_are_an_order() {
    let pools = [
        bound("c", &["192.0.2.3"], for_web(5)),
        bound("a", &["192.0.2.1"], for_web(5)),
        bound("zero", &["192.0.2.4"], for_web(0)),
        bound("b", &["192.0.2.2"], for_web(5)),
        pool("y", &["192.0.2.6"]),
        pool("x", &["192.0.2.5"]),
    ];
    for rotation in 0..pools.len() {
        let mut heard = pools.to_vec();
        heard.rotate_left(rotation);
        let mut world = World::new(heard);
        for n in 1..=6 {
            world.put(web(&format!("s{n}")));
            assert_eq!(world.addresses(&format!("s{n}")), [format!("192.0.2.{n}")], "rotated by {rotation}");
        }
    }
}

/// namespaceSelectors that matched no namespace left the set of namespaces empty, which meant all of them: it failed
/// open for requests by name, and for any Service where serviceSelectors were there too.
#[test]
fn a_selector_that_matches_no_namespace_fails_closed() {
    let nobodys = ServiceAllocation {
        namespace_selectors: vec![selector("team", "nobody")],
        service_selectors: vec![selector("app", "web")],
        ..ServiceAllocation::default()
    };
    let only_namespaces = ServiceAllocation { service_selectors: Vec::new(), ..nobodys.clone() };
    for allocation in [nobodys, only_namespaces] {
        let mut world = World::new(vec![bound("team", &["192.0.2.0/28"], allocation)]);
        for known in [&[][..], &[("default", &[][..])], &[("default", &[("team", "x")][..])]] {
            world.set_namespaces(known);
            world.put(web("any"));
            world.put(Service { request: from("x", "team").request, ..web("names") });
            world.put(Service { request: asking("x", &["192.0.2.7"]).request, ..web("asks") });
            for name in ["any", "names", "asks"] {
                assert_eq!(world.addresses(name), [""; 0], "{name} with {known:?}");
            }
        }
    }
}

/// The status counter overflowed when a huge IPv6 range was followed by another range.
#[test]
fn a_huge_range_followed_by_others_is_counted() {
    let mut allocator = Allocator::new();
    allocator.set_pools(vec![
        pool("huge", &["2001:db8::/64", "2001:db8:0:1::/64", "2001:db8:1::1-2001:db8:1::9", "192.0.2.0/24"]),
        pool("all", &["4000::/2", "8000::/2", "0.0.0.0-127.255.255.255"]),
        pool("rest", &["::/0", "0.0.0.0/0"]),
    ]);
    allocator.settle();
    let usage = |name: &str, family| allocator.usage(&name.into(), family).unwrap().available;
    assert_eq!(usage("huge", Family::V6), (1 << 65) + 9);
    assert_eq!(usage("huge", Family::V4), 256);
    assert_eq!(usage("all", Family::V6), 1 << 127);
    assert_eq!(usage("all", Family::V4), 1 << 31);
    // What is left of everything: 2^128 minus the two above; IPv4 minus half and minus what `huge` has of the other half.
    assert_eq!(usage("rest", Family::V6), u128::MAX - (1 << 127) - (1 << 65) - 9 + 1);
    assert_eq!(usage("rest", Family::V4), (1 << 31) - 256);
}

/// The whole of IPv6 has 2^128 addresses, one more than the counter holds: it saturates, and addresses are given.
#[test]
fn all_of_ipv6_in_one_pool_saturates() {
    let mut all = pool("all", &["::/0"]);
    let six = |name: &str| Service { families: vec![Family::V6], ..service(name) };
    let mut world = World::new(vec![all.clone()]);
    world.put(six("one"));
    assert_eq!(world.addresses("one"), ["::"]);
    assert!(world.allocator.usage(&"all".into(), Family::V6).unwrap().available >= u128::MAX - 1);
    world.put(Service {
        request: asking("x", &["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]).request,
        ..six("last")
    });
    assert_eq!(world.addresses("last"), ["ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
    world.remove("one");
    all.exclude = vec![range("::-fffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff")];
    world.set_pools(vec![all]);
    assert_eq!(world.allocator.usage(&"all".into(), Family::V6).unwrap().available, (1 << 112) - 1);
    world.put(six("two"));
    assert_eq!(world.addresses("two"), ["ffff::"]);
}

/// A Service under Local without a selector rendered its backends as nothing, which was what Cluster rendered as, so the
/// two could share an address, and traffic for one went to nodes of the other.
#[test]
fn local_without_a_selector_shares_with_nobody() {
    let bare = |name: &str, port, traffic_policy| Service {
        selector: String::new(),
        traffic_policy,
        ..sharing(name, "k", port)
    };
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    world.put(bare("cluster", 80, TrafficPolicy::Cluster));
    world.put(bare("local", 81, TrafficPolicy::Local));
    world.put(bare("local-too", 82, TrafficPolicy::Local));
    world.put(bare("cluster-too", 83, TrafficPolicy::Cluster));
    let held: Vec<_> =
        ["cluster", "local", "local-too", "cluster-too"].map(|name| world.addresses(name)).concat();
    assert_eq!(held, ["192.0.2.0", "192.0.2.1", "192.0.2.2", "192.0.2.0"]);
}

/// Cross-namespace sharing was always allowed: the key is global there, and a tenant could join another's address.
#[test]
fn a_key_alone_lets_no_tenant_in() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    world.put(sharing("shop/one", "k", 80));
    world.put(sharing("evil/two", "k", 81));
    assert_ne!(world.addresses("shop/one"), world.addresses("evil/two"));
    let mut asks = sharing("evil/three", "k", 82);
    asks.request.addresses = vec![ip("192.0.2.0")];
    world.put(asks);
    assert_eq!(world.reason("evil/three"), "SharingRefused");
}

/// Sharing was "may": a free lower address won over joining, so that Services with one key ended up at two addresses.
#[test]
fn who_carries_a_key_joins_although_others_are_free() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    world.put(service("first"));
    world.put(sharing("one", "k", 80));
    world.remove("first");
    world.put(sharing("two", "k", 81));
    assert_eq!(
        (world.addresses("one"), world.addresses("two")),
        (vec!["192.0.2.1".into()], vec!["192.0.2.1".into()])
    );
}

/// A requested list had to have exactly the families of the cluster IPs, so that PreferDualStack had to name two, and
/// both had to lie in one pool.
#[test]
fn one_family_may_be_asked_for_and_two_pools_may_serve() {
    let mut world = World::new(vec![pool("four", &["192.0.2.0/28"]), pool("six", &["2001:db8::/124"])]);
    let with = |name: &str, policy, addresses: &[&str]| Service {
        request: asking("x", addresses).request,
        ..dual(name, policy)
    };
    world.put(with("half", FamilyPolicy::Prefer, &["192.0.2.9"]));
    assert_eq!(world.addresses("half"), ["192.0.2.9", "2001:db8::"]);
    world.put(with("both", FamilyPolicy::Require, &["2001:db8::9", "192.0.2.8"]));
    assert_eq!(world.addresses("both"), ["192.0.2.8", "2001:db8::9"], "in the order of its families");
}

/// PreferDualStack never got its other family unless the same pool gained it, and lost both when the pool lost one.
#[test]
fn prefer_grows_from_any_pool_and_loses_only_what_is_lost() {
    let both = || pool("a", &["192.0.2.0/28", "2001:db8::/124"]);
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    world.put(dual("one", FamilyPolicy::Prefer));
    assert_eq!(world.addresses("one"), ["192.0.2.0"]);
    world.set_pools(vec![pool("a", &["192.0.2.0/28"]), pool("six", &["2001:db8::/124"])]);
    assert_eq!(world.addresses("one"), ["192.0.2.0", "2001:db8::"]);
    world.set_pools(vec![both()]);
    assert_eq!(
        world.addresses("one"),
        ["192.0.2.0", "2001:db8::"],
        "the address goes over to the other pool"
    );
    world.set_pools(vec![pool("a", &["192.0.2.0/28"])]);
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.0".into()], "Assigned"));
}

/// All pools gone cleared every status: one mistaken `kubectl delete` was an outage of everything.
#[test]
fn deleting_every_pool_clears_nothing() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"]), pool("b", &["2001:db8::/124"])]);
    world.put(dual("one", FamilyPolicy::Require));
    world.put(service("two"));
    let changes = world.allocator.set_pools(Vec::new());
    world.pools.clear();
    assert!(changes.iter().all(|change| change.left.is_empty()), "{changes:?}");
    world.write(changes);
    assert_eq!(world.addresses("one"), ["192.0.2.0", "2001:db8::"]);
    let mut restarted = world.restarted();
    restarted.settle();
    assert!(matches!(restarted.outcome(&id("two")), Some(Outcome::Kept { .. })), "nor does a restart");
    assert_eq!(restarted.vips().count(), 3, "they are announced on");
}

/// An address that changed pools was re-homed only after it was released and asked for anew.
#[test]
fn renaming_splitting_and_merging_pools_moves_nobody() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    for n in 0..4 {
        world.put(service(&format!("s{n}")));
    }
    let held = |world: &World| (0..4).flat_map(|n| world.addresses(&format!("s{n}"))).collect::<Vec<_>>();
    let before = held(&world);
    for (pools, homes) in [
        (vec![pool("renamed", &["192.0.2.0/28"])], ["renamed"; 4]),
        (
            vec![pool("low", &["192.0.2.0/31"]), pool("high", &["192.0.2.2-192.0.2.15"])],
            ["low", "low", "high", "high"],
        ),
        (vec![pool("merged", &["192.0.2.0/24"])], ["merged"; 4]),
    ] {
        world.set_pools(pools);
        assert_eq!(held(&world), before);
        for (n, home) in homes.into_iter().enumerate() {
            let outcome = world.outcome(&format!("s{n}"));
            assert_eq!(outcome.addresses()[0].pool, Some(home.into()));
            assert!(matches!(outcome, Outcome::Assigned(_)), "{outcome:?}");
        }
    }
}

/// Edits of selectors moved Services that did not match any more; those of autoAssign did not. Neither moves anybody.
#[test]
fn binding_a_pool_to_others_takes_nothing_away() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/28"])]);
    world.put(service("one"));
    let mut manual = pool("a", &["192.0.2.0/28"]);
    manual.auto_assign = false;
    let mut closed = pool("a", &["192.0.2.0/28"]);
    closed.allow_requests = false;
    for edited in [bound("a", &["192.0.2.0/28"], for_web(1)), manual, closed] {
        world.set_pools(vec![edited]);
        assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.0".into()], "Assigned"));
    }
}
