//! Which address the Service has, or gets.

use ferrolb_ipam::{Outcome, Refusal};
use ferrolb_model::{Assignment, Service};

use crate::{
    Link, LinkKind, Reason, State,
    facts::{Facts, Subject},
    pool,
};

pub(crate) fn link(facts: &Facts, subject: &Subject, outcome: &Outcome) -> Link {
    let service = &subject.service;
    let link = |state, sentence: String| Link::new(LinkKind::Address, state, sentence);
    match outcome {
        Outcome::Assigned(addresses) => held(facts, service, addresses),
        Outcome::Kept { addresses, refusal } if pool::is_about_pools(refusal) => {
            let list: Vec<String> = addresses.iter().map(named).collect();
            let held = held(facts, service, addresses);
            Link { sentence: format!("it keeps {} meanwhile", list.join(" and ")), ..held }
        }
        Outcome::Kept { addresses, refusal } => refused(facts, service, addresses, refusal),
        Outcome::Refused(refusal) if pool::is_about_pools(refusal) => {
            link(State::Waiting, "it waits for a pool".into()).details(asked(service))
        }
        Outcome::Refused(refusal) => refused(facts, service, &[], refusal),
        Outcome::Foreign(addresses) => {
            let list: Vec<String> = addresses.iter().map(ToString::to_string).collect();
            let what = if list.is_empty() { "a host name".to_owned() } else { list.join(", ") };
            link(
                State::Broken,
                format!("its status names {what}, which FerroLB did not write, so it is left alone"),
            )
            .reason(Reason::ForeignIngress)
            .advice(
                "find out who wrote it (another load balancer, a cloud, a person); once status.loadBalancer is empty, \
                 or all of it lies free in a pool, FerroLB takes over",
            )
        }
        Outcome::Removed => link(State::Waiting, "it is being removed".into()),
    }
}

fn held(facts: &Facts, service: &Service, addresses: &[Assignment]) -> Link {
    let written = service.ingress.addresses();
    let (there, to_come): (Vec<_>, Vec<_>) = addresses.iter().partition(|one| written.contains(&one.address));
    let mut details = asked(service);
    details.extend(there.iter().filter_map(|one| shared(facts, service, one)));
    details.extend(facts.allocator.clashes(&service.id).iter().map(ToString::to_string));
    if to_come.is_empty() {
        let list: Vec<String> = there.iter().map(|one| named(one)).collect();
        return Link::new(LinkKind::Address, State::Ok, format!("it has {}", list.join(" and ")))
            .details(details);
    }
    // Which one it gets only the controller knows: it remembers which were released when.
    let pools: Vec<String> = to_come.iter().map(|one| to_be(service, one)).collect();
    Link::new(LinkKind::Address, State::Waiting, format!("it can have {}", pools.join(" and ")))
        .details(details)
}

fn to_be(service: &Service, one: &Assignment) -> String {
    if service.request.addresses.contains(&one.address) {
        return named(one);
    }
    match &one.pool {
        Some(pool) => format!("an {} address of pool {pool}", ferrolb_model::Family::of(one.address)),
        None => one.address.to_string(),
    }
}

fn refused(facts: &Facts, service: &Service, addresses: &[Assignment], refusal: &Refusal) -> Link {
    let mut details = asked(service);
    details.extend(addresses.iter().map(|one| format!("it keeps {}", named(one))));
    details.extend(addresses.iter().filter_map(|one| shared(facts, service, one)));
    let link = Link::new(LinkKind::Address, State::Broken, refusal.to_string())
        .reason(refusal.reason())
        .details(details);
    match advice(refusal) {
        Some(advice) => link.advice(advice),
        None => link,
    }
}

fn advice(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::AddressTaken { by, .. } => Some(explain_other(by)),
        Refusal::SharingRefused(clash) => Some(explain_other(&clash.with)),
        Refusal::AddressInOtherPool { pool, .. } | Refusal::AddressExcluded { pool, .. } => {
            Some(format!("kubectl ferrolb pools {pool} -o wide"))
        }
        Refusal::AddressInNoPool(_) | Refusal::AddressInNoValidPool { .. } | Refusal::PoolMissing { .. } => {
            Some("kubectl ferrolb pools".into())
        }
        Refusal::KeptOfInvalidPool { pool, .. } => Some(format!("kubectl ferrolb pools {pool}")),
        Refusal::AddressOfNode(_) => Some("kubectl get nodes -o wide".into()),
        Refusal::NoPool
        | Refusal::NoValidPool(_)
        | Refusal::PoolNotFound(_)
        | Refusal::PoolInvalid(_)
        | Refusal::PoolExhausted { .. }
        | Refusal::NoPoolMatches { .. }
        | Refusal::AddressFamilyMismatch { .. }
        | Refusal::PoolFamilyMismatch { .. }
        | Refusal::RequestsNotAllowed(_)
        | Refusal::PoolDraining(_)
        | Refusal::PoolNotForService { .. }
        | Refusal::InvalidRequest(_) => None,
    }
}

fn explain_other(other: &ferrolb_model::ServiceId) -> String {
    format!("kubectl ferrolb explain {} -n {}", other.name, other.namespace)
}

/// `192.0.2.128 of pool lan`.
fn named(one: &Assignment) -> String {
    match &one.pool {
        Some(pool) => format!("{} of pool {pool}", one.address),
        None => format!("{} of no known pool", one.address),
    }
}

/// What it asks for, a line each.
fn asked(service: &Service) -> Vec<String> {
    let request = &service.request;
    let mut lines = Vec::new();
    if !request.addresses.is_empty() {
        let list: Vec<String> = request.addresses.iter().map(ToString::to_string).collect();
        lines.push(format!("it asks for {}", list.join(" and ")));
    }
    if let Some(pool) = &request.pool {
        lines.push(format!("it asks for pool {pool}"));
    }
    if let Some(key) = &request.sharing_key {
        lines.push(format!("it shares under the key {key:?}"));
    }
    lines
}

fn shared(facts: &Facts, service: &Service, one: &Assignment) -> Option<String> {
    let vip = facts.allocator.vip(one.address)?;
    let others: Vec<String> = vip
        .services
        .iter()
        .filter(|other| other.id != service.id)
        .map(|other| other.id.to_string())
        .collect();
    (!others.is_empty()).then(|| format!("{} is shared with {}", one.address, others.join(", ")))
}
