//! What must hold after every event, whatever happened before.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem::discriminant,
    net::IpAddr,
};

use ferrolb_ipam::{Allocator, Change, Outcome, Refusal};
use ferrolb_model::{Family, FamilyPolicy, Ingress, Service, ServiceId};

use crate::{
    cluster::Cluster,
    oracle::{Oracle, excludes, may_share, named, wanted},
    run::{Before, Run},
    why,
};

pub(crate) fn everything(run: &Run) {
    let held = run.cluster.holdings(&run.allocator);
    let oracle = Oracle::new(&run.cluster, &held);
    for service in run.cluster.services.values() {
        let outcome = run.allocator.outcome(&service.id).expect("every Service has an outcome");
        addresses_are_of_their_families_and_pools(&oracle, service, &outcome);
        who_could_be_served_is(&oracle, service, &outcome);
        why::the_outcome_says_the_truth(&oracle, service, &outcome);
    }
    an_address_has_one_holder_or_such_as_may_share(&oracle, &run.allocator);
    usage_is_what_walking_counts(&oracle, &run.allocator);
}

/// A2, and one address of a family.
fn addresses_are_of_their_families_and_pools(oracle: &Oracle<'_>, service: &Service, outcome: &Outcome) {
    let id = &service.id;
    let families: Vec<_> = outcome.addresses().iter().map(|one| Family::of(one.address)).collect();
    let in_order: Vec<_> =
        wanted(service).iter().copied().filter(|family| families.contains(family)).collect();
    assert_eq!(families, in_order, "{id}: one address of each family it wants, in its order");
    if service.policy == FamilyPolicy::Require && matches!(outcome, Outcome::Assigned(_)) {
        assert_eq!(families.len(), service.families.len(), "{id} requires both: {outcome:?}");
    }
    for one in outcome.addresses() {
        let home = oracle.home(one.address).filter(|pool| !excludes(pool, one.address));
        let named = one.pool.as_ref().filter(|name| oracle.cluster.pools.iter().any(|p| p.name == **name));
        assert_eq!(
            home.map(|pool| &pool.name),
            named,
            "A2: {id} has {} of {:?}, which is not the pool that has it",
            one.address,
            one.pool
        );
    }
}

/// A1 among those who hold.
fn an_address_has_one_holder_or_such_as_may_share(oracle: &Oracle<'_>, allocator: &Allocator) {
    let all: BTreeSet<IpAddr> = oracle.held.values().flatten().map(|one| one.address).collect();
    let vips: BTreeMap<IpAddr, _> = allocator.vips().map(|vip| (vip.address, vip)).collect();
    assert_eq!(vips.keys().copied().collect::<BTreeSet<_>>(), all, "the VIPs are the addresses held");
    for address in all {
        let holders = oracle.holders(address);
        for (position, one) in holders.iter().enumerate() {
            for other in &holders[position + 1..] {
                assert!(may_share(one, other), "A1: {} and {} both hold {address}", one.id, other.id);
            }
        }
        let vip = &vips[&address];
        assert_eq!(allocator.vip(address).as_ref(), Some(vip));
        let of_vip: Vec<_> = vip.services.iter().map(|one| (&one.id, &one.uid)).collect();
        let expected: Vec<_> = holders.iter().map(|one| (&one.id, &one.uid)).collect();
        assert_eq!(of_vip, expected, "the VIP {address} lists its Services");
        assert!(holders.iter().all(|one| one.traffic_policy == vip.traffic_policy));
    }
}

/// A3: counted are exactly the addresses that somebody holds, and those that nobody has are there to be given.
fn usage_is_what_walking_counts(oracle: &Oracle<'_>, allocator: &Allocator) {
    let all = &oracle.all_addresses;
    for pool in &oracle.cluster.pools {
        for family in Family::ALL {
            let of_pool = |address: &&IpAddr| {
                Family::of(**address) == family
                    && oracle.home(**address).is_some_and(|home| home.name == pool.name)
                    && !excludes(pool, **address)
            };
            let here: Vec<_> = all.iter().filter(of_pool).copied().collect();
            let usage = allocator.usage(&pool.name, family).expect("the pool is known");
            let assigned = here.iter().filter(|one| !oracle.holders(**one).is_empty()).count() as u64;
            let free: Vec<_> = here.iter().filter(|one| oracle.is_free(**one)).collect();
            assert_eq!(usage.assigned, assigned, "pool {} {family}: assigned", pool.name);
            assert_eq!(usage.available, free.len() as u128, "pool {} {family}: free are {free:?}", pool.name);
        }
    }
}

/// Nobody waits for what it could have.
fn who_could_be_served_is(oracle: &Oracle<'_>, service: &Service, outcome: &Outcome) {
    let id = &service.id;
    if let Outcome::Foreign(_) = outcome {
        assert!(!oracle.could_be_adopted(service), "{id} could be adopted: {:?}", service.ingress);
        return;
    }
    if service.request.problem.is_some() {
        return;
    }
    let lacking: Vec<_> =
        wanted(service).iter().copied().filter(|family| !oracle.is_content(service, *family)).collect();
    let could: Vec<_> =
        lacking.iter().copied().filter(|family| oracle.could_be_served(service, *family)).collect();
    let asks_in_vain =
        service.request.addresses.iter().any(|one| !wanted(service).contains(&Family::of(*one)))
            || lacking.iter().any(|family| named(service, *family).is_some() && !could.contains(family));
    let waits_in_vain = match service.policy {
        FamilyPolicy::Require => !lacking.is_empty() && could == lacking && !asks_in_vain,
        FamilyPolicy::Single | FamilyPolicy::Prefer => {
            !could.is_empty() && (!asks_in_vain || !outcome.addresses().is_empty())
        }
    };
    let choices: Vec<_> = could.iter().map(|family| oracle.choices(service, *family)).collect();
    assert!(
        !waits_in_vain,
        "{id} waits for what it could have, {could:?} {choices:?}: {outcome:?} {service:?}"
    );
}

/// A1 at every committed state: a status is about to name these addresses, and no other status does unless its Service
/// holds them too, or it was let in beside that status.
pub(crate) fn nobody_else_has_been_promised(run: &Run, id: &ServiceId, ingress: &Ingress) {
    for address in ingress.each() {
        for (other, service) in run.cluster.services.iter().filter(|(other, _)| *other != id) {
            let names = matches!(service.ingress, Ingress::Ours { .. })
                && service.ingress.addresses().contains(&address);
            let outcome = run.allocator.outcome(other).expect("every Service has an outcome");
            let holds = outcome.addresses().iter().any(|one| one.address == address);
            let both_held = run
                .left_behind
                .get(&(other.clone(), address))
                .is_some_and(|left_behind| left_behind.contains(id));
            let shares = may_share(&run.cluster.services[id], service);
            assert!(
                !names || holds || shares || both_held || run.forged.contains(other),
                "A1: {address} is written to {id} while the status of {other} names it"
            );
        }
    }
}

/// The changes of an event are exactly the outcomes that are not what they were.
pub(crate) fn changes_tell_what_changed(run: &Run, before: &Before, changes: &[Change]) {
    let was = &before.outcomes;
    let mut told: BTreeMap<&ServiceId, &Change> = BTreeMap::new();
    for change in changes {
        told.insert(&change.service, change);
    }
    for id in was.keys().chain(run.cluster.services.keys()) {
        let new = run.allocator.outcome(id);
        let (old, new) = (was.get(id), new.as_ref());
        let is_another = before.cluster.services.get(id).map(|one| &one.uid)
            != run.cluster.services.get(id).map(|one| &one.uid);
        match (told.get(id), new) {
            (Some(change), Some(new)) => {
                assert_eq!(&change.outcome, new, "the change of {id}");
                if !is_another {
                    assert_ne!(old, Some(new), "{id} did not change");
                    let held = |one: &Outcome| -> BTreeSet<IpAddr> {
                        one.addresses().iter().map(|one| one.address).collect()
                    };
                    let left: BTreeSet<_> =
                        old.map(held).unwrap_or_default().difference(&held(new)).copied().collect();
                    assert_eq!(change.left.iter().copied().collect::<BTreeSet<_>>(), left, "{id} left");
                }
            }
            (Some(change), None) => assert_eq!(change.outcome, Outcome::Removed, "{id} is gone"),
            (None, new) => assert_eq!(old, new, "{id} changed and nobody is told"),
        }
    }
}

/// Incremental is equal to a full plan: once every status is written, an allocator that knows nothing but the API
/// server's state says the same of every Service and every pool.
pub(crate) fn a_new_controller_would_say_the_same(run: &Run) {
    let fresh = run.cluster.start(false);
    for service in run.cluster.services.values() {
        let known = |allocator: &Allocator| {
            allocator.outcome(&service.id).expect("every Service has an outcome").clone()
        };
        let (now, would) = (known(&run.allocator), known(&fresh));
        assert_eq!(
            (now.addresses(), discriminant(&now)),
            (would.addresses(), discriminant(&would)),
            "A4: a new controller would not give the same to {service:?}"
        );
        // Who lacks two addresses is told one reason of two, the one that was there first, and whose address several
        // have, one of them.
        let one_of_several = |one: &Outcome| match one {
            Outcome::Refused(refusal) | Outcome::Kept { addresses: _, refusal } => {
                matches!(refusal, Refusal::AddressTaken { .. } | Refusal::SharingRefused(_))
            }
            Outcome::Assigned(_) | Outcome::Foreign(_) | Outcome::Removed => false,
        };
        if wanted(service).len() == 1 && !(one_of_several(&now) && one_of_several(&would)) {
            assert_eq!(now, would, "a new controller would not say the same of {service:?}");
        }
    }
    for pool in &run.cluster.pools {
        for family in Family::ALL {
            assert_eq!(
                run.allocator.usage(&pool.name, family),
                fresh.usage(&pool.name, family),
                "a new controller would count pool {} otherwise",
                pool.name
            );
        }
    }
    assert_eq!(run.allocator.overlaps(), fresh.overlaps());
}

pub(crate) fn the_order_of_hearing_does_not_matter(cluster: &Cluster, one: &Allocator, other: &Allocator) {
    for id in cluster.services.keys() {
        assert_eq!(one.outcome(id), other.outcome(id), "{id}: the order of hearing matters");
    }
}
