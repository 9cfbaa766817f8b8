//! `plan` against what applying the edit does.

use std::{
    collections::{BTreeMap, VecDeque},
    mem::discriminant,
    slice,
};

use ferrolb_ipam::{Allocator, Outcome, Snapshot, plan};
use ferrolb_model::{Pool, ServiceId};

use crate::{
    cluster::{Cluster, written},
    event::Event,
    oracle::wanted,
};

/// What `plan` says of the event is what comes of it, in a cluster whose statuses say all there is.
pub(crate) fn is_what_happens(before: &Cluster, event: &Event) {
    if is_one_edit(before, event) {
        compare(before, slice::from_ref(event));
    }
}

/// What `plan` says of several edits at once is what comes of one after the other, once the cluster's statuses say all
/// there is.
pub(crate) fn all_at_once(before: &Cluster, edits: &[Event]) {
    let mut at_rest = before.clone();
    let mut allocator = before.start(false);
    let all = before.services.keys().cloned().collect();
    write_all(&mut at_rest, &mut allocator, all);
    compare(&at_rest, edits);
}

fn compare(before: &Cluster, edits: &[Event]) {
    let mut allocator = before.start(false);
    if !before.unwritten(&allocator).is_empty() {
        return;
    }
    let old = before.outcomes(&allocator);
    let (mut edited, mut unheeded) = (before.clone(), before.start(false));
    let mut after = before.clone();
    for event in edits {
        edited.edit(&mut unheeded, event);
        // Of a part of a seed's events, an edit may be one of something that is not there.
        let Some(changes) = after.edit(&mut allocator, event) else { return };
        write_all(&mut after, &mut allocator, changes.into_iter().map(|change| change.service).collect());
    }
    let effects = plan(&snapshot(before), &snapshot(&edited));
    let new = after.outcomes(&allocator);
    let told: BTreeMap<_, _> =
        effects.iter().map(|effect| (&effect.service, (&effect.before, &effect.after))).collect();
    for id in old.keys().chain(new.keys()) {
        let known =
            |outcomes: &BTreeMap<ServiceId, Outcome>| outcomes.get(id).cloned().unwrap_or(Outcome::Removed);
        let (was, is) = (known(&old), known(&new));
        match told.get(id) {
            Some((before, expected)) => {
                assert_eq!(**before, was, "the plan for {id}: {edits:?}");
                let is_alike = **expected == is || {
                    // Who lacks two addresses is told one reason of two, the one that was there first.
                    let lacks_two = after.services.get(id).is_some_and(|one| wanted(one).len() == 2);
                    let same = expected.addresses() == is.addresses();
                    lacks_two && same && discriminant(*expected) == discriminant(&is)
                };
                assert!(is_alike, "the plan for {id}: {edits:?}: not {expected:?}, but {is:?}");
            }
            None => assert_eq!(was, is, "{id} changes, which was not foretold: {edits:?}"),
        }
    }
}

fn snapshot(cluster: &Cluster) -> Snapshot {
    Snapshot {
        pools: cluster.pools.clone(),
        invalid_pools: Default::default(),
        namespaces: cluster.namespaces.clone(),
        node_addresses: cluster.nodes.clone(),
        services: cluster.services.values().cloned().collect(),
        bystanders: cluster
            .bystanders
            .iter()
            .map(|(id, ingress)| (id.clone(), ingress.addresses()))
            .collect(),
    }
}

/// Whether the event is an edit of one object that is there.
fn is_one_edit(before: &Cluster, event: &Event) -> bool {
    match event {
        Event::Pools(pools) => {
            let differing =
                |these: &[Pool], those: &[Pool]| these.iter().filter(|one| !those.contains(one)).count();
            let (old, new) = (differing(&before.pools, pools), differing(pools, &before.pools));
            let names = |pools: &[Pool]| pools.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
            old + new == 1 || (old == 1 && new == 1 && names(&before.pools) == names(pools))
        }
        Event::Put(service) => before.services.contains_key(&service.id),
        Event::Remove(id) => before.services.contains_key(id),
        Event::Nodes(_) | Event::Namespace(..) | Event::NoNamespace(_) => true,
        Event::Together(_)
        | Event::Recreate(_)
        | Event::Leave(_)
        | Event::Bystander(..)
        | Event::Foreign(..)
        | Event::Status(..)
        | Event::Clear(_)
        | Event::OldLeader(..)
        | Event::Write(_)
        | Event::WriteAll
        | Event::Crash => false,
    }
}

/// Writes these statuses, then those that change with them, in the order in which that was decided: which of two addresses is
/// free for longer depends on it.
fn write_all(cluster: &mut Cluster, allocator: &mut Allocator, mut ids: VecDeque<ServiceId>) {
    let mut writes = 0;
    while let Some(id) = ids.pop_front() {
        let Some(service) = cluster.services.get(&id) else { continue };
        let outcome = allocator.outcome(&id).expect("every Service has an outcome");
        let Some(ingress) = written(&outcome, &service.ingress, 0) else { continue };
        writes += 1;
        assert!(writes <= 200, "statuses never come to rest: {id} is to have {ingress:?}");
        let changes = cluster.write(allocator, &id, ingress).expect("it is there");
        ids.extend(changes.into_iter().map(|change| change.service));
    }
    assert_eq!(cluster.unwritten(allocator), [], "an outcome is not what it was, and nobody is told");
}
