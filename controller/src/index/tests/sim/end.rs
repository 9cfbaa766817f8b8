//! What must hold once everything is quiet.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use ferrolb_api::condition::IP_ALLOCATED;
use ferrolb_config::Class;
use ferrolb_model::{Family, Ingress, ServiceId};
use ferrolb_runtime::kinds;

use super::{
    super::super::Index,
    check::{go_together, holds},
    draw::Scenario,
    streams::Kind,
    user::{addresses, announced, may_be_anothers},
    world::World,
};
use crate::write::Write;

/// After the last event: everything works again, and it takes this long until nothing is left to do. A lease has to
/// expire, and an object that the API server refused is tried again after half a minute.
const UNTIL_QUIET: Duration = Duration::from_secs(75);
/// So long nothing is written then.
const QUIET: Duration = Duration::from_secs(20);

/// Simulates a scenario to its end.
pub(super) fn play(scenario: &Scenario, verbose: bool) -> World {
    let mut world = World::new(scenario);
    world.verbose = verbose;
    let last = scenario.ops.last().map_or(Duration::ZERO, |(at, _)| *at);
    let last = world.now + last + Duration::from_secs(2);
    world.run_until(last);
    world.heal();
    let quiet = last + UNTIL_QUIET;
    world.run_until(quiet);
    world.run_until(quiet + QUIET);
    if world.checks.violations.is_empty() {
        if world.checks.last_write > quiet {
            let what = format!("something is still written at {:?}", world.checks.last_write);
            world.checks.violation(quiet, what);
        }
        check(&mut world, scenario);
    }
    world
}

fn check(world: &mut World, scenario: &Scenario) {
    let now = world.now;
    let mut found = Vec::new();
    if world.leaders().count() != 1 {
        found.push(format!("{} controllers lead", world.leaders().count()));
    }
    let today = world.today();
    for leader in world.leaders() {
        if let Some(write) =
            leader.index.poll_write(now, today).or_else(|| leader.index.poll_telling(now, today))
        {
            found.push(format!("the leader still wants {write:?}"));
        }
    }
    for leader in world.leaders() {
        found.extend(leader.index.audit().iter().map(|difference| format!("an audit finds: {difference}")));
    }
    found.extend(twice(world));
    found.extend(world.checks.nobody_kept(&world.store));
    found.extend(statuses(world));
    found.extend(slices(world));
    found.extend(moves(world));
    if no_pool_is_bad(world) {
        found.extend(waits(world));
        found.extend(counters(world));
        found.extend(restart(world));
    }
    if scenario.calm {
        let busy = world.checks.patches.iter().find(|(_, patches)| **patches > 2);
        found.extend(busy.map(|(id, patches)| format!("{patches} patches of {id}, and nothing happened")));
    }
    for what in found {
        world.checks.violation(now, what);
    }
}

/// The last good version of a pool that is bad now is known to the process only that saw it.
fn no_pool_is_bad(world: &World) -> bool {
    world.store.pools.values().all(|pool| ferrolb_config::pool(pool).is_ok())
}

fn ours(world: &World) -> impl Iterator<Item = (&ServiceId, &kinds::Service)> {
    world.store.services.iter().filter(|(_, service)| is_ours(world, service))
}

fn is_ours(world: &World, service: &kinds::Service) -> bool {
    ferrolb_config::class(service, world.default_class) == Class::Ours && !may_be_anothers(service)
}

/// A1.
fn twice(world: &World) -> Vec<String> {
    let mut holders: BTreeMap<IpAddr, Vec<&ServiceId>> = BTreeMap::new();
    for (id, service) in ours(world) {
        addresses(service).into_iter().for_each(|address| holders.entry(address).or_default().push(id));
    }
    let services = &world.store.services;
    let clash = |ids: &[&ServiceId]| {
        ids.iter().enumerate().any(|(at, one)| {
            ids[at + 1..].iter().any(|other| !go_together(&services[*one], &services[*other]))
        })
    };
    let clashes = holders.iter().filter(|(_, ids)| clash(ids));
    clashes.map(|(address, ids)| format!("{address} has {ids:?}")).collect()
}

/// A2, and that every status is as we write it.
fn statuses(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let pools = world.checks.pools_now();
    for (id, service) in &world.store.services {
        let condition = service.status.conditions.iter().find(|one| one.type_ == IP_ALLOCATED);
        let managers = service.metadata.managed_fields.iter().flatten();
        let waits_for_others = managers.into_iter().any(|entry| entry.manager.as_deref() == Some("another"));
        if service.metadata.deletion_timestamp.is_some() && !waits_for_others {
            found.push(format!("{id} is deleted and still there"));
        }
        let waits = service.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty());
        if waits && !waits_for_others && service.spec.r#type != "LoadBalancer" {
            found.push(format!("{id} is no load balancer and still has our finalizer"));
        }
        if world.cleanup_finalizer && !waits && !addresses(service).is_empty() && is_ours(world, service) {
            found.push(format!("{id} has an address and no finalizer"));
        }
        if ferrolb_config::class(service, world.default_class) != Class::Ours {
            if service.spec.r#type != "LoadBalancer" && condition.is_some() {
                found.push(format!("{id} is no load balancer and still has our condition"));
            }
            continue;
        }
        let ingress = ferrolb_config::service(service).ingress;
        if may_be_anothers(service) {
            let has = ingress.addresses();
            if !world.checks.is_foreign(id) {
                found.push(format!("{id} has {has:?}, which nobody but a controller can have written"));
            }
            let is_ours = |address: &IpAddr| pools.values().any(|pool| holds(pool, *address));
            if no_pool_is_bad(world) && matches!(ingress, Ingress::Edited { .. }) && has.iter().all(is_ours) {
                found.push(format!("{id} has {has:?}, which was not put right"));
            }
            continue;
        }
        let Some(condition) = condition else {
            found.push(format!("{id} was told nothing"));
            continue;
        };
        if service.status.load_balancer.ingress.iter().any(|one| one.ip_mode.as_deref() != Some("VIP")) {
            found.push(format!("{id} has another ipMode"));
        }
        if condition.reason == "Allocated" && no_pool_is_bad(world) {
            let strays = addresses(service);
            let mut strays =
                strays.iter().filter(|address| !pools.values().any(|pool| holds(pool, **address)));
            found.extend(strays.next().map(|address| format!("{id} has {address}, which is in no pool")));
        }
    }
    found
}

/// Nobody waits for an address that is free.
fn waits(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let pools = world.checks.pools_now();
    let taken: BTreeSet<IpAddr> = world.store.services.values().flat_map(addresses).collect();
    for (id, service) in ours(world) {
        let condition = service.status.conditions.iter().find(|one| one.type_ == IP_ALLOCATED);
        if let Some(condition) =
            condition.filter(|one| one.reason == "PoolExhausted" && one.status == "False")
            && addresses(service).is_empty()
        {
            let family = ferrolb_config::service(service).families.first().copied().unwrap_or(Family::V4);
            let is_open =
                |pool: &&ferrolb_model::Pool| pool.auto_assign && !pool.drain && pool.allocation.is_none();
            let names_nothing = ferrolb_config::service(service).request == ferrolb_model::Request::default();
            let is_single = service.spec.ip_family_policy.is_none();
            let free = pools.values().filter(is_open).find_map(|pool| {
                free_of(pool, family).find(|address| !taken.contains(address) && !is_of_node(world, *address))
            });
            if let Some(free) = free.filter(|_| names_nothing && is_single) {
                found.push(format!("{id} waits although {free} is free: {}", condition.message));
            }
        }
    }
    found
}

fn free_of(pool: &ferrolb_model::Pool, family: Family) -> impl Iterator<Item = IpAddr> {
    let of_family = pool.ranges.iter().filter(move |range| Family::of(range.first()) == family);
    let all = of_family.flat_map(move |range| {
        let (first, last) = (Family::number(range.first()), Family::number(range.last()));
        (first..=last).map(move |number| family.address(number))
    });
    all.filter(move |address| holds(pool, *address))
}

fn is_of_node(world: &World, address: IpAddr) -> bool {
    let mut all = world.store.nodes.values().flat_map(|node| &node.status.addresses);
    all.any(|one| one.address.parse() == Ok(address))
}

/// A3: the pools' counters say what statuses say.
fn counters(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    let all: BTreeSet<IpAddr> = ours(world).flat_map(|(_, service)| addresses(service)).collect();
    let mut given: BTreeMap<&str, i64> = BTreeMap::new();
    for address in all {
        // Of pools that overlap the older one has the address.
        let mut within: Vec<_> = world
            .checks
            .pools_now()
            .values()
            .filter(|pool| pool.ranges.iter().any(|range| range.contains(address)))
            .collect();
        within.sort_by_key(|pool| (pool.created, pool.name.clone()));
        if let Some(pool) = within.first() {
            *given.entry(pool.name.as_str()).or_default() += 1;
        }
    }
    for (name, pool) in &world.store.pools {
        let Some(status) = &pool.status else {
            found.push(format!("pool {name} has no status"));
            continue;
        };
        let assigned = status.assigned_ipv4 + status.assigned_ipv6;
        let expected = given.get(name.as_str()).copied().unwrap_or_default();
        if assigned != expected {
            found.push(format!("pool {name} says {assigned} are assigned, statuses name {expected}"));
        }
        if status.conditions.iter().any(|one| one.observed_generation != pool.metadata.generation) {
            found.push(format!("pool {name} has a condition of another generation"));
        }
    }
    found
}

/// What is announced is what statuses say.
fn slices(world: &World) -> Vec<String> {
    let vips = announced(&world.store.slices);
    let is: BTreeSet<IpAddr> = vips.iter().copied().collect();
    let of = |local: bool| -> BTreeSet<IpAddr> {
        // Under Local a VIP may have nobody to announce it: there are no endpoints here.
        let alike = ours(world)
            .filter(|(_, one)| (one.spec.external_traffic_policy.as_deref() == Some("Local")) == local);
        alike.flat_map(|(_, service)| addresses(service)).collect()
    };
    let should = of(false);
    let is: BTreeSet<IpAddr> = is.difference(&of(true)).copied().collect();
    let mut found = Vec::new();
    if vips.len() != vips.iter().collect::<BTreeSet<_>>().len() {
        found.push(format!("a VIP is in two slices: {vips:?}"));
    }
    // What was not announced before its pool was deleted or broken waits for the pool.
    let pools: Vec<_> =
        world.store.pools.values().filter_map(|pool| ferrolb_config::pool(pool).ok()).collect();
    let has_pool = |address: &&IpAddr| pools.iter().any(|pool| holds(pool, **address));
    let mut silent = should.difference(&is).filter(|address| !of(true).contains(address)).filter(has_pool);
    let differs = silent.next().is_some() || is.difference(&should).next().is_some();
    if differs && !world.store.nodes.is_empty() {
        found.push(format!("announced are {is:?}, statuses name {should:?}"));
    }
    found
}

/// A VIP is to move where a Service asks for that and the node may have it, and nowhere else; a rebalance that was asked for is
/// done, and what it moved has arrived.
fn moves(world: &World) -> Vec<String> {
    let mut found = Vec::new();
    for vip in world.store.slices.values().flat_map(|slice| &slice.spec.vips) {
        let asks = vip.services.iter().find_map(|one| {
            let id = ServiceId::new(one.namespace.as_str(), one.name.as_str());
            ferrolb_config::service(world.store.services.get(&id)?).move_to
        });
        let layer2 = vip.layer2.clone().unwrap_or_default();
        let wanted = asks.map(|node| node.to_string()).filter(|node| world.store.nodes.contains_key(node));
        if layer2.move_to != wanted {
            found.push(format!("{} moves to {:?}, asked was for {wanted:?}", vip.ip, layer2.move_to));
        }
        if wanted.is_some() && layer2.nodes.first() != wanted.as_ref() {
            found.push(format!("{} is planned for {:?}, asked was for {wanted:?}", vip.ip, layer2.nodes));
        }
    }
    for (name, object) in &world.store.advertisements {
        let asked = object.metadata.annotations.as_ref().and_then(|all| all.get(ferrolb_api::REBALANCE));
        let done = object.status.as_ref().map(|status| &status.rebalanced_for);
        if asked.is_some() && asked != done {
            found.push(format!("{name} was to be balanced for {asked:?}, and was for {done:?}"));
        }
    }
    found
}

/// A controller that starts now finds nothing to do.
fn restart(world: &World) -> Vec<String> {
    let mut index = Index::new(world.default_class, world.cleanup_finalizer);
    for kind in Kind::ALL.into_iter().chain([Kind::Endpoints]) {
        index.apply(kind.list(&world.store));
    }
    let today = world.today();
    let mut found = Vec::new();
    for seconds in 0..4 {
        let now = world.now + Duration::from_secs(seconds);
        while let Some(write) = index.poll_write(now, today).or_else(|| index.poll_telling(now, today)) {
            if let Write::ServiceStatus { service, patch } = &write {
                // Nothing is lost by another reason for the same refusal.
                let refused = patch["status"]["conditions"][0]["status"] == "False";
                if refused && addresses(&world.store.services[service]).is_empty() {
                    continue;
                }
            }
            // Only the API server knows that it was told.
            if let Write::Event(event) = &write
                && event.name.is_some()
                && may_be_anothers(&world.store.services[&event.service])
            {
                continue;
            }
            // Whose a finalizer is must be read.
            let only_reads = matches!(&write, Write::ForgetService { .. })
                && world.store.clone().apply(&write).event.is_none();
            if !only_reads {
                found.push(format!("a restart writes {write:?}"));
            }
        }
    }
    found
}
