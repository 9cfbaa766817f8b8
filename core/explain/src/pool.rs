//! Whether a pool may give the Service an address: every pool, in the order in which they are tried.

use ferrolb_ipam::{Opinion, Outcome, PoolVerdict, Refusal};
use ferrolb_model::{Family, PoolName};

use crate::{
    Link, LinkKind, State,
    facts::{Facts, Subject},
};

pub(crate) fn link(facts: &Facts, subject: &Subject, outcome: &Outcome) -> Link {
    let opinions = facts.allocator.opinions(&subject.service.id);
    let mut details = told(&opinions);
    details.extend(invalid(facts));
    let link = |state, sentence: String| Link::new(LinkKind::Pool, state, sentence).details(details.clone());
    match outcome {
        Outcome::Refused(refusal) | Outcome::Kept { refusal, addresses: _ } if is_about_pools(refusal) => {
            link(State::Broken, refusal.to_string()).reason(refusal.reason()).advice(advice(refusal))
        }
        Outcome::Assigned(addresses) | Outcome::Kept { addresses, refusal: _ } if !addresses.is_empty() => {
            let mut pools: Vec<&PoolName> = addresses.iter().filter_map(|one| one.pool.as_ref()).collect();
            pools.dedup();
            let names: Vec<String> = pools.into_iter().map(|pool| format!("pool {pool}")).collect();
            link(State::Ok, format!("{} serves it", names.join(" and ")))
        }
        Outcome::Foreign(_) => link(State::Waiting, "no pool is asked while its status is another's".into()),
        Outcome::Removed => link(State::Waiting, "it is being removed".into()),
        Outcome::Refused(_) | Outcome::Assigned(_) | Outcome::Kept { .. } => {
            match opinions.iter().find(|one| one.verdict.is_ok()) {
                Some(one) => link(State::Ok, format!("pool {} may serve it", one.pool)),
                None => link(State::Waiting, "no pool is asked until its request is mended".into()),
            }
        }
    }
}

/// Whether a refusal says that no pool will have the Service, rather than that one address cannot be had.
pub(crate) fn is_about_pools(refusal: &Refusal) -> bool {
    match refusal {
        Refusal::NoPool
        | Refusal::NoValidPool(_)
        | Refusal::PoolNotFound(_)
        | Refusal::PoolInvalid(_)
        | Refusal::PoolMissing { .. }
        | Refusal::KeptOfInvalidPool { .. }
        | Refusal::PoolExhausted { .. }
        | Refusal::NoPoolMatches { .. }
        | Refusal::PoolFamilyMismatch { .. }
        | Refusal::AddressInNoPool(_)
        | Refusal::AddressInNoValidPool { .. }
        | Refusal::AddressInOtherPool { .. }
        | Refusal::RequestsNotAllowed(_)
        | Refusal::PoolDraining(_)
        | Refusal::PoolNotForService { .. } => true,
        Refusal::AddressTaken { .. }
        | Refusal::AddressExcluded { .. }
        | Refusal::AddressOfNode(_)
        | Refusal::AddressFamilyMismatch { .. }
        | Refusal::SharingRefused(_)
        | Refusal::InvalidRequest(_) => false,
    }
}

fn advice(refusal: &Refusal) -> String {
    match refusal {
        Refusal::PoolFamilyMismatch { pool, .. }
        | Refusal::AddressInOtherPool { pool, .. }
        | Refusal::RequestsNotAllowed(pool)
        | Refusal::PoolDraining(pool)
        | Refusal::PoolInvalid(pool)
        | Refusal::KeptOfInvalidPool { pool, .. }
        | Refusal::PoolNotForService { pool, .. } => format!("kubectl ferrolb pools {pool}"),
        Refusal::PoolExhausted { .. } => "kubectl ferrolb pools -o wide  (who holds what)".into(),
        Refusal::NoPool
        | Refusal::NoValidPool(_)
        | Refusal::PoolNotFound(_)
        | Refusal::PoolMissing { .. }
        | Refusal::NoPoolMatches { .. }
        | Refusal::AddressTaken { .. }
        | Refusal::AddressInNoPool(_)
        | Refusal::AddressInNoValidPool { .. }
        | Refusal::AddressExcluded { .. }
        | Refusal::AddressOfNode(_)
        | Refusal::AddressFamilyMismatch { .. }
        | Refusal::SharingRefused(_)
        | Refusal::InvalidRequest(_) => "kubectl ferrolb pools".into(),
    }
}

/// Every pool in the order in which they are tried, under each family.
fn told(opinions: &[Opinion]) -> Vec<String> {
    let mut lines = Vec::new();
    for family in Family::ALL {
        let of_family: Vec<&Opinion> = opinions.iter().filter(|one| one.family == family).collect();
        if of_family.is_empty() {
            continue;
        }
        lines.push(format!("{family}, in the order in which pools are tried:"));
        // One that was named by the Service leaves all others out; to list them would hide it.
        let (asked, others): (Vec<_>, Vec<_>) =
            of_family.into_iter().partition(|one| one.verdict != Err(PoolVerdict::NotNamed));
        lines.extend(asked.iter().take(SHOWN).map(|one| format!("  {}", line(one))));
        match asked.len().saturating_sub(SHOWN) {
            0 => {}
            more => lines.push(format!("  and {more} more: kubectl ferrolb pools")),
        }
        match others.len() {
            0 => {}
            more => lines.push(format!("  {more} more that it does not name")),
        }
    }
    lines
}

/// Pools listed for each family.
const SHOWN: usize = 20;

fn line(one: &Opinion) -> String {
    match &one.verdict {
        Ok(free) if *free > MANY => format!("pool {} may serve it: more than {MANY} are free", one.pool),
        Ok(1) => format!("pool {} may serve it: 1 is free", one.pool),
        Ok(free) => format!("pool {} may serve it: {free} are free", one.pool),
        Err(verdict) => format!("pool {} {verdict}", one.pool),
    }
}

/// From here on nobody wants to read the number.
const MANY: u128 = 1_000_000_000;

fn invalid(facts: &Facts) -> impl Iterator<Item = String> {
    facts.invalid_pools.iter().map(|(pool, problem)| {
        format!(
            "pool {pool} is invalid: {problem}; a controller that has read a good version goes by that, which is not known here, and \
             any other gives nothing from it"
        )
    })
}
