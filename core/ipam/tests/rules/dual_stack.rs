//! One family, both if they can be had, or both or nothing.

use ferrolb_model::{Family, FamilyPolicy, Service};

use crate::world::{World, dual, id, ip, pool, service};

#[test]
fn require_gets_both_or_nothing_and_prefer_what_there_is() {
    let mut world = World::new(vec![pool("four", &["192.0.2.0/24"])]);
    world.put(dual("require", FamilyPolicy::Require));
    world.put(dual("prefer", FamilyPolicy::Prefer));
    assert_eq!(world.reason("require"), "NoPoolMatches");
    assert_eq!((world.addresses("prefer"), world.reason("prefer")), (vec!["192.0.2.0".into()], "Assigned"));

    world.set_pools(vec![pool("four", &["192.0.2.0/24"]), pool("six", &["2001:db8::/64"])]);
    assert_eq!(world.addresses("prefer"), ["192.0.2.0", "2001:db8::"]);
    assert_eq!(world.addresses("require"), ["192.0.2.1", "2001:db8::1"]);

    let six = Service { families: vec![Family::V6], ..service("prefer") };
    world.put(six);
    assert_eq!(world.addresses("prefer"), ["2001:db8::"], "one family less, and the other stays");
}

#[test]
fn both_families_come_from_one_pool_where_one_has_both() {
    let mut world = World::new(vec![pool("a", &["192.0.2.1"]), pool("b", &["198.51.100.1", "2001:db8::1"])]);
    let reversed = Service { families: vec![Family::V6, Family::V4], ..dual("both", FamilyPolicy::Require) };
    world.put(reversed);
    assert_eq!(world.addresses("both"), ["2001:db8::1", "198.51.100.1"], "the preferred family first");
}

#[test]
fn one_family_may_be_named_and_the_other_not() {
    let mut world = World::new(vec![pool("a", &["192.0.2.0/24", "2001:db8::/64"])]);
    let mut asks = dual("one", FamilyPolicy::Require);
    asks.request.addresses = vec![ip("2001:db8::99")];
    world.put(asks.clone());
    assert_eq!(world.addresses("one"), ["192.0.2.0", "2001:db8::99"]);
    asks.id = id("two");
    asks.uid = "two".into();
    world.put(asks);
    assert_eq!(world.reason("two"), "AddressTaken");
    assert!(world.addresses("two").is_empty());
}
