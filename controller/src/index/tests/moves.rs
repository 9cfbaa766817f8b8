//! VIPs that move because somebody asks for it.

use std::collections::BTreeMap;

use ferrolb_api::{
    Configuration, Exception, ExceptionKind, Interface, Layer2Announcement, MOVE_TO, REBALANCE, SpeakerState,
    SpeakerStateSpec, SpeakerStateStatus, condition::ANNOUNCED,
};
use ferrolb_model::ServiceId;
use ferrolb_runtime::watch::Change;

use super::{super::Event, world::World};

/// What slices say of a Service's VIP.
fn layer2(world: &World, service: &ServiceId) -> Layer2Announcement {
    let address = &world.addresses(service)[0];
    let mut vips = world.slices.values().flat_map(|slice| &slice.spec.vips);
    vips.find(|vip| vip.ip == *address).unwrap().layer2.clone().unwrap()
}

fn announced(world: &World, service: &ServiceId) -> String {
    let conditions = &world.services[service].status.conditions;
    conditions.iter().find(|one| one.type_ == ANNOUNCED).unwrap().message.clone()
}

/// Speakers that know the newest slices and own what `owner` says report it.
fn report(world: &mut World, owners: &BTreeMap<String, &str>) -> Event {
    let revision = world.next_version().to_string();
    let vips: Vec<_> = world.slices.values().flat_map(|slice| slice.spec.vips.clone()).collect();
    for node in ["n1", "n2"] {
        let exceptions = vips.iter().filter_map(|vip| {
            let (first, owner) = (&vip.layer2.as_ref().unwrap().nodes[0], *owners.get(&vip.ip).unwrap());
            let kind = match (first == node, owner == node) {
                (true, false) => ExceptionKind::Missing,
                (false, true) => ExceptionKind::Taken,
                (true, true) | (false, false) => return None,
            };
            let since = "2026-11-22T12:00:00Z".parse().unwrap();
            Some(Exception {
                ip: vip.ip.clone(),
                interface: "eth0".into(),
                kind,
                term: 1,
                since,
                reason: "so".into(),
            })
        });
        let status = SpeakerStateStatus {
            exceptions: exceptions.collect(),
            interfaces: vec![Interface {
                name: "eth0".into(),
                addresses: vec!["192.0.2.11/24".into()],
                carrier: true,
                segment: None,
            }],
            configuration: Configuration { revision: revision.clone(), ..Configuration::default() },
            ..SpeakerStateStatus::default()
        };
        let mut state = SpeakerState::new(node, SpeakerStateSpec {});
        state.metadata.resource_version = Some(world.next_version().to_string());
        state.status = Some(status);
        world.speakers.insert(node.into(), state);
    }
    Event::Speakers(Change::All(world.speakers.values().cloned().collect()))
}

#[test]
fn a_service_that_names_a_node_moves_there_and_is_told_where_it_is() {
    let mut world = World::new();
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    let before = layer2(&world, &web);
    let (first, other) = (before.nodes[0].clone(), before.nodes[1].clone());
    let address = world.addresses(&web)[0].clone();
    // The first tells of the VIP's network, the second knows the slice that says so.
    for _ in 0..2 {
        let event = report(&mut world, &BTreeMap::from([(address.clone(), first.as_str())]));
        index.apply(event);
        world.run(&mut index);
    }
    assert_eq!(announced(&world, &web), format!("{address} on node {first} (eth0)"));
    assert_eq!([before.on_link, layer2(&world, &web).on_link], [false, true]);

    let ask = |node: &str| BTreeMap::from([(MOVE_TO.to_owned(), node.to_owned())]);
    let event = world.edit(&web, |service| service.metadata.annotations = Some(ask(&other)));
    index.apply(event);
    world.run(&mut index);
    let asked = layer2(&world, &web);
    assert_eq!((asked.move_to.as_deref(), asked.nodes), (Some(&*other), vec![other.clone(), first.clone()]));
    let event = report(&mut world, &BTreeMap::from([(address.clone(), first.as_str())]));
    index.apply(event);
    world.run(&mut index);
    let moving = format!("{address} on node {first} (eth0); it is to move to node {other}");
    assert_eq!(announced(&world, &web), moving);
    let event = report(&mut world, &BTreeMap::from([(address.clone(), other.as_str())]));
    index.apply(event);
    world.run(&mut index);
    assert_eq!(announced(&world, &web), format!("{address} on node {other} (eth0)"));
    assert_eq!(layer2(&world, &web).move_to, Some(other.clone()), "for as long as it is asked for");
    let writes = world.writes;
    let mut restarted = world.controller();
    world.run(&mut restarted);
    assert_eq!(world.writes, writes, "a restart changes nothing");

    let event = world.edit(&web, |service| service.metadata.annotations = Some(ask("n9")));
    index.apply(event);
    world.run(&mut index);
    let event = report(&mut world, &BTreeMap::from([(address, other.as_str())]));
    index.apply(event);
    world.run(&mut index);
    let told = announced(&world, &web);
    assert!(told.ends_with("the annotation ferrolb.io/move-to names: there is no such node"), "{told}");
    let after = layer2(&world, &web);
    assert_eq!((after.move_to, after.nodes), (None, vec![other, first]), "nothing moves back");
}

#[test]
fn a_rebalance_is_made_once_whenever_the_controller_restarts() {
    let mut world = World::new();
    let services: Vec<_> = (0..4).map(|number| world.add_service(&format!("web-{number}"))).collect();
    let mut index = world.controller();
    world.run(&mut index);
    let all_on = |world: &World| services.iter().map(|id| (world.addresses(id)[0].clone(), "n1")).collect();
    let owners: BTreeMap<_, _> = all_on(&world);
    let event = report(&mut world, &owners);
    index.apply(event);
    world.run(&mut index);

    let advertisement = world.advertisements.get_mut("all").unwrap();
    let annotations = [(REBALANCE.to_owned(), "2026-11-22T12:00:00Z".to_owned())];
    advertisement.metadata.annotations = Some(annotations.into());
    let seen = Event::Advertisements(Change::Applied(advertisement.clone()));
    index.apply(seen);
    // It ends after its first write: the slice that says where VIPs go, and nothing that says that it is done.
    let now = std::time::Duration::from_secs(1_000);
    let a_moment_later = now + std::time::Duration::from_millis(10);
    let first = index.poll_write(now, super::today());
    let first = first.or_else(|| index.poll_write(a_moment_later, super::today())).unwrap();
    world.write(&first);
    let rebalanced =
        |world: &World| world.advertisements["all"].status.clone().unwrap_or_default().rebalanced_for;
    assert_eq!(rebalanced(&world), "");
    let goes = |world: &World| -> Vec<_> { services.iter().map(|id| layer2(world, id).move_to).collect() };
    let wanted = goes(&world);
    assert_eq!(wanted.iter().filter(|to| to.as_deref() == Some("n2")).count(), 2, "{wanted:?}");

    let mut restarted = world.controller();
    world.run(&mut restarted);
    assert_eq!((goes(&world), rebalanced(&world).as_str()), (wanted.clone(), "2026-11-22T12:00:00Z"));

    let arrived: BTreeMap<_, _> = services
        .iter()
        .zip(&wanted)
        .map(|(id, to)| (world.addresses(id)[0].clone(), if to.is_some() { "n2" } else { "n1" }))
        .collect();
    let event = report(&mut world, &arrived);
    restarted.apply(event);
    world.run(&mut restarted);
    assert_eq!(goes(&world), vec![None; 4], "what has arrived moves no more");
    let orders: Vec<_> = services.iter().map(|id| layer2(&world, id).nodes[0].clone()).collect();
    assert_eq!(orders.iter().filter(|first| *first == "n2").count(), 2, "the plan is as it is");

    let writes = world.writes;
    let event = report(&mut world, &owners);
    restarted.apply(event);
    world.run(&mut restarted);
    let mut again = world.controller();
    world.run(&mut again);
    assert_eq!(goes(&world), vec![None; 4], "it is not repeated when VIPs have moved since");
    assert!(world.slices.values().all(|slice| slice.spec.vips.iter().all(|vip| vip.layer2.is_some())));
    assert!(world.writes - writes <= 4, "only where Services say who answers");
}
