//! Whether outcomes and their reasons are true.

use std::{collections::BTreeSet, net::IpAddr};

use ferrolb_ipam::Outcome;
use ferrolb_model::{Family, FamilyPolicy, Ingress, Pool, Service};

use crate::oracle::{Oracle, joins_namespace, may_share, named, wanted};

/// The kind of outcome is the one that the contract asks for, and its reason is one that holds.
pub(crate) fn the_outcome_says_the_truth(oracle: &Oracle<'_>, service: &Service, outcome: &Outcome) {
    let id = &service.id;
    if let Outcome::Foreign(addresses) = outcome {
        let theirs = matches!(service.ingress, Ingress::Foreign { .. });
        assert!(theirs && service.ingress.addresses() == *addresses, "{id}: foreign is what another wrote");
        return;
    }
    let has_nothing = outcome.addresses().is_empty();
    let lacking: Vec<_> =
        wanted(service).iter().copied().filter(|family| !oracle.is_content(service, *family)).collect();
    let is_serious = |family: &&Family| {
        has_nothing
            || service.policy != FamilyPolicy::Prefer
            || named(service, **family).is_some()
            || oracle.held_of(&service.id, **family).is_some()
    };
    let stray = service.request.addresses.iter().any(|one| !wanted(service).contains(&Family::of(*one)));
    let missing = outcome.addresses().iter().any(|one| match &one.pool {
        Some(name) => oracle.cluster.pools.iter().all(|pool| pool.name != *name),
        None => true,
    });

    let mut reasons: BTreeSet<&str> = BTreeSet::new();
    if service.request.problem.is_some() {
        reasons.insert("InvalidRequest");
    } else {
        reasons.extend(stray.then_some("FamilyMismatch"));
        reasons
            .extend(lacking.iter().filter(is_serious).flat_map(|family| why_not(oracle, service, *family)));
        if reasons.is_empty() && missing {
            reasons.insert("PoolMissing");
        }
    }
    match outcome {
        Outcome::Assigned(_) => assert!(
            reasons.is_empty() && !has_nothing,
            "{id} is said to have what it asks for: {reasons:?} {service:?} {outcome:?}"
        ),
        Outcome::Kept { addresses: _, refusal } | Outcome::Refused(refusal) => {
            assert_eq!(matches!(outcome, Outcome::Refused(_)), has_nothing, "{id}: {outcome:?}");
            // One family may be lacking for one reason and the other only because both were required.
            assert!(
                reasons.contains(refusal.reason()),
                "{id}: {} is not true, but {reasons:?}: {refusal}; {service:?}",
                refusal.reason()
            );
        }
        Outcome::Foreign(_) | Outcome::Removed => panic!("{id} is served, but {outcome:?}"),
    }
}

/// Every reason that is true of a Service that lacks an address of the family.
fn why_not<'a>(oracle: &Oracle<'_>, service: &Service, family: Family) -> Vec<&'a str> {
    match named(service, family) {
        Some(address) => why_not_named(oracle, service, address),
        None => why_not_any(oracle, service, family),
    }
}

fn why_not_named<'a>(oracle: &Oracle<'_>, service: &Service, address: IpAddr) -> Vec<&'a str> {
    let Some(home) = oracle.home(address) else { return vec!["AddressInNoPool"] };
    let mut reasons = refusals_of(oracle, home, service);
    if service.request.pool.as_ref().is_some_and(|asked| *asked != home.name) {
        reasons.push("AddressInOtherPool");
    }
    if oracle.giver(address).is_none() {
        reasons.push("AddressExcluded");
    }
    if oracle.cluster.nodes.contains(&address) {
        reasons.push("AddressOfNode");
    }
    let holders = oracle.holders(address);
    let others: Vec<_> = holders.iter().filter(|other| other.id != service.id).collect();
    let key = service.request.sharing_key.as_ref();
    let is_named = oracle.naming(address).iter().any(|id| **id != service.id);
    if is_named || others.iter().any(|other| key.is_none() || key != other.request.sharing_key.as_ref()) {
        reasons.push("AddressTaken");
    }
    let in_the_way =
        |other: &Service| !may_share(service, other) || !joins_namespace(service, other, home.sharing);
    if key.is_some()
        && others.iter().any(|other| in_the_way(other) && key == other.request.sharing_key.as_ref())
    {
        reasons.push("SharingRefused");
    }
    reasons
}

fn why_not_any<'a>(oracle: &Oracle<'_>, service: &Service, family: Family) -> Vec<&'a str> {
    let has_family = |pool: &Pool| {
        let of_pool = |one: &IpAddr| oracle.giver(*one).is_some_and(|giver| giver.name == pool.name);
        oracle.all_addresses.iter().filter(|one| Family::of(**one) == family).any(of_pool)
    };
    if oracle.cluster.pools.is_empty() {
        return vec!["NoPool"];
    }
    let Some(asked) = &service.request.pool else {
        let mut pools = oracle.cluster.pools.iter();
        let exhausted = pools.any(|pool| oracle.serves(pool, service, false) && has_family(pool));
        return vec![if exhausted { "PoolExhausted" } else { "NoPoolMatches" }];
    };
    let Some(pool) = oracle.cluster.pools.iter().find(|pool| pool.name == *asked) else {
        return vec!["PoolNotFound"];
    };
    let mut reasons = refusals_of(oracle, pool, service);
    if !has_family(pool) {
        reasons.push("FamilyMismatch");
    }
    if reasons.is_empty() {
        reasons.push("PoolExhausted");
    }
    reasons
}

/// Why a pool refuses a Service that names it or an address of it.
fn refusals_of<'a>(oracle: &Oracle<'_>, pool: &Pool, service: &Service) -> Vec<&'a str> {
    let mut reasons = Vec::new();
    if !pool.allow_requests {
        reasons.push("RequestsNotAllowed");
    }
    if pool.drain {
        reasons.push("PoolDraining");
    }
    let open = Pool { allow_requests: true, drain: false, ..pool.clone() };
    if !oracle.serves(&open, service, true) {
        reasons.push("PoolNotForService");
    }
    reasons
}
