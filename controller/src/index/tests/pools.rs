//! Pools that are deleted, or that cannot be read.

use ferrolb_api::{
    BGPAdvertisement, L2Advertisement,
    condition::{ANNOUNCED, IP_ALLOCATED},
};
use ferrolb_runtime::watch::Change;
use serde_json::json;

use super::{super::Event, world::World};

#[test]
fn a_pool_that_goes_takes_nothing_with_it() {
    let mut world = World::new();
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    world.pools.clear();
    index.apply(Event::Pools(Change::All(Vec::new())));
    world.run(&mut index);
    assert_eq!(world.addresses(&web), ["192.0.2.128"]);
    assert_eq!(world.reason(&web, IP_ALLOCATED).as_deref(), Some("PoolMissing"));
    assert_eq!(world.slices["vips-0"].spec.vips.len(), 1, "it is announced on");

    let mut restarted = world.controller();
    world.run(&mut restarted);
    assert_eq!(world.addresses(&web), ["192.0.2.128"]);
}

/// Both ways of announcing select the pool by its label. `edit` takes the pool away or breaks it.
fn announced_on_after(edit: impl Fn(&mut World)) {
    let by_label = json!({"ipAddressPoolSelectors": [{"matchLabels": {"tier": "front"}}]});
    let mut world = World::new();
    let label = |world: &mut World, tier: &str| {
        let labels = &mut world.pools.get_mut("lan").unwrap().metadata.labels;
        *labels = Some([("tier".to_owned(), tier.to_owned())].into());
    };
    label(&mut world, "front");
    let spec = serde_json::from_value(by_label.clone()).unwrap();
    world.advertisements.insert("all".into(), L2Advertisement::new("all", spec));
    let spec = serde_json::from_value(by_label).unwrap();
    world.bgp_advertisements.insert("routes".into(), BGPAdvertisement::new("routes", spec));
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    let published = world.slices["vips-0"].spec.clone();
    let vip = &published.vips[0];
    assert_eq!(vip.layer2.as_ref().unwrap().by_pool_labels, ["all"]);
    assert_eq!(vip.bgp.as_ref().unwrap().advertisements[0].name, "routes");
    let writes = world.writes;

    edit(&mut world);
    index.apply(Event::Pools(Change::All(world.pools.values().cloned().collect())));
    world.run(&mut index);
    assert_eq!(world.slices["vips-0"].spec, published);
    let mut restarted = world.controller();
    world.run(&mut restarted);
    assert_eq!(world.slices["vips-0"].spec, published, "who leads now never saw the pool");
    assert_ne!(world.reason(&web, ANNOUNCED).as_deref(), Some("NoAdvertisement"));
    assert_eq!(world.addresses(&web), ["192.0.2.128"]);
    assert!(world.writes <= writes + 1, "that the pool is missing, at most");

    world.set_pool("lan", &["192.0.2.128-192.0.2.131"]);
    label(&mut world, "back");
    restarted.apply(Event::Pools(Change::All(world.pools.values().cloned().collect())));
    world.run(&mut restarted);
    assert!(!world.slices.contains_key("vips-0"), "a label that is another counts");
}

#[test]
fn a_deleted_pool_is_announced_on_by_who_selected_its_labels_also_after_a_restart() {
    announced_on_after(|world| world.pools.clear());
}

#[test]
fn a_bad_edit_of_a_pool_and_a_change_of_leader_are_no_outage() {
    announced_on_after(|world| {
        let labels = world.pools["lan"].metadata.labels.clone();
        world.set_pool("lan", &["192.0.2.131-192.0.2.128"]);
        world.pools.get_mut("lan").unwrap().metadata.labels = labels;
    });
}

#[test]
fn after_a_change_of_leader_a_pool_that_is_invalid_is_called_so_and_not_gone() {
    let mut world = World::new();
    let by_name = json!({"ipAddressPools": ["lan"]});
    let spec = serde_json::from_value(by_name).unwrap();
    world.advertisements.insert("all".into(), L2Advertisement::new("all", spec));
    let web = world.add_service("web");
    let mut index = world.controller();
    world.run(&mut index);
    world.set_pool("lan", &["192.0.2.131-192.0.2.128"]);
    index.apply(Event::Pools(Change::All(world.pools.values().cloned().collect())));
    world.run(&mut index);
    assert_eq!(
        world.reason(&web, IP_ALLOCATED).as_deref(),
        Some("Allocated"),
        "its last good version counts"
    );

    let late = world.add_service("late");
    world.edit(&late, |one| {
        let annotation = (ferrolb_api::ADDRESS_POOL.to_owned(), "lan".to_owned());
        one.metadata.annotations = Some([annotation].into());
    });
    let mut restarted = world.controller();
    world.run(&mut restarted);
    let told = |world: &World, id| {
        let conditions = &world.services[id].status.conditions;
        let condition = conditions.iter().find(|one| one.type_ == IP_ALLOCATED).unwrap();
        condition.message.clone()
    };
    let kept = "192.0.2.128 from pool lan; 192.0.2.128 is kept although its pool lan is invalid; mend";
    assert!(told(&world, &web).starts_with(kept), "{}", told(&world, &web));
    assert!(told(&world, &late).starts_with("pool lan is invalid; mend"), "{}", told(&world, &late));
    let resolved = &world.advertisements["all"].status.as_ref().unwrap().conditions;
    let resolved = resolved.iter().find(|one| one.type_ == "ResolvedRefs").unwrap();
    assert_eq!(resolved.status, "True", "the pool that it names is there: {}", resolved.message);

    let pool = world.pools.remove("lan").unwrap();
    restarted.apply(Event::Pools(Change::Deleted(pool)));
    world.run(&mut restarted);
    assert!(told(&world, &web).contains("its pool lan no longer exists"), "{}", told(&world, &web));
    world.set_pool("lan", &["192.0.2.128-192.0.2.131"]);
    restarted.apply(Event::Pools(Change::Applied(world.pools["lan"].clone())));
    world.run(&mut restarted);
    assert_eq!(told(&world, &web), "192.0.2.128 from pool lan");
    assert_eq!(world.addresses(&late), ["192.0.2.129"]);
    assert!(restarted.audit().is_empty(), "{:?}", restarted.audit());
}
