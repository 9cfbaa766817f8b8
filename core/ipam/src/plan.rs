//! Which Services an edit would change, and why.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_model::{Service, ServiceId};

use crate::{
    Cause, Outcome, Snapshot,
    cause::{Side, cause_of},
    snapshot::AtRest,
};

/// What an edit does to one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The Service.
    pub service: ServiceId,
    /// What it has; [`Outcome::Removed`] if it is not served yet.
    pub before: Outcome,
    /// What it would have; [`Outcome::Removed`] if it would no longer be served.
    pub after: Outcome,
    /// Why.
    pub cause: Cause,
}

/// What a running controller would make of the edit that leads from `before` to `after`: every Service whose addresses,
/// or whose reason for not having what it asks for, would change, once all statuses are written. By name.
///
/// The edit is applied one object at a time, and statuses are written in between: namespaces and nodes, pools in the order of
/// `after`, pools that are gone, Services that are gone, Services in the order of `after`.
/// Who would change is exact. Which free address it would get may differ: the controller that runs knows which one was
/// released when, and no snapshot does.
pub fn plan(before: &Snapshot, after: &Snapshot) -> Vec<Effect> {
    let old = before.at_rest().allocator;
    let mut trial = before.at_rest();
    apply(&mut trial, before, after);
    let new = trial.allocator;

    let (was, is) = (by_name(&before.services), by_name(&after.services));
    let names: BTreeSet<&ServiceId> = was.keys().chain(is.keys()).copied().collect();
    let effects = names.into_iter().filter_map(|id| {
        let known = |allocator: &crate::Allocator| allocator.outcome(id).unwrap_or(Outcome::Removed);
        let (before, after) = (known(&old), known(&new));
        if before == after {
            return None;
        }
        let (was, is) = (was.get(id).copied(), is.get(id).copied());
        let cause = cause_of(
            &Side { allocator: &old, service: was, outcome: &before },
            &Side { allocator: &new, service: is, outcome: &after },
        );
        Some(Effect { service: id.clone(), before, after, cause })
    });
    effects.collect()
}

fn by_name(services: &[Service]) -> BTreeMap<&ServiceId, &Service> {
    services.iter().map(|service| (&service.id, service)).collect()
}

fn apply(trial: &mut AtRest, before: &Snapshot, after: &Snapshot) {
    let changes = trial.allocator.set_namespaces(after.namespaces.clone());
    trial.write(changes);
    let changes = trial.allocator.set_node_addresses(after.node_addresses.clone());
    trial.write(changes);
    apply_pools(trial, before, after);
    let changes = trial.allocator.set_invalid_pools(after.invalid_pools.clone());
    trial.write(changes);

    let is = by_name(&after.services);
    for service in before.services.iter().filter(|service| !is.contains_key(&service.id)) {
        trial.remove(&service.id);
    }
    let nobody = Vec::new();
    for id in before.bystanders.keys().chain(after.bystanders.keys()) {
        if !is.contains_key(id) {
            let changes =
                trial.allocator.set_bystander(id, after.bystanders.get(id).unwrap_or(&nobody).clone());
            trial.write(changes);
        }
    }
    let was = by_name(&before.services);
    for service in after.services.iter().filter(|service| was.get(&service.id) != Some(service)) {
        trial.upsert(service.clone());
    }
}

fn apply_pools(trial: &mut AtRest, before: &Snapshot, after: &Snapshot) {
    let mut pools = before.pools.clone();
    for pool in &after.pools {
        match pools.iter_mut().find(|known| known.name == pool.name) {
            Some(known) if known == pool => continue,
            Some(known) => known.clone_from(pool),
            None => pools.push(pool.clone()),
        }
        let changes = trial.allocator.set_pools(pools.clone());
        trial.write(changes);
    }
    for gone in before.pools.iter().filter(|pool| after.pools.iter().all(|one| one.name != pool.name)) {
        pools.retain(|pool| pool.name != gone.name);
        let changes = trial.allocator.set_pools(pools.clone());
        trial.write(changes);
    }
}

#[cfg(test)]
mod tests;
