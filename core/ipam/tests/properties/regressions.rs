//! Sequences that failed once, as they were printed.

use ferrolb_model::{Family, FamilyPolicy, Pool, Request, Service, Sharing};

use crate::{
    event::Event::{self, Crash, Foreign, Leave, Nodes, Pools, Put, Recreate, Remove, WriteAll},
    run::Run,
    world::{id, ip, pool, range, service, sharing},
};

fn passes(events: &[Event]) {
    Run::new().all(events);
}

/// `default/one` holds an address that a node takes; `default/two` was let in beside it.
#[test]
fn nobody_joins_at_an_address_that_is_a_nodes_by_now() {
    passes(&[
        Pools(vec![Pool { sharing: Sharing::AnyNamespace, ..pool("b", &["192.0.3.5"]) }]),
        Put(sharing("one", "l", 80)),
        WriteAll,
        Nodes(vec![ip("192.0.3.5")]),
        Put(sharing("two", "l", 81)),
        WriteAll,
        Nodes(Vec::new()),
        WriteAll,
    ]);
}

/// Which of two addresses without a pool the condition named depended on which was given first, so that a restart
/// wrote it anew.
#[test]
fn of_two_addresses_without_a_pool_the_preferred_family_is_named() {
    let wants = |name: &str, families| Service { families, policy: FamilyPolicy::Prefer, ..service(name) };
    passes(&[
        Put(wants("one", vec![Family::V4, Family::V6])),
        Pools(vec![pool("c", &["2001:db8::7"])]),
        WriteAll,
        Pools(vec![pool("c", &["2001:db8::7", "192.0.2.255"])]),
        WriteAll,
        Pools(Vec::new()),
        WriteAll,
    ]);
}

/// A Service that names pool `a` is to leave an address that an edit gave to pool `c`.
#[test]
fn an_address_that_goes_over_to_another_pool_is_left_by_who_names_its_old_pool() {
    let request = Request { pool: Some("a".into()), ..Request::default() };
    passes(&[
        Pools(vec![pool("a", &["192.0.2.255"])]),
        Put(Service { request, ..service("one") }),
        WriteAll,
        Pools(vec![Pool { created: 1, ..pool("a", &["192.0.2.254"]) }, pool("c", &["192.0.2.255"])]),
        WriteAll,
    ]);
}

/// `default/joins` asks for an address that another load balancer wrote to `default/zz-adopted`, and carries its key.
#[test]
fn who_shares_an_address_that_is_adopted_is_let_in() {
    let address = ip("192.0.2.7");
    let mut joins = sharing("joins", "k", 80);
    joins.request.addresses = vec![address];
    passes(&[
        Put(Service { created: 1, ..joins }),
        Put(Service { created: 2, ..sharing("zz-adopted", "k", 81) }),
        Foreign(id("zz-adopted"), vec![address]),
        Pools(vec![pool("a", &["192.0.2.7"])]),
        WriteAll,
    ]);
}

/// Both wait for any address. The younger one's key is freed together with the address, and must not help it.
#[test]
fn who_waits_to_share_does_not_overtake_the_older() {
    passes(&[
        Pools(vec![pool("d", &["192.0.3.0"])]),
        Put(sharing("holder", "k", 80)),
        Put(Service { created: 2, ..sharing("younger", "k", 80) }),
        Put(Service { created: 1, ..service("older") }),
        WriteAll,
        Remove(id("holder")),
        WriteAll,
    ]);
}

/// An address of each family is freed. The younger one wants both and waits for IPv4 too, which must not help it to the
/// IPv6 address that the older one waits for.
#[test]
fn who_lacks_both_families_does_not_overtake_the_older() {
    let wants = |name: &str, created, families| Service {
        created,
        families,
        policy: FamilyPolicy::Prefer,
        ..service(name)
    };
    passes(&[
        Pools(vec![pool("d", &["192.0.3.0", "2001:db8::b"])]),
        Put(wants("holder", 3, vec![Family::V6, Family::V4])),
        Put(wants("older", 1, vec![Family::V6])),
        Put(wants("younger", 2, vec![Family::V4, Family::V6])),
        WriteAll,
        Remove(id("holder")),
        WriteAll,
    ]);
}

/// Releasing something cannot help who waits for a pool of which `avoidBuggyIPs` leaves nothing.
#[test]
fn a_pool_of_left_out_addresses_is_not_exhausted() {
    passes(&[
        Put(service("one")),
        Pools(vec![Pool { avoid_buggy_ips: true, ..pool("a", &["192.0.3.0"]) }]),
        WriteAll,
    ]);
}

/// `default/one` holds an address of a pool that goes, and names the pool that has it from then on and excludes it.
#[test]
fn who_names_a_pool_leaves_an_address_that_the_pool_does_not_give() {
    let request = Request { pool: Some("a".into()), ..Request::default() };
    passes(&[
        Pools(vec![pool("b", &["192.0.2.253"])]),
        Put(service("one")),
        Put(Service { request, ..service("one") }),
        WriteAll,
        Pools(vec![Pool { exclude: vec![range("192.0.2.253")], ..pool("a", &["192.0.2.253-192.0.2.254"]) }]),
        WriteAll,
    ]);
}

/// Two shared an address and then both left it, and both statuses name it still. A start lets the first have it back,
/// which is no new promise, although its status is written anew, with the other pool.
#[test]
fn an_address_is_taken_back_before_who_shared_it_has_given_it_up() {
    let unreadable = Request { problem: Some("it cannot be read".into()), ..Request::default() };
    passes(&[
        Pools(vec![pool("a", &["192.0.2.253"])]),
        Put(sharing("one", "k", 80)),
        Put(sharing("two", "k", 81)),
        WriteAll,
        Pools(vec![pool("b", &["192.0.2.253"])]),
        Put(Service { request: unreadable, ..service("one") }),
        Put(Service { families: vec![Family::V6], ..service("two") }),
        Crash,
        WriteAll,
    ]);
}

/// An edit of pools moves `default/mover`, which frees an address that all three may have now; the younger one was looked
/// at before the older one was told.
#[test]
fn what_an_edit_of_pools_frees_goes_to_the_oldest() {
    let request = Request { pool: Some("d".into()), ..Request::default() };
    let by_name = |ranges: &[&str]| Pool { auto_assign: false, ..pool("d", ranges) };
    passes(&[
        Pools(vec![pool("c", &["2001:db8::1"]), by_name(&["192.0.3.1"])]),
        Put(Service { created: 2, request, ..service("mover") }),
        Put(Service { created: 1, ..service("older") }),
        Put(Service { created: 3, ..service("younger") }),
        Pools(vec![pool("c", &["192.0.3.1"]), by_name(&["192.0.3.2"])]),
        WriteAll,
    ]);
}

/// `default/waits` is told of the one that leaves and of the one that takes its place, and nothing has changed for it.
#[test]
fn a_service_made_anew_is_one_event_for_those_who_wait() {
    let mut waits = service("waits");
    waits.request.addresses = vec![ip("192.0.2.253")];
    passes(&[
        Pools(vec![pool("a", &["192.0.2.253"])]),
        Put(sharing("anew", "k", 80)),
        Put(sharing("stays", "k", 81)),
        Put(waits),
        Recreate(sharing("anew", "k", 80)),
        WriteAll,
    ]);
}

/// `default/adopted` has an address by another load balancer's word, and takes what it lacks when it gets that.
#[test]
fn who_is_adopted_goes_before_who_takes_any_address() {
    let both = |name: &str, created| Service {
        created,
        families: vec![Family::V4, Family::V6],
        policy: FamilyPolicy::Prefer,
        ..service(name)
    };
    passes(&[
        Pools(vec![pool("a", &["192.0.2.253", "2001:db8::9"])]),
        Put(both("holder", 0)),
        Put(Service { created: 1, ..service("older") }),
        Put(both("adopted", 2)),
        Foreign(id("adopted"), vec![ip("2001:db8::9")]),
        Remove(id("holder")),
        WriteAll,
    ]);
}

/// `default/joins` shares an address with one that goes to another load balancer and comes back with other wishes; nobody
/// takes the address from it for that.
#[test]
fn who_shares_keeps_the_address_while_the_other_goes_and_comes_back() {
    passes(&[
        Pools(vec![pool("a", &["192.0.2.253"])]),
        Put(sharing("other", "k", 80)),
        WriteAll,
        Put(sharing("joins", "k", 81)),
        Leave(id("other")),
        Put(sharing("other", "l", 80)),
        WriteAll,
    ]);
}

/// `default/waits` is to be adopted with an address that another status names too, and may once that one shares with it.
#[test]
fn who_waits_to_be_adopted_hears_that_the_other_shares_now() {
    let address = ip("192.0.2.253");
    passes(&[
        Pools(vec![pool("a", &["192.0.2.253"])]),
        Put(service("other")),
        Foreign(id("other"), vec![address, ip("2001:db8::9")]),
        Put(sharing("waits", "k", 80)),
        Foreign(id("waits"), vec![address]),
        Put(sharing("other", "k", 81)),
        WriteAll,
    ]);
}
