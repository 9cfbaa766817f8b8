//! Every refusal has a reason of its own, names what is in the way, says what to do, and ends when its cause does.

use ferrolb_ipam::Outcome;
use ferrolb_model::{Family, FamilyPolicy, Service, ServiceAllocation, TrafficPolicy};

use crate::world::{World, asking, bound, dual, from, pool, range, selector, service, sharing};

fn sentence(world: &World, name: &str) -> String {
    match world.outcome(name) {
        Outcome::Refused(refusal) | Outcome::Kept { refusal, .. } => refusal.to_string(),
        outcome @ (Outcome::Assigned(_) | Outcome::Foreign(_) | Outcome::Removed) => {
            panic!("{name} is not refused anything: {outcome:?}")
        }
    }
}

fn from_and_asking(pool: &str, address: &str) -> Service {
    let mut service = from("s", pool);
    service.request.addresses = asking("s", &[address]).request.addresses;
    service
}

fn six(service: Service) -> Service {
    Service { families: vec![Family::V6], ..service }
}

#[test]
fn every_refused_request_has_its_own_reason_and_names_what_is_in_the_way() {
    let mut net = pool("net", &["192.0.2.0/24"]);
    net.exclude = vec![range("192.0.2.10-192.0.2.19")];
    net.avoid_buggy_ips = true;
    let mut drained = pool("drained", &["203.0.113.0/28"]);
    drained.drain = true;
    let mut closed = pool("closed", &["203.0.113.16/28"]);
    closed.allow_requests = false;
    let elsewhere =
        ServiceAllocation { namespaces: vec!["elsewhere".into()], ..ServiceAllocation::default() };
    let team = bound("team", &["203.0.113.32/28"], elsewhere);
    let mut world = World::new(vec![net, pool("other", &["198.51.100.0/24"]), drained, closed, team]);
    world.set_nodes(&["192.0.2.20"]);
    world.put(asking("holder", &["192.0.2.30"]));
    let mut sharer = sharing("sharer", "k", 443);
    sharer.request.addresses = asking("x", &["192.0.2.31"]).request.addresses;
    world.put(sharer);
    let joining = |service: Service| {
        let mut service = service;
        service.request.addresses = asking("x", &["192.0.2.31"]).request.addresses;
        service
    };

    for (asked, reason, parts) in [
        (asking("s", &["192.0.2.30"]), "AddressTaken", &["192.0.2.30", "default/holder"][..]),
        (asking("s", &["192.0.2.31"]), "AddressTaken", &["192.0.2.31", "default/sharer"]),
        (asking("s", &["192.0.2.10"]), "AddressExcluded", &["192.0.2.10", "net"]),
        (asking("s", &["192.0.2.255"]), "AddressExcluded", &["192.0.2.255", "net"]),
        (asking("s", &["192.0.2.20"]), "AddressOfNode", &["192.0.2.20"]),
        (asking("s", &["192.0.3.1"]), "AddressInNoPool", &["192.0.3.1"]),
        (asking("s", &["2001:db8::1"]), "FamilyMismatch", &["2001:db8::1", "IPv4"]),
        (asking("s", &["203.0.113.1"]), "PoolDraining", &["drained"]),
        (asking("s", &["203.0.113.17"]), "RequestsNotAllowed", &["closed"]),
        (asking("s", &["203.0.113.33"]), "PoolNotForService", &["team", "namespace"]),
        (from_and_asking("other", "192.0.2.40"), "AddressInOtherPool", &["192.0.2.40", "other", "net"]),
        (from("s", "nowhere"), "PoolNotFound", &["nowhere"]),
        (from("s", "drained"), "PoolDraining", &["drained"]),
        (from("s", "closed"), "RequestsNotAllowed", &["closed"]),
        (from("s", "team"), "PoolNotForService", &["team", "namespace"]),
        (six(from("s", "net")), "FamilyMismatch", &["net", "IPv6"]),
        (joining(sharing("s", "k", 443)), "SharingRefused", &["192.0.2.31", "default/sharer", "443/TCP"]),
        (
            joining(Service { traffic_policy: TrafficPolicy::Local, ..sharing("s", "k", 1) }),
            "SharingRefused",
            &["default/sharer", "externalTrafficPolicy"],
        ),
        (joining(sharing("elsewhere/s", "k", 1)), "SharingRefused", &["default/sharer", "AnyNamespace"]),
    ] {
        let name = asked.id.to_string();
        world.put(asked);
        assert_eq!(world.reason(&name), reason, "{:?}", world.outcome(&name));
        assert_eq!(world.addresses(&name), [""; 0]);
        let sentence = sentence(&world, &name);
        for part in parts {
            assert!(sentence.contains(part), "it should name {part}: {sentence}");
        }
        assert!(sentence.contains("; ") || sentence.contains(": "), "it should say what to do: {sentence}");
        assert!(!sentence.contains('\n') && !sentence.ends_with('.'), "it is one clause: {sentence}");
        world.remove(&name);
    }
    world.put(from_and_asking("net", "192.0.2.40"));
    assert_eq!(world.addresses("s"), ["192.0.2.40"]);
}

#[test]
fn a_sentence_names_each_pool_and_why_it_said_no() {
    let mut manual = pool("p-manual", &["203.0.113.0/28"]);
    manual.auto_assign = false;
    let mut drained = pool("p-drained", &["203.0.113.16/28"]);
    drained.drain = true;
    let namespaces =
        ServiceAllocation { namespaces: vec!["elsewhere".into()], ..ServiceAllocation::default() };
    let labels =
        ServiceAllocation { service_selectors: vec![selector("app", "web")], ..ServiceAllocation::default() };
    let mut world = World::new(vec![
        manual,
        drained,
        bound("p-team", &["203.0.113.32/28"], namespaces),
        bound("p-web", &["203.0.113.48/28"], labels),
        pool("p-six", &["2001:db8::/64"]),
        pool("p-full", &["192.0.2.1"]),
    ]);
    world.put(service("holder"));
    world.put(service("s"));
    assert_eq!(world.reason("s"), "PoolExhausted", "one pool would serve it");
    let told = sentence(&world, "s");
    for pool in ["p-manual", "p-drained", "p-team", "p-web", "p-six", "p-full"] {
        assert!(told.contains(pool), "{pool} is missing: {told}");
    }
    for cause in [
        "autoAssign",
        "draining",
        "namespace elsewhere",
        "app=web",
        "no addresses of this family",
        "none left",
    ] {
        assert!(told.contains(cause), "{cause} is missing: {told}");
    }

    let mut none = world.pools.clone();
    none.retain(|pool| pool.name.as_str() != "p-full");
    world.set_pools(none);
    assert_eq!(world.reason("s"), "NoPoolMatches", "nothing but an edit can help it");
    world.set_pools(Vec::new());
    assert_eq!(world.reason("s"), "NoPool");
    assert_eq!(world.reason("holder"), "PoolMissing");
    assert!(sentence(&world, "holder").contains("p-full"), "its pool is named though it is gone");
}

#[test]
fn of_a_pool_that_is_invalid_nobody_says_that_it_is_gone() {
    let lan = || vec![pool("lan", &["192.0.2.1-192.0.2.9"])];
    let mut world = World::new(lan());
    world.put(service("holder"));
    // Another leads, and cannot read the pool.
    world.set_pools(Vec::new());
    let invalid = |world: &mut World, names: &[&str]| {
        let names = names.iter().map(|name| (*name).into()).collect();
        let changes = world.allocator.set_invalid_pools(names);
        world.write(changes);
    };
    world.put(service("new"));
    world.put(from("asks", "lan"));
    let mut named = asking("named", &["192.0.2.5"]);
    named.request.pool = Some("lan".into());
    world.put(named);
    world.put(asking("stray", &["192.0.2.7"]));
    assert!(sentence(&world, "holder").contains("its pool lan no longer exists"));
    assert_eq!(
        sentence(&world, "asks"),
        "there is no IPAddressPool; create one with addresses that route to this cluster"
    );

    invalid(&mut world, &["lan", "dmz"]);
    for (name, reason, told) in [
        ("holder", "PoolMissing", "192.0.2.1 is kept although its pool lan is invalid; mend the pool"),
        ("asks", "PoolNotFound", "pool lan is invalid; mend it"),
        ("named", "PoolNotFound", "pool lan is invalid; mend it"),
        ("stray", "AddressInNoPool", "192.0.2.7 is in no pool that is valid, and dmz, lan cannot be read"),
        ("new", "NoPool", "no IPAddressPool is valid; mend dmz, lan"),
    ] {
        let sentence = sentence(&world, name);
        assert_eq!(world.reason(name), reason, "{sentence}");
        assert!(sentence.starts_with(told), "{sentence}");
    }
    let mut six = pool("six", &["2001:db8::1"]);
    six.drain = true;
    world.set_pools(vec![six]);
    let told = sentence(&world, "new");
    assert!(told.contains("pool dmz is invalid, pool lan is invalid"), "{told}");

    invalid(&mut world, &["dmz"]);
    assert!(sentence(&world, "holder").contains("its pool lan no longer exists"));
    assert!(sentence(&world, "asks").contains("pool lan does not exist"));
    // What is in force counts, whatever else is said of it.
    invalid(&mut world, &["lan"]);
    world.set_pools(lan());
    for name in ["holder", "asks", "named", "stray", "new"] {
        assert_eq!(world.reason(name), "Assigned", "{name}");
    }
}

#[test]
fn a_thousand_pools_make_no_book_of_a_sentence() {
    let full: Vec<_> =
        (0..1000).map(|n| pool(&format!("p{n:04}"), &[&format!("10.{}.{}.1", n / 250, n % 250)])).collect();
    let mut world = World::new(full);
    for n in 0..1000 {
        world.put(service(&format!("s{n}")));
    }
    world.put(service("late"));
    let told = sentence(&world, "late");
    assert!(told.contains("p0000") && told.contains("992 more"), "{told}");
    assert!(told.len() < 1000, "{} characters: {told}", told.len());
}

/// One edit each, and the refused Service has its address in the same breath.
#[test]
fn a_refusal_ends_with_its_cause() {
    type Edit = fn(&mut World);
    let draining = |name: &str| {
        let mut pool = pool(name, &["192.0.2.1-192.0.2.9"]);
        pool.drain = true;
        pool
    };
    let with = |edit: fn(&mut ferrolb_model::Pool)| {
        let mut pool = pool("a", &["192.0.2.1-192.0.2.9"]);
        edit(&mut pool);
        pool
    };
    let plain: Edit = |world| world.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.9"])]);
    let stories: Vec<(&str, World, Service, Edit)> = vec![
        ("NoPool", World::new(Vec::new()), service("s"), plain),
        ("PoolNotFound", World::new(vec![pool("b", &["198.51.100.1"])]), from("s", "a"), plain),
        ("PoolDraining", World::new(vec![draining("a")]), from("s", "a"), plain),
        ("NoPoolMatches", World::new(vec![draining("a")]), service("s"), plain),
        ("NoPoolMatches", World::new(vec![with(|pool| pool.auto_assign = false)]), service("s"), plain),
        (
            "RequestsNotAllowed",
            World::new(vec![with(|pool| pool.allow_requests = false)]),
            from("s", "a"),
            plain,
        ),
        (
            "PoolNotForService",
            World::new(vec![with(|pool| {
                pool.allocation = Some(ServiceAllocation {
                    namespace_selectors: vec![selector("team", "x")],
                    ..ServiceAllocation::default()
                });
            })]),
            from("s", "a"),
            |world| world.set_namespaces(&[("default", &[("team", "x")])]),
        ),
        (
            "AddressExcluded",
            World::new(vec![with(|pool| pool.exclude = vec![range("192.0.2.5")])]),
            asking("s", &["192.0.2.5"]),
            plain,
        ),
        ("AddressInNoPool", World::new(vec![pool("a", &["192.0.2.1"])]), asking("s", &["192.0.2.5"]), plain),
        (
            "NoPoolMatches",
            World::new(vec![with(|pool| pool.exclude = vec![range("192.0.2.0/24")])]),
            service("s"),
            plain,
        ),
        ("NoPoolMatches", World::new(vec![pool("six", &["2001:db8::/64"])]), service("s"), plain),
        ("FamilyMismatch", World::new(vec![pool("a", &["2001:db8::/64"])]), from("s", "a"), plain),
        (
            "NoPoolMatches",
            World::new(vec![pool("six", &["2001:db8::/64"])]),
            dual("s", FamilyPolicy::Require),
            |world| world.set_pools(vec![pool("six", &["2001:db8::/64"]), pool("a", &["192.0.2.5"])]),
        ),
        (
            "FamilyMismatch",
            World::new(vec![pool("a", &["192.0.2.0/24"])]),
            asking("s", &["2001:db8::1"]),
            |world| {
                world.put(asking("s", &["192.0.2.5"]));
            },
        ),
    ];
    for (reason, mut world, service, mend) in stories {
        world.put(service.clone());
        assert_eq!(world.reason("s"), reason, "{service:?}");
        mend(&mut world);
        assert_eq!(world.reason("s"), "Assigned", "after {reason}: {service:?}");
        assert!(!world.addresses("s").is_empty());
    }
}

#[test]
fn who_is_in_the_way_may_step_aside() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.9"])]);
    world.put(asking("holder", &["192.0.2.5"]));
    world.put(asking("s", &["192.0.2.5"]));
    assert_eq!(world.reason("s"), "AddressTaken");
    world.put(asking("holder", &["192.0.2.6"]));
    assert_eq!((world.addresses("s"), world.reason("s")), (vec!["192.0.2.5".into()], "Assigned"));

    world.set_nodes(&["192.0.2.7"]);
    world.put(asking("s", &["192.0.2.7"]));
    assert_eq!((world.addresses("s"), world.reason("s")), (vec!["192.0.2.5".into()], "AddressOfNode"));
    world.set_nodes(&[]);
    assert_eq!((world.addresses("s"), world.reason("s")), (vec!["192.0.2.7".into()], "Assigned"));

    let at = |name: &str, port| {
        let mut service = sharing(name, "k", port);
        service.request.addresses = asking("x", &["192.0.2.8"]).request.addresses;
        service
    };
    world.put(at("one", 80));
    world.put(at("two", 80));
    assert_eq!(world.reason("two"), "SharingRefused");
    world.put(at("one", 81));
    assert_eq!((world.addresses("two"), world.reason("two")), (vec!["192.0.2.8".into()], "Assigned"));
}
