//! Objects beside each other, and beside those of the cluster: what the controller will report on them.

use std::collections::BTreeMap;

use ferrolb_api::{IPAddressPool, L2Advertisement};
use ferrolb_ipam::Snapshot;
use ferrolb_model::Pool;

use super::{Problem, Severity};
use crate::{manifest::Object, names::suggestion};

/// What the cluster has of the kinds that objects name.
#[derive(Default)]
pub(crate) struct Others {
    /// Whether the cluster was asked.
    pub(crate) asked: bool,
    pub(crate) pools: Vec<IPAddressPool>,
}

/// What is wrong between objects that are each good by themselves.
pub(crate) fn across(objects: &[&Object], others: &Others) -> Vec<Problem> {
    let mut problems = twice(objects);
    problems.extend(overlaps(objects, others));
    problems.extend(unresolved(objects, others));
    problems
}

fn twice(objects: &[&Object]) -> Vec<Problem> {
    let mut seen: BTreeMap<(&str, &str), &Object> = BTreeMap::new();
    let mut problems = Vec::new();
    for object in objects {
        if let Some(first) = seen.insert((object.kind(), object.name()), object) {
            let (file, line, _) = first.place("metadata.name");
            let message = format!("it is there twice, first at {file}:{line}; the last one counts");
            problems.push(Problem::at(object, "metadata.name", Severity::Warning, message));
        }
    }
    problems
}

/// Which pools lose addresses to an older one.
fn overlaps(objects: &[&Object], others: &Others) -> Vec<Problem> {
    let mut pools: BTreeMap<String, Pool> = BTreeMap::new();
    for object in &others.pools {
        if let Ok(pool) = ferrolb_config::pool(object) {
            pools.insert(pool.name.to_string(), pool);
        }
    }
    let mut newest = pools.values().map(|pool| pool.created).max().unwrap_or_default();
    let mut sources: BTreeMap<String, &Object> = BTreeMap::new();
    for object in objects.iter().filter(|object| object.kind() == "IPAddressPool") {
        let Some(mut pool) = parse(object) else { continue };
        let name = pool.name.to_string();
        // What is created now is younger than all there is, one after the other as they are applied.
        pool.created = pools.get(&name).map_or_else(
            || {
                newest += 1;
                newest
            },
            |there| there.created,
        );
        pools.insert(name.clone(), pool);
        sources.insert(name, object);
    }
    let snapshot = Snapshot { pools: pools.into_values().collect(), ..Snapshot::default() };
    let allocator = snapshot.allocator();
    let mut problems = Vec::new();
    for overlap in allocator.overlaps() {
        let (pool, with) = (overlap.pool.as_str(), overlap.with.as_str());
        // Told on the one that is in the manifests; on the loser if both are.
        let Some(object) = sources.get(pool).or_else(|| sources.get(with)) else { continue };
        let field = entry_with(object, overlap.range.first());
        let message = if sources.contains_key(pool) {
            format!("{} belongs to the older pool {with}, so pool {pool} does without it", overlap.range)
        } else {
            format!("{} is taken from pool {pool}, which is younger than this one", overlap.range)
        };
        problems.push(Problem::at(object, &field, Severity::Error, message));
    }
    problems
}

/// The entry of `spec.addresses` that has the address.
fn entry_with(object: &Object, address: std::net::IpAddr) -> String {
    let ranges = parse(object).map(|pool| pool.ranges).unwrap_or_default();
    match ranges.iter().position(|range| range.contains(address)) {
        Some(index) => format!("spec.addresses[{index}]"),
        None => "spec.addresses".into(),
    }
}

/// Advertisements that name pools which do not exist.
fn unresolved(objects: &[&Object], others: &Others) -> Vec<Problem> {
    let in_files =
        objects.iter().filter(|object| object.kind() == "IPAddressPool").map(|object| object.name());
    let in_cluster = others.pools.iter().filter_map(|pool| pool.metadata.name.as_deref());
    let pools: Vec<&str> = in_files.chain(in_cluster).collect();
    let mut problems = Vec::new();
    for object in objects.iter().filter(|object| object.kind() == "L2Advertisement") {
        let Ok(advertisement) = serde_json::from_value::<L2Advertisement>(object.root.json()) else {
            continue;
        };
        for (index, name) in advertisement.spec.ip_address_pools.iter().enumerate() {
            if pools.contains(&name.as_str()) {
                continue;
            }
            let near = suggestion(name, pools.iter().copied());
            let (severity, message) = if others.asked {
                (Severity::Error, format!("pool {name} does not exist{near}"))
            } else {
                (
                    Severity::Warning,
                    format!(
                        "pool {name} is not in these manifests{near} (--server looks in the cluster too)"
                    ),
                )
            };
            problems.push(Problem::at(object, &format!("spec.ipAddressPools[{index}]"), severity, message));
        }
    }
    problems
}

fn parse(object: &Object) -> Option<Pool> {
    let pool: IPAddressPool = serde_json::from_value(object.root.json()).ok()?;
    ferrolb_config::pool(&pool).ok()
}
