//! Several Services at one address.

use ferrolb_ipam::{Clash, Outcome, Refusal, SharingProblem};
use ferrolb_model::{Family, Request, Service, Sharing, TrafficPolicy};

use crate::world::{World, from, id, ip, pool, service, sharing};

#[test]
fn equal_keys_share_and_each_obstacle_is_named() {
    let mut any = pool("any", &["192.0.2.0/24"]);
    any.sharing = Sharing::AnyNamespace;
    let mut world = World::new(vec![any, pool("same", &["198.51.100.0/24"])]);
    world.put(sharing("one", "k", 80));
    world.put(sharing("two", "k", 443));
    world.put(sharing("elsewhere/three", "k", 8080));
    for name in ["one", "two", "elsewhere/three"] {
        assert_eq!(world.addresses(name), ["192.0.2.0"]);
    }
    let vip = world.allocator.vip(ip("192.0.2.0")).unwrap();
    assert_eq!(vip.services.len(), 3);
    assert_eq!(world.allocator.usage(&"any".into(), Family::V4).unwrap().assigned, 1);

    let at = |address: &str, service: Service| {
        let request = Request { addresses: vec![ip(address)], ..service.request.clone() };
        Service { request, ..service }
    };
    let mut expect = |service: Service, problem: Option<SharingProblem>| {
        let name = service.id.to_string();
        world.put(service);
        match (world.outcome(&name), problem) {
            (Outcome::Refused(Refusal::SharingRefused(clash)), Some(expected)) => {
                assert_eq!(clash.problem, expected);
            }
            (Outcome::Refused(Refusal::AddressTaken { .. }), None) => {}
            (outcome, _) => panic!("{name}: {outcome:?}"),
        }
        world.remove(&name);
    };
    expect(at("192.0.2.0", sharing("s", "other", 1)), None);
    expect(at("192.0.2.0", service("s")), None);
    expect(
        at("192.0.2.0", sharing("s", "k", 443)),
        Some(SharingProblem::Port(sharing("s", "k", 443).ports[0])),
    );
    let local = Service { traffic_policy: TrafficPolicy::Local, ..sharing("s", "k", 1) };
    expect(at("192.0.2.0", local), Some(SharingProblem::Endpoints));

    world.put(Service {
        request: Request { sharing_key: Some("n".into()), ..from("x", "same").request },
        ..service("four")
    });
    let foreign_namespace = at("198.51.100.0", sharing("elsewhere/five", "n", 1));
    world.put(foreign_namespace);
    assert!(matches!(
        world.outcome("elsewhere/five"),
        Outcome::Refused(Refusal::SharingRefused(Clash { problem: SharingProblem::Namespace, .. }))
    ));
}

#[test]
fn local_services_share_with_the_same_pods_only() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24"])]);
    let local = |name: &str, port, pods: &str| Service {
        traffic_policy: TrafficPolicy::Local,
        selector: pods.into(),
        ..sharing(name, "k", port)
    };
    world.put(local("one", 80, "app=web"));
    world.put(local("two", 81, "app=web"));
    world.put(local("three", 82, "app=db"));
    assert_eq!(world.addresses("two"), ["192.0.2.0"]);
    assert_eq!(world.addresses("three"), ["192.0.2.1"]);
    let bare = |name| local(name, if name == "four" { 83 } else { 84 }, "");
    world.put(bare("four"));
    world.put(bare("five"));
    assert_ne!(
        world.addresses("four"),
        world.addresses("five"),
        "nobody knows whether two lists of endpoints agree"
    );
}

#[test]
fn who_changes_so_that_sharing_breaks_is_who_moves() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24"])]);
    world.put(sharing("one", "k", 80));
    world.put(sharing("two", "k", 81));
    world.put(sharing("one", "k", 81));
    assert_eq!(
        (world.addresses("one"), world.addresses("two")),
        (vec!["192.0.2.1".into()], vec!["192.0.2.0".into()])
    );
    world.put(sharing("two", "other", 81));
    assert_eq!(world.addresses("two"), ["192.0.2.0"], "alone it may change its key");
}

#[test]
fn who_waits_to_share_is_served_when_the_obstacle_goes() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1"])]);
    world.put(sharing("one", "k", 80));
    world.put(sharing("two", "k", 80));
    assert_eq!(world.reason("two"), "PoolExhausted");
    world.put(sharing("one", "k", 90));
    assert_eq!(world.addresses("two"), ["192.0.2.1"]);
}

#[test]
fn who_does_not_share_is_told_what_is_in_the_way() {
    let mut other = pool("b", &["198.51.100.1"]);
    other.drain = true;
    let mut world = World::new(vec![pool("a", &["192.0.2.1-192.0.2.2"]), other]);
    let told = |world: &World, name: &str| -> Vec<String> {
        world.allocator.clashes(&id(name)).iter().map(Clash::to_string).collect()
    };
    world.put(sharing("one", "k", 80));
    assert!(told(&world, "one").is_empty(), "nobody else has the key");
    world.put(sharing("two", "k", 80));
    assert_eq!(world.addresses("two"), ["192.0.2.2"]);
    let clash = "192.0.2.1 cannot be shared with default/one: both listen on 80/TCP; change one of the ports";
    assert_eq!(told(&world, "two"), [clash]);

    // It waits, and what it is told follows what is true.
    world.put(sharing("three", "k", 80));
    let sentence = |world: &World| {
        let outcome = world.outcome("three");
        let Outcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        refusal.to_string()
    };
    let told_now = sentence(&world);
    assert!(told_now.contains("pool a has none left") && told_now.contains(clash), "{told_now}");
    let both = Service {
        ports: [80, 81].map(|number| sharing("x", "k", number).ports[0]).to_vec(),
        ..sharing("three", "k", 80)
    };
    world.put(both);
    world.put(sharing("one", "k", 81));
    let told_now = sentence(&world);
    assert!(
        told_now.contains("192.0.2.1 cannot be shared with default/one: both listen on 81/TCP"),
        "{told_now}"
    );
    world.put(sharing("one", "else", 81));
    let told_now = sentence(&world);
    assert!(
        told_now.contains("192.0.2.2 cannot be shared with default/two: both listen on 80/TCP"),
        "{told_now}"
    );
    world.put(sharing("two", "else", 80));
    let told_now = sentence(&world);
    assert!(!told_now.contains("shared"), "nobody has its key any more: {told_now}");
    world.put(sharing("two", "k", 82));
    assert_eq!(world.addresses("three"), ["192.0.2.2"]);
    assert!(told(&world, "three").is_empty(), "it shares");
}

#[test]
fn no_more_share_than_an_announcement_can_list() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24"])]);
    for port in 1..=66 {
        world.put(sharing(&format!("s{port:02}"), "k", port));
    }
    assert_eq!(world.allocator.vip(ip("192.0.2.0")).unwrap().services.len(), ferrolb_ipam::MAX_SHARERS);
    assert_eq!(world.allocator.vip(ip("192.0.2.1")).unwrap().services.len(), 2);
}
