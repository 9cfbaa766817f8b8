//! Objects beside each other, and beside those of the cluster: what the controller will report on them.

use std::collections::BTreeMap;

use ferrolb_api::{BFDProfile, BGPPeer, Community, IPAddressPool};
use ferrolb_config::bgp::CommunityEntry;
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
    pub(crate) peers: Vec<BGPPeer>,
    pub(crate) profiles: Vec<BFDProfile>,
    pub(crate) communities: Vec<Community>,
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

/// Objects that name others which do not exist.
fn unresolved(objects: &[&Object], others: &Others) -> Vec<Problem> {
    let named = |kind: &'static str| {
        let of_kind = objects.iter().filter(move |object| object.kind() == kind);
        of_kind.map(|object| object.name())
    };
    let pools = others.pools.iter().filter_map(|pool| pool.metadata.name.as_deref());
    let peers = others.peers.iter().filter_map(|peer| peer.metadata.name.as_deref());
    let profiles = others.profiles.iter().filter_map(|profile| profile.metadata.name.as_deref());
    let pools: Vec<&str> = named("IPAddressPool").chain(pools).collect();
    let peers: Vec<&str> = named("BGPPeer").chain(peers).collect();
    let profiles: Vec<&str> = named("BFDProfile").chain(profiles).collect();
    let mut problems = Vec::new();
    for object in objects {
        let spec = &object.root.json()["spec"];
        let lists = match object.kind() {
            "L2Advertisement" => vec![("ipAddressPools", "pool", &pools)],
            "BGPAdvertisement" => vec![("ipAddressPools", "pool", &pools), ("peers", "BGPPeer", &peers)],
            _ => Vec::new(),
        };
        for (field, what, known) in lists {
            for (index, name) in spec[field].as_array().into_iter().flatten().enumerate() {
                let Some(name) = name.as_str().filter(|name| !known.contains(name)) else { continue };
                let field = format!("spec.{field}[{index}]");
                problems.push(missing(object, &field, what, name, known, others));
            }
        }
        let profile = spec["bfdProfile"].as_str().filter(|name| !profiles.contains(name));
        if let ("BGPPeer", Some(name)) = (object.kind(), profile) {
            problems.push(missing(object, "spec.bfdProfile", "BFDProfile", name, &profiles, others));
        }
    }
    problems.extend(nameless_communities(objects, others));
    problems
}

/// Communities written by names that no Community gives.
fn nameless_communities(objects: &[&Object], others: &Others) -> Vec<Problem> {
    let in_files = objects.iter().filter(|object| object.kind() == "Community");
    let in_files = in_files.filter_map(|object| serde_json::from_value::<Community>(object.root.json()).ok());
    let communities: Vec<Community> = in_files.chain(others.communities.iter().cloned()).collect();
    let aliases = communities.iter().flat_map(|community| &community.spec.communities);
    let aliases: Vec<&str> = aliases.map(|alias| alias.name.as_str()).collect();
    let mut problems = Vec::new();
    for object in objects.iter().filter(|object| object.kind() == "BGPAdvertisement") {
        let spec = &object.root.json()["spec"];
        for (index, text) in spec["communities"].as_array().into_iter().flatten().enumerate() {
            let entry = text.as_str().and_then(|text| text.parse().ok());
            if let Some(CommunityEntry::Alias(name)) = entry
                && !aliases.contains(&name.as_str())
            {
                let field = format!("spec.communities[{index}]");
                problems.push(missing(object, &field, "community", &name, &aliases, others));
            }
        }
    }
    problems
}

fn missing(object: &Object, field: &str, what: &str, name: &str, known: &[&str], others: &Others) -> Problem {
    let near = suggestion(name, known.iter().copied());
    let (severity, message) = match others.asked {
        true => (Severity::Error, format!("{what} {name} does not exist{near}")),
        false => (
            Severity::Warning,
            format!("{what} {name} is not in these manifests{near} (--server looks in the cluster too)"),
        ),
    };
    Problem::at(object, field, severity, message)
}

fn parse(object: &Object) -> Option<Pool> {
    let pool: IPAddressPool = serde_json::from_value(object.root.json()).ok()?;
    ferrolb_config::pool(&pool).ok()
}
