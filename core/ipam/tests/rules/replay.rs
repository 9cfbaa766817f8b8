//! The start: what statuses say counts first; ours and foreign ones.

use ferrolb_ipam::{Allocator, Outcome};
use ferrolb_model::{FamilyPolicy, Service};

use crate::world::{World, asking, dual, edited, foreign, id, ip, ours, pool, service, sharing, without};

#[test]
fn nothing_is_given_before_the_start_and_holders_come_first() {
    let mut allocator = Allocator::new();
    assert_eq!(allocator.upsert_service(service("a-new")), []);
    assert_eq!(allocator.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.2"])]), []);
    allocator.replay(vec![ours(Service { created: 50, ..service("held") }, 9, &[("192.0.2.1", Some("a"))])]);
    assert_eq!(allocator.outcome(&id("held")), None);
    let changes = allocator.settle();
    assert_eq!(changes.len(), 2);
    assert_eq!(allocator.outcome(&id("held")).unwrap().addresses()[0].address, ip("192.0.2.1"));
    assert_eq!(allocator.outcome(&id("a-new")).unwrap().addresses()[0].address, ip("192.0.2.2"));
    assert_eq!(allocator.settle(), []);
}

#[test]
fn of_two_with_one_address_the_earlier_keeps_it() {
    let mut allocator = Allocator::new();
    allocator.set_pools(vec![pool("a", &["192.0.2.1-192.0.2.9"])]);
    allocator.replay(vec![
        ours(service("a-later"), 20, &[("192.0.2.1", Some("a"))]),
        ours(service("b-earlier"), 10, &[("192.0.2.1", Some("a"))]),
    ]);
    allocator.settle();
    assert_eq!(allocator.outcome(&id("b-earlier")).unwrap().addresses()[0].address, ip("192.0.2.1"));
    assert_eq!(allocator.outcome(&id("a-later")).unwrap().addresses()[0].address, ip("192.0.2.2"));

    // A last write of an old leader slips through later.
    allocator.upsert_service(service("c"));
    let slipped = ours(service("c"), 30, &[("192.0.2.1", Some("a"))]);
    assert_eq!(allocator.upsert_service(slipped), []);
    assert_eq!(
        allocator.outcome(&id("c")).unwrap().addresses()[0].address,
        ip("192.0.2.3"),
        "and is put right"
    );
}

#[test]
fn of_two_with_one_address_the_one_it_is_announced_for_keeps_it() {
    let keeper = |announced: &[&str]| {
        let mut allocator = Allocator::new();
        allocator
            .set_pools(vec![pool("a", &["192.0.2.1-192.0.2.9"]), pool("b", &["2001:db8::1-2001:db8::9"])]);
        let both = dual("earlier", FamilyPolicy::Prefer);
        allocator.replay(vec![
            ours(both, 10, &[("192.0.2.1", Some("a")), ("2001:db8::1", Some("b"))]),
            ours(service("later"), 20, &[("192.0.2.1", Some("a"))]),
        ]);
        let uids = announced.iter().map(|name| (*name).into()).collect();
        allocator.recall([(ip("192.0.2.1"), uids)].into());
        allocator.settle();
        let has =
            |name: &str| allocator.outcome(&id(name)).unwrap().addresses()[0].address == ip("192.0.2.1");
        let second = allocator.outcome(&id("earlier")).unwrap().addresses()[1].address;
        assert_eq!(second, ip("2001:db8::1"), "nobody else has this one");
        assert_ne!(has("earlier"), has("later"));
        if has("later") { "later" } else { "earlier" }
    };
    assert_eq!(keeper(&["later"]), "later", "its clients are served");
    assert_eq!(keeper(&["earlier"]), "earlier");
    assert_eq!(keeper(&["earlier", "later"]), "earlier");
    assert_eq!(keeper(&[]), "earlier");
    assert_eq!(keeper(&["one of that name that is gone"]), "earlier");
}

#[test]
fn a_foreign_ingress_is_adopted_only_if_all_of_it_is_in_our_pools() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24"])]);
    world.put_with_status(foreign(service("cloud"), &["203.0.113.1"], &[]));
    world.put_with_status(foreign(service("named"), &["192.0.2.7"], &["lb.example"]));
    world.put_with_status(foreign(dual("half", FamilyPolicy::Prefer), &["192.0.2.8", "2001:db8::1"], &[]));
    world.put_with_status(foreign(service("moved-in"), &["192.0.2.9"], &[]));
    world.put_with_status(foreign(service("rival"), &["192.0.2.9"], &[]));
    for name in ["cloud", "named", "half", "rival"] {
        assert_eq!(world.reason(name), "Foreign");
    }
    assert_eq!(
        (world.addresses("moved-in"), world.reason("moved-in")),
        (vec!["192.0.2.9".into()], "Assigned")
    );
    world.put(asking("thief", &["192.0.2.7"]));
    assert_eq!(world.reason("thief"), "AddressTaken", "what another load balancer uses is not handed out");
    world.set_pools(vec![pool("a", &["192.0.2.0/24"]), pool("b", &["203.0.113.0/24"])]);
    assert_eq!(world.addresses("cloud"), ["203.0.113.1"]);
}

/// As Services are that MetalLB served with `allow-shared-ip`.
#[test]
fn those_who_shared_an_address_elsewhere_are_adopted_together() {
    let shared = |name, key, port| foreign(sharing(name, key, port), &["192.0.2.7"], &[]);
    let settled = |services: Vec<Service>| {
        let mut allocator = Allocator::new();
        allocator.set_pools(vec![pool("a", &["192.0.2.0/24"])]);
        allocator.replay(services);
        allocator.settle();
        allocator
    };
    let has = |allocator: &Allocator, name: &str| {
        allocator.outcome(&id(name)).unwrap().addresses().iter().any(|one| one.address == ip("192.0.2.7"))
    };
    let both = settled(vec![shared("one", "key", 80), shared("other", "key", 81)]);
    assert!(has(&both, "one") && has(&both, "other"));
    let clash = settled(vec![shared("one", "key", 80), shared("other", "key", 80)]);
    assert!(!has(&clash, "one") && !has(&clash, "other"), "nobody can tell whose it is");
    let keys = settled(vec![shared("one", "key", 80), shared("other", "another", 81)]);
    assert!(!has(&keys, "one") && !has(&keys, "other"));
}

#[test]
fn a_service_made_anew_under_its_name_is_another() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24"])]);
    world.put(service("one"));
    let anew = Service { uid: "second".into(), ..asking("one", &["192.0.2.77"]) };
    world.services.insert(anew.id.clone(), anew.clone());
    let changes = world.allocator.upsert_service(anew);
    assert_eq!(changes[0].outcome, Outcome::Removed);
    assert_eq!(changes[0].left, [ip("192.0.2.0")]);
    world.write(changes[1..].to_vec());
    assert_eq!(world.addresses("one"), ["192.0.2.77"]);
}

#[test]
fn an_adopted_ingress_and_a_wish_for_another_address_come_to_rest() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24"])]);
    let mut wishes = dual("one", FamilyPolicy::Prefer);
    wishes.request.addresses = vec![ip("192.0.2.2")];
    world.put_with_status(foreign(wishes, &["192.0.2.9"], &[]));
    assert_eq!((world.addresses("one"), world.reason("one")), (vec!["192.0.2.2".into()], "Assigned"));
    world.put(asking("two", &["192.0.2.9"]));
    assert_eq!(world.addresses("two"), ["192.0.2.9"]);
}

#[test]
fn an_ingress_edited_while_nobody_watched_is_put_right() {
    for running in [false, true] {
        let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.9"])]);
        let given = [("192.0.2.5", Some("a"))];
        let statuses = [
            ours(service("other"), 10, &[("192.0.2.6", Some("a"))]),
            edited(service("emptied"), &[], &given),
            edited(service("later"), &[], &given),
            edited(service("anothers"), &["192.0.2.6"], &[("192.0.2.7", Some("a"))]),
            edited(service("beside"), &["192.0.2.8"], &[("192.0.2.6", Some("a"))]),
            edited(service("orphan"), &[], &[("198.51.100.1", Some("gone"))]),
            edited(service("handed-over"), &["192.0.2.9", "203.0.113.1"], &[("192.0.2.3", Some("a"))]),
        ];
        for status in statuses {
            match running {
                true => world.put_with_status(status),
                false => drop(world.services.insert(status.id.clone(), status)),
            }
        }
        if !running {
            world.allocator = world.restarted();
            let changes = world.allocator.settle();
            world.write(changes);
        }
        for (name, addresses) in [
            ("other", &["192.0.2.6"][..]),
            ("emptied", &["192.0.2.5"]),
            ("anothers", &["192.0.2.7"]),
            ("orphan", &["198.51.100.1"]),
        ] {
            assert_eq!(world.addresses(name), addresses, "{name}, running: {running}");
        }
        assert_eq!(world.reason("handed-over"), "Foreign");
        // Whose address somebody else has by now gets another.
        for name in ["later", "beside"] {
            assert_eq!(world.reason(name), "Assigned");
            assert!(
                !["192.0.2.5", "192.0.2.6", "192.0.2.7", "192.0.2.9"].contains(&&*world.addresses(name)[0])
            );
        }
    }
}

#[test]
fn one_address_of_two_that_was_taken_out_by_hand_comes_back() {
    for running in [false, true] {
        let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.9", "2001:db8::1-2001:db8::9"])]);
        let both = dual("both", FamilyPolicy::Require);
        let left = ours(both, 10, &[("192.0.2.5", Some("a"))]);
        let status = without(left, &[("2001:db8::7", Some("a"))]);
        if running {
            world.put_with_status(status);
        } else {
            world.services.insert(status.id.clone(), status);
            world.allocator = world.restarted();
            let changes = world.allocator.settle();
            world.write(changes);
        }
        assert_eq!(world.addresses("both"), ["192.0.2.5", "2001:db8::7"], "running: {running}");
    }
}
