//! Services that are another's business: what they have is given to nobody.

use ferrolb_ipam::{Allocator, Outcome};

use crate::world::{id, ip, ours, pool, service};

#[test]
fn what_a_service_of_another_class_has_is_given_to_nobody() {
    let one = vec![pool("a", &["192.0.2.1-192.0.2.2"])];
    let mut allocator = Allocator::new();
    allocator.set_pools(one);
    allocator.set_bystander(&id("theirs"), vec![ip("192.0.2.1")]);
    allocator.settle();
    let addresses = |allocator: &Allocator, name: &str| -> Vec<_> {
        let outcome = allocator.outcome(&id(name)).unwrap();
        outcome.addresses().iter().map(|one| one.address).collect()
    };
    allocator.upsert_service(service("ours"));
    assert_eq!(addresses(&allocator, "ours"), [ip("192.0.2.2")]);
    allocator.upsert_service(service("waits"));
    assert!(addresses(&allocator, "waits").is_empty());

    allocator.remove_service(&id("theirs"));
    assert_eq!(addresses(&allocator, "waits"), [ip("192.0.2.1")]);
}

#[test]
fn a_service_that_is_no_longer_served_keeps_what_its_status_names() {
    let mut allocator = Allocator::new();
    allocator.set_pools(vec![pool("a", &["192.0.2.1"])]);
    allocator.settle();
    allocator.upsert_service(service("left"));
    allocator.upsert_service(service("waits"));
    let changes = allocator.set_bystander(&id("left"), vec![ip("192.0.2.1")]);
    assert!(changes.iter().all(|change| change.outcome.addresses().is_empty()), "{changes:?}");

    let back = ours(service("left"), 1, &[("192.0.2.1", Some("a"))]);
    allocator.upsert_service(back);
    assert!(matches!(allocator.outcome(&id("left")), Some(Outcome::Assigned(_))));
    assert!(matches!(allocator.outcome(&id("waits")), Some(Outcome::Refused(_))));
}
