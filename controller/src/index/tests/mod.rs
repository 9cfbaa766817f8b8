//! The whole index against an API server in memory.

mod bgp;
mod foreign;
mod moves;
mod pools;
mod sim;
mod world;

use ferrolb_api::{
    Interface, SpeakerState, SpeakerStateSpec, SpeakerStateStatus,
    condition::{ANNOUNCED, IP_ALLOCATED},
};
use ferrolb_runtime::{kinds, watch::Change};

use self::world::{World, today};
use super::Event;
use crate::write::{Outcome, Target, Verdict, Write};

#[test]
fn a_service_gets_an_address_by_one_patch_and_a_slice() {
    let mut world = World::new();
    let web = world.add_service("web");
    let mut index = world.controller();
    let first = index.poll_write(std::time::Duration::from_secs(1), today());
    assert!(matches!(&first, Some(Write::ServiceStatus { service, .. }) if *service == web));

    let mut index = world.controller();
    world.run(&mut index);
    assert_eq!(world.addresses(&web), ["192.0.2.128"]);
    assert_eq!(world.slices["vips-0"].spec.vips[0].ip, "192.0.2.128");
    assert_eq!(world.slices["vips-0"].spec.vips[0].layer2.as_ref().unwrap().nodes.len(), 2);
    assert_eq!(world.reason(&web, ANNOUNCED).as_deref(), Some("Pending"), "no speaker runs here");
    assert_eq!(world.writes, 3, "the address, the slice, and that nobody answers");
}

#[test]
fn nothing_is_decided_before_everything_is_listed() {
    let mut world = World::new();
    world.add_service("web");
    let mut index = super::Index::new(true, false);
    for event in world.lists() {
        assert!(index.poll_write(std::time::Duration::from_secs(1), today()).is_none());
        index.apply(event);
    }
    assert!(index.poll_write(std::time::Duration::from_secs(1), today()).is_some());
}

#[test]
fn a_restart_with_nothing_to_change_writes_nothing() {
    let mut world = World::new();
    let services: Vec<_> = (0..3).map(|number| world.add_service(&format!("web-{number}"))).collect();
    let mut index = world.controller();
    world.run(&mut index);
    let before: Vec<_> = services.iter().map(|id| world.addresses(id)).collect();
    let (writes, events) = (world.writes, world.events.len());

    let mut restarted = world.controller();
    world.run(&mut restarted);
    assert_eq!((world.writes, world.events.len()), (writes, events));
    assert_eq!(services.iter().map(|id| world.addresses(id)).collect::<Vec<_>>(), before);
}

#[test]
fn a_relist_is_how_a_deletion_can_look_and_the_freed_address_serves_who_waits() {
    let mut world = World::new();
    let services: Vec<_> = (0..5).map(|number| world.add_service(&format!("web-{number}"))).collect();
    let mut index = world.controller();
    world.run(&mut index);
    assert_eq!(world.reason(&services[4], IP_ALLOCATED).as_deref(), Some("PoolExhausted"));

    let freed = world.addresses(&services[1]);
    world.services.remove(&services[1]);
    index.apply(Event::Services(Change::All(world.services.values().cloned().collect())));
    world.run(&mut index);
    assert_eq!(world.addresses(&services[4]), freed);
}

/// A report of node n1, whose second interface has these addresses.
fn reports(addresses: &[&str]) -> SpeakerState {
    let interface = |name: &str, addresses: &[&str]| Interface {
        name: name.into(),
        addresses: addresses.iter().map(ToString::to_string).collect(),
        carrier: true,
        segment: None,
    };
    let mut state = SpeakerState::new("n1", SpeakerStateSpec {});
    state.status = Some(SpeakerStateStatus {
        interfaces: vec![interface("eth0", &["198.51.100.1/24"]), interface("eth1", addresses)],
        ..SpeakerStateStatus::default()
    });
    state
}

#[test]
fn an_address_that_only_a_speaker_reports_is_a_nodes_too() {
    let mut world = World::new();
    world.set_pool("lan", &["192.0.2.128-192.0.2.129"]);
    world.speakers.insert("n1".into(), reports(&["192.0.2.128/24"]));
    let [first, second] = ["first", "second"].map(|name| world.add_service(name));
    let mut index = world.controller();
    world.run(&mut index);
    assert_eq!(world.addresses(&first), ["192.0.2.129"]);
    assert_eq!(world.reason(&second, IP_ALLOCATED).as_deref(), Some("PoolExhausted"));
    let named = world.edit(&second, |one| one.spec.load_balancer_ip = Some("192.0.2.128".into()));
    index.apply(named);
    world.run(&mut index);
    assert_eq!(world.reason(&second, IP_ALLOCATED).as_deref(), Some("AddressOfNode"));

    index.apply(Event::Speakers(Change::Applied(reports(&["192.0.2.129/24"]))));
    world.run(&mut index);
    assert_eq!(world.addresses(&second), ["192.0.2.128"], "the node has left it");
    assert_eq!(world.addresses(&first), ["192.0.2.129"], "who has one keeps it");

    let freed = world.services.remove(&first).unwrap();
    index.apply(Event::Services(Change::Deleted(freed)));
    let third = world.add_service("third");
    index.apply(Event::Services(Change::Applied(world.services[&third].clone())));
    world.run(&mut index);
    assert_eq!(world.reason(&third, IP_ALLOCATED).as_deref(), Some("PoolExhausted"));
    assert!(index.audit().is_empty(), "decided anew it is the same: {:?}", index.audit());
    index.apply(Event::Speakers(Change::All(Vec::new())));
    world.run(&mut index);
    assert_eq!(world.addresses(&third), ["192.0.2.129"]);
}

#[test]
fn a_service_that_leaves_and_returns_gets_its_address_back() {
    let mut world = World::new();
    let web = world.add_service("web");
    let other = world.add_service("web-2");
    let mut index = world.controller();
    world.run(&mut index);
    let before = world.addresses(&web);

    // The API server clears the ingress itself, and the watch shows the Service as gone.
    world.edit(&web, |service| {
        service.spec.r#type = "ClusterIP".into();
        service.status = kinds::ServiceStatus::default();
    });
    index.apply(Event::Services(Change::Deleted(world.services[&web].clone())));
    world.run(&mut index);
    assert_eq!(world.slices["vips-0"].spec.vips.len(), 1);

    let event = world.edit(&web, |service| service.spec.r#type = "LoadBalancer".into());
    index.apply(event);
    world.run(&mut index);
    assert_eq!(world.addresses(&web), before);
    assert_ne!(world.addresses(&other), before);
}

#[test]
fn an_address_whose_write_has_an_unknown_outcome_is_given_to_nobody_else() {
    let mut world = World::new();
    world.set_pool("lan", &["192.0.2.128-192.0.2.128"]);
    let web = world.add_service("web");
    let mut index = world.controller();
    let now = std::time::Duration::from_secs(1);
    let write = index.poll_write(now, today()).unwrap();
    // The write takes effect, but its answer is lost.
    assert!(matches!(world.write(&write), Verdict::Done { .. }));
    let lost = Verdict::Again { after: None, why: "time-out".into() };
    index.finished(&Outcome { target: Target::of(&write), verdict: lost }, now, today());

    let late = world.add_service("late");
    index.apply(Event::Services(Change::Applied(world.services[&late].clone())));
    index.apply(Event::Services(Change::Applied(world.services[&web].clone())));
    world.run(&mut index);
    assert_eq!(world.addresses(&web), ["192.0.2.128"]);
    assert_eq!(world.addresses(&late), Vec::<String>::new());
    assert_eq!(world.reason(&late, IP_ALLOCATED).as_deref(), Some("PoolExhausted"));
}

#[test]
fn an_address_that_frees_another_by_being_written_is_announced_though_the_answer_is_lost() {
    let mut world = World::new();
    world.set_pool("lan", &["192.0.2.128-192.0.2.128"]);
    world.set_pool("dmz", &["192.0.2.200-192.0.2.200"]);
    let asks = |pool: &str| {
        let annotations = [("ferrolb.io/address-pool".to_owned(), pool.to_owned())];
        move |service: &mut kinds::Service| service.metadata.annotations = Some(annotations.into())
    };
    let [holds, waits] = ["holds", "waits"].map(|name| {
        let id = world.add_service(name);
        world.edit(&id, asks("lan"));
        id
    });
    let mut index = world.controller();
    world.run(&mut index);
    assert_eq!(world.reason(&waits, IP_ALLOCATED).as_deref(), Some("PoolExhausted"));

    let moves = world.edit(&holds, asks("dmz"));
    index.apply(moves);
    let now = std::time::Duration::from_secs(1000);
    let write = index.poll_write(now, today()).unwrap();
    assert!(matches!(world.write(&write), Verdict::Done { .. }));
    let lost = Verdict::Again { after: None, why: "time-out".into() };
    index.finished(&Outcome { target: Target::of(&write), verdict: lost }, now, today());
    // What the status says now decides for the other Service alone, which gets the address that was left.
    index.apply(Event::Services(Change::Applied(world.services[&holds].clone())));
    assert!(index.audit().is_empty(), "{:?}", index.audit());
    world.run_for(&mut index, now);
    assert_eq!([&holds, &waits].map(|id| world.addresses(id)), [["192.0.2.200"], ["192.0.2.128"]]);
}

#[test]
fn one_slice_that_is_written_has_its_own_services_looked_at_and_no_others() {
    let mut world = World::new();
    world.set_pool("lan", &["192.0.2.0/24"]);
    (0..50).for_each(|number| drop(world.add_service(&format!("web-{number}"))));
    let mut index = world.controller();
    world.run(&mut index);
    let new = world.add_service("new");
    index.apply(Event::Services(Change::Applied(world.services[&new].clone())));
    world.run_for(&mut index, std::time::Duration::from_millis(50));
    let looked_at = index.announced.due(std::time::Duration::from_secs(1000));
    assert!(looked_at.contains(&new) && looked_at.len() <= 8, "{looked_at:?}");
}

#[test]
fn a_service_made_anew_under_its_name_is_served_again() {
    let mut world = World::new();
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    world.add_service("web");
    index.apply(Event::Services(Change::Applied(world.services[&web].clone())));
    world.run(&mut index);
    assert_eq!(world.addresses(&web).len(), 1);
    assert_eq!(world.reason(&web, IP_ALLOCATED).as_deref(), Some("Allocated"));
}

#[test]
fn an_address_of_a_service_that_is_left_alone_is_given_to_nobody() {
    let mut world = World::new();
    let before = world.add_service("before");
    let mut index = world.controller();
    world.run(&mut index);
    let kept = world.addresses(&before);

    let mut index = world.controller_of(false);
    let ours = world.add_service("ours");
    let event = world.edit(&ours, |service| service.spec.load_balancer_class = Some("ferrolb.io/lb".into()));
    index.apply(event);
    world.run(&mut index);
    assert_eq!(world.addresses(&before), kept);
    assert_eq!(world.addresses(&ours).len(), 1);
    assert_ne!(world.addresses(&ours), kept);
}

/// MetalLB reprocesses every Service at any deletion.
#[test]
fn one_deleted_and_one_created_beside_5200_is_one_patch() {
    let mut world = World::new();
    world.set_pool("lan", &["10.32.0.0-10.32.63.255"]);
    let services: Vec<_> = (0..5200).map(|number| world.add_service(&format!("web-{number}"))).collect();
    let mut index = world.controller();
    world.run(&mut index);
    let before: Vec<_> = services[1..].iter().map(|id| world.addresses(id)).collect();
    let counted = world.status_writes;

    let deleted = world.services.remove(&services[0]).unwrap();
    index.apply(Event::Services(Change::Deleted(deleted)));
    let new = world.add_service("new");
    index.apply(Event::Services(Change::Applied(world.services[&new].clone())));
    let first = index.poll_write(std::time::Duration::from_secs(1000), today());
    assert!(matches!(&first, Some(Write::ServiceStatus { service, .. }) if *service == new), "at once");
    let mut index = world.controller();
    world.run(&mut index);
    assert_eq!(world.status_writes - counted, 2, "its address, and that nobody announces it");
    assert_eq!(services[1..].iter().map(|id| world.addresses(id)).collect::<Vec<_>>(), before);
}

#[test]
fn what_a_watch_tells_before_a_list_is_complete_gives_nobody_an_address() {
    let mut world = World::new();
    world.set_pool("lan", &["192.0.2.128-192.0.2.128"]);
    let held = world.add_service("held");
    let mut index = world.controller();
    world.run(&mut index);
    let late = world.add_service("late");

    let mut index = super::Index::new(true, false);
    index.apply(Event::Services(Change::Applied(world.services[&late].clone())));
    for event in world.lists() {
        assert!(index.poll_write(std::time::Duration::from_secs(1), today()).is_none());
        index.apply(event);
    }
    world.run(&mut index);
    assert_eq!(world.addresses(&held), ["192.0.2.128"]);
    assert_eq!(world.addresses(&late), Vec::<String>::new());
}
