//! A4 and its kin: nobody loses an address without one of the causes that the contract names, and nobody gets one that
//! it may not have.

use std::net::IpAddr;

use ferrolb_model::{Assignment, Family, Ingress, Pool, Service, ServiceId};

use crate::{
    event::Event,
    oracle::{Oracle, excludes, joins_namespace, may_share, named, wanted},
    run::{Before, Run},
};

pub(crate) fn nobody_moved_without(run: &Run, before: &Before, event: &Event) {
    let held = run.cluster.holdings(&run.allocator);
    let oracle = Oracle::new(&run.cluster, &held);
    for (id, service) in &run.cluster.services {
        let same = before.cluster.services.get(id).filter(|old| old.uid == service.uid);
        let had = if same.is_some() { before.held[id].as_slice() } else { &[] };
        let has = &held[id];
        for one in had.iter().filter(|one| has.iter().all(|now| now.address != one.address)) {
            let cause = loss(&oracle, before, service, one, event);
            assert!(cause, "A4: {id} lost {} for no cause: {event:?} {service:?}", one.address);
        }
        for one in has.iter().filter(|one| had.iter().all(|old| old.address != one.address)) {
            assert!(
                was_recorded(service, one.address) || gain(&oracle, service, one.address),
                "{id} was given {}, which it may not have: {event:?} {service:?}",
                one.address
            );
        }
    }
}

/// Whether there is a cause for the Service no longer to have what it had.
fn loss(oracle: &Oracle<'_>, before: &Before, service: &Service, lost: &Assignment, event: &Event) -> bool {
    let family = Family::of(lost.address);
    let now = oracle.held_of(&service.id, family);
    let is_unwanted = !wanted(service).contains(&family);
    let asked_for_another = match (named(service, family), &service.request.pool) {
        (Some(named), _) => now.is_some_and(|now| now.address == named),
        (None, Some(asked)) => {
            let is_of_asked = |home: &Pool| home.name == *asked && !excludes(home, lost.address);
            !oracle.home(lost.address).is_some_and(is_of_asked)
                && now.is_some_and(|now| now.pool.as_ref() == Some(asked))
        }
        (None, None) => false,
    };
    // Who starts knows only the pool that the status names.
    let from = match (event, &service.ingress) {
        (Event::Crash, Ingress::Ours { assigned, .. }) => {
            let recorded = assigned.iter().find(|one| one.address == lost.address);
            recorded.and_then(|one| one.pool.as_ref())
        }
        _ => lost.pool.as_ref(),
    };
    let taken_out = oracle.was_taken_out(lost.address, from);
    // Who edits its ports, key, policy or selector so that it no longer goes with the others is who moves.
    let edited = matches!(event, Event::Put(edited) if edited.id == service.id);
    let others = before.cluster.services.values().filter(|other| {
        other.id != service.id && before.held[&other.id].iter().any(|one| one.address == lost.address)
    });
    let no_longer_shares = edited && { others }.any(|other| !may_share(service, other));
    let foreign = matches!(service.ingress, Ingress::Foreign { .. });
    let forgotten = matches!(event, Event::Crash) && !restart_keeps(oracle, service, lost.address);
    is_unwanted || asked_for_another || taken_out || no_longer_shares || foreign || forgotten
}

/// Whether a controller that starts must let the Service have the address: its status says that FerroLB gave it, and no
/// other status stands against it.
fn restart_keeps(oracle: &Oracle<'_>, service: &Service, address: IpAddr) -> bool {
    let contested = oracle.cluster.services.values().filter(|other| other.id != service.id).any(|other| {
        matches!(other.ingress, Ingress::Ours { .. })
            && other.ingress.addresses().contains(&address)
            && !may_share(service, other)
    });
    was_recorded(service, address) && !contested
}

/// Whether the Service's status says that FerroLB gave it the address.
fn was_recorded(service: &Service, address: IpAddr) -> bool {
    matches!(service.ingress, Ingress::Ours { .. }) && service.ingress.addresses().contains(&address)
}

/// Whether the Service may be given the address.
fn gain(oracle: &Oracle<'_>, service: &Service, address: IpAddr) -> bool {
    let Some(pool) = oracle.giver(address) else { return false };
    let family = Family::of(address);
    let asked = named(service, family);
    let adopted =
        matches!(&service.ingress, Ingress::Foreign { .. }) && service.ingress.addresses().contains(&address);
    let by_name = asked.is_some() || service.request.pool.is_some();
    let as_asked = asked.is_none_or(|asked| asked == address)
        && service.request.pool.as_ref().is_none_or(|asked| *asked == pool.name)
        && oracle.serves(pool, service, by_name)
        && service.request.problem.is_none();
    let holders = oracle.holders(address);
    // Of those who join in one step each has to go with the others; of those who were there already too.
    let fits = holders
        .iter()
        .filter(|other| other.id != service.id)
        .all(|other| may_share(service, other) && joins_namespace(service, other, pool.sharing));
    // One that has left it since the Service joined it would still go with it.
    let in_the_way = |id: &ServiceId| {
        *id != service.id && oracle.cluster.services.get(id).is_none_or(|other| !may_share(service, other))
    };
    let is_named = oracle.naming(address).iter().any(|id| in_the_way(id));
    wanted(service).contains(&family)
        && (as_asked || adopted)
        && fits
        && !is_named
        && !oracle.cluster.nodes.contains(&address)
}
