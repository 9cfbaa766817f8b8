use std::net::IpAddr;

use ferrolb_model::{
    Assignment, Family, FamilyPolicy, Ingress, IpRange, Labels, Pool, Port, Protocol, Request, Selector,
    Service, ServiceAllocation, ServiceId,
};

use crate::{Snapshot, plan};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn pool(name: &str, created: i64, ranges: &[(&str, &str)]) -> Pool {
    let ranges = ranges.iter().map(|(first, last)| IpRange::new(ip(first), ip(last)).unwrap()).collect();
    Pool { created, ..Pool::new(name, ranges) }
}

fn service(name: &str, held: &[(&str, &str)]) -> Service {
    let assigned: Vec<_> = held
        .iter()
        .map(|(address, pool)| Assignment { address: ip(address), pool: Some((*pool).into()) })
        .collect();
    let ingress = if assigned.is_empty() {
        Ingress::Empty
    } else {
        Ingress::Ours { assigned, removed: Vec::new(), since: 1 }
    };
    let ports = vec![Port { protocol: Protocol::Tcp, number: 80 }];
    Service { ingress, ..Service::new(ServiceId::new("default", name), name, ports) }
}

fn asking(address: &str, service: Service) -> Service {
    Service { request: Request { addresses: vec![ip(address)], ..Request::default() }, ..service }
}

fn lan() -> Pool {
    pool("lan", 1, &[("192.0.2.1", "192.0.2.9")])
}

fn cluster() -> Snapshot {
    Snapshot {
        pools: vec![lan()],
        services: vec![
            service("one", &[("192.0.2.1", "lan")]),
            service("two", &[("192.0.2.2", "lan")]),
            asking("192.0.2.2", service("wants-two", &[])),
        ],
        ..Snapshot::default()
    }
}

/// What the edit does, a line for each Service: `name: addresses -> addresses, because cause`.
fn effects(before: &Snapshot, edit: impl FnOnce(&mut Snapshot)) -> Vec<String> {
    let mut after = before.clone();
    edit(&mut after);
    let addresses = |outcome: &crate::Outcome| {
        let list: Vec<_> = outcome.addresses().iter().map(|one| one.address.to_string()).collect();
        if list.is_empty() { "-".to_owned() } else { list.join(",") }
    };
    let line = |effect: crate::Effect| {
        let (before, after) = (addresses(&effect.before), addresses(&effect.after));
        format!("{}: {before} -> {after}, because {}", effect.service.name, effect.cause)
    };
    plan(before, &after).into_iter().map(line).collect()
}

#[test]
fn an_edit_that_touches_nobody_has_no_effect() {
    assert!(effects(&cluster(), |_| {}).is_empty());
    assert_eq!(
        effects(&cluster(), |after| after.pools[0].drain = true),
        ["wants-two: - -> -, because the reason is another"]
    );
    assert!(
        effects(&cluster(), |after| after.pools.push(pool("b", 2, &[("198.51.100.1", "198.51.100.1")])))
            .is_empty()
    );
}

#[test]
fn what_an_edit_takes_out_of_its_pool_moves_and_who_waited_for_it_is_told_otherwise() {
    let shrunk = effects(&cluster(), |after| after.pools[0] = pool("lan", 1, &[("192.0.2.2", "192.0.2.9")]));
    assert_eq!(
        shrunk,
        ["one: 192.0.2.1 -> 192.0.2.3, because 192.0.2.1 is no longer among the addresses of pool lan"]
    );
    let excluded = effects(&cluster(), |after| after.pools[0].exclude = vec![ip("192.0.2.2").into()]);
    assert_eq!(
        excluded,
        [
            "two: 192.0.2.2 -> 192.0.2.3, because pool lan excludes 192.0.2.2",
            "wants-two: - -> -, because the reason is another",
        ]
    );
}

#[test]
fn deleted_renamed_and_overlapped_pools_move_nobody() {
    let kept = "192.0.2.1 -> 192.0.2.1, because";
    let deleted = effects(&cluster(), |after| after.pools.clear());
    assert_eq!(deleted[0], format!("one: {kept} pool lan is gone; 192.0.2.1 is kept"));
    let renamed = effects(&cluster(), |after| after.pools[0].name = "new".into());
    assert_eq!(renamed[0], format!("one: {kept} 192.0.2.1 is in pool new now"));
    let overlapped =
        effects(&cluster(), |after| after.pools.push(pool("old", 0, &[("192.0.2.1", "192.0.2.1")])));
    assert_eq!(
        overlapped,
        [format!("one: {kept} 192.0.2.1 is in pool old too, which is older than pool lan and has it")]
    );
}

#[test]
fn pools_are_edited_one_after_the_other_in_the_order_given() {
    let old = || pool("lan", 1, &[("192.0.2.1", "192.0.2.1"), ("192.0.2.9", "192.0.2.9")]);
    let new = || pool("new", 1, &[("192.0.2.2", "192.0.2.8")]);
    let shrunk_first = effects(&cluster(), |after| after.pools = vec![old(), new()]);
    assert_eq!(
        shrunk_first[0],
        "two: 192.0.2.2 -> 192.0.2.9, because 192.0.2.2 is no longer among the addresses of pool lan"
    );
    let made_first = effects(&cluster(), |after| after.pools = vec![new(), old()]);
    assert_eq!(made_first, ["two: 192.0.2.2 -> 192.0.2.2, because 192.0.2.2 is in pool new now"]);
}

#[test]
fn services_that_come_go_and_ask_for_something_else() {
    let moved =
        effects(&cluster(), |after| after.services[1] = asking("192.0.2.7", after.services[1].clone()));
    assert_eq!(
        moved,
        [
            "two: 192.0.2.2 -> 192.0.2.7, because it asks for something else",
            "wants-two: - -> 192.0.2.2, because 192.0.2.2 is free for it now",
        ]
    );
    let gone = effects(&cluster(), |after| {
        after.services.remove(1);
    });
    assert_eq!(
        gone,
        [
            "two: 192.0.2.2 -> -, because it is gone, or no longer FerroLB's",
            "wants-two: - -> 192.0.2.2, because 192.0.2.2 is free for it now",
        ]
    );
    let added = effects(&cluster(), |after| after.services.push(service("new", &[])));
    assert_eq!(added, ["new: - -> 192.0.2.3, because it is new"]);
}

#[test]
fn who_is_served_by_a_pool_that_did_not_serve_it_is_told_which() {
    let mut before = cluster();
    before.pools[0].allocation =
        Some(ServiceAllocation { namespaces: vec!["other".into()], ..ServiceAllocation::default() });
    before.services.push(service("three", &[]));
    let opened = effects(&before, |after| after.pools[0].allocation = None);
    assert_eq!(opened[0], "three: - -> 192.0.2.3, because pool lan gives it an address now");

    let team = |name: &str| Labels::from([("team".into(), name.into())]);
    before.namespaces.insert("default".into(), team("a"));
    before.pools[0].allocation = Some(ServiceAllocation {
        namespace_selectors: vec![Selector { match_labels: team("b"), match_expressions: Vec::new() }],
        ..ServiceAllocation::default()
    });
    let relabelled = effects(&before, |after| {
        after.namespaces.insert("default".into(), team("b"));
    });
    assert_eq!(relabelled[0], "three: - -> 192.0.2.3, because pool lan gives it an address now");
}

#[test]
fn who_may_no_longer_share_and_who_loses_a_family_is_told_so() {
    let mut before = cluster();
    before.pools[0].ranges.push(IpRange::new(ip("2001:db8::1"), ip("2001:db8::9")).unwrap());
    let sharing = |name: &str, number, held: &[(&str, &str)]| Service {
        request: Request { sharing_key: Some("k".into()), ..Request::default() },
        ports: vec![Port { protocol: Protocol::Tcp, number }],
        ..service(name, held)
    };
    before.services = vec![
        sharing("a", 80, &[("192.0.2.1", "lan")]),
        sharing("b", 81, &[("192.0.2.1", "lan")]),
        Service {
            families: vec![Family::V4, Family::V6],
            policy: FamilyPolicy::Require,
            ..service("dual", &[("192.0.2.3", "lan"), ("2001:db8::1", "lan")])
        },
    ];
    let clash = effects(&before, |after| after.services[1].ports[0].number = 80);
    assert_eq!(
        clash,
        ["b: 192.0.2.1 -> 192.0.2.4, because 192.0.2.1 cannot be shared with default/a any more: \
          both listen on 80/TCP; change one of the ports"]
    );
    let single = effects(&before, |after| {
        after.services[2].families.pop();
        after.services[2].policy = FamilyPolicy::Single;
    });
    assert_eq!(
        single,
        ["dual: 192.0.2.3,2001:db8::1 -> 192.0.2.3, because it no longer has the family IPv6"]
    );
}

#[test]
fn each_pool_says_what_it_thinks_of_a_service_that_has_an_address_too() {
    let mut cluster = cluster();
    cluster.pools.push(Pool { auto_assign: false, ..pool("named", 2, &[("198.51.100.1", "198.51.100.1")]) });
    let opinions = cluster.allocator().opinions(&ServiceId::new("default", "one"));
    let said: Vec<_> = opinions
        .iter()
        .map(|one| match &one.verdict {
            Ok(free) => format!("{} {}: {free} free", one.pool, one.family),
            Err(verdict) => format!("{} {}: {verdict}", one.pool, one.family),
        })
        .collect();
    assert_eq!(said, ["lan IPv4: 7 free", "named IPv4: serves only Services that name it (autoAssign)"]);
}
