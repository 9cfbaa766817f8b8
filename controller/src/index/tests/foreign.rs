//! An ingress that something else wrote, and the Event that says so.

use std::collections::BTreeSet;

use ferrolb_api::condition::IP_ALLOCATED;
use ferrolb_model::ServiceId;
use ferrolb_runtime::{kinds, watch::Change};

use super::{
    super::{Event, Index},
    world::World,
};

/// What another load balancer does.
fn hand_over(world: &mut World, id: &ServiceId, address: &str) -> Event {
    world.edit(id, |service| {
        service.status.load_balancer.ingress =
            vec![kinds::Ingress { ip: Some(address.into()), hostname: None, ip_mode: Some("VIP".into()) }];
    })
}

/// The names of the Events about foreign ingress that are told meanwhile.
fn told(world: &mut World, index: &mut Index) -> Vec<String> {
    let before = world.events.len();
    world.run(index);
    let told = world.events[before..].iter().filter(|event| event.reason == "ForeignIngress");
    told.map(|event| event.name.clone().unwrap()).collect()
}

#[test]
fn it_is_left_alone_and_told_of_once() {
    let mut world = World::new();
    let web = world.add_service("web");
    hand_over(&mut world, &web, "198.51.100.9");
    let mut index = world.controller();
    assert_eq!(told(&mut world, &mut index).len(), 1);
    index.apply(Event::Services(Change::All(world.services.values().cloned().collect())));
    let touched = world.edit(&web, |service| service.spec.ports[0].port = 81);
    index.apply(touched);
    assert_eq!(told(&mut world, &mut index), Vec::<String>::new());
    assert_eq!(world.addresses(&web), ["198.51.100.9"]);
    assert_eq!(world.reason(&web, IP_ALLOCATED), None);
    assert_eq!(world.writes, 0);
}

#[test]
fn what_came_while_no_controller_ran_is_told_and_by_the_next_again_under_the_same_name() {
    let mut world = World::new();
    let [web, late] = ["web", "late"].map(|name| world.add_service(name));
    let mut index = world.controller();
    assert_eq!(told(&mut world, &mut index), Vec::<String>::new());
    for id in [&web, &late] {
        hand_over(&mut world, id, "198.51.100.9");
    }

    let mut next = world.controller();
    let first = told(&mut world, &mut next);
    let uids = [&late, &web].map(|id| world.services[id].metadata.uid.clone().unwrap());
    let name = |service: &str, uid: &str| format!("{service}.{uid}.73b0dc5382136671");
    assert_eq!(first, [name("late", &uids[0]), name("web", &uids[1])], "the number is the addresses'");
    let mut after = world.controller();
    assert_eq!(told(&mut world, &mut after), first);
}

#[test]
fn another_address_and_another_service_are_told_under_other_names() {
    let mut world = World::new();
    let web = world.add_service("web");
    hand_over(&mut world, &web, "198.51.100.9");
    let mut index = world.controller();
    let mut names = told(&mut world, &mut index);
    let moved = hand_over(&mut world, &web, "198.51.100.10");
    index.apply(moved);
    names.extend(told(&mut world, &mut index));

    // Made anew under its name, which only a list tells.
    world.add_service("web");
    hand_over(&mut world, &web, "198.51.100.10");
    index.apply(Event::Services(Change::All(world.services.values().cloned().collect())));
    names.extend(told(&mut world, &mut index));
    let distinct: BTreeSet<&String> = names.iter().collect();
    assert_eq!((names.len(), distinct.len()), (3, 3), "{names:?}");
}
