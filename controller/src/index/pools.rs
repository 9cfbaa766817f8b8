//! Pools as the API server has them: the good ones for the allocator, a condition for each.

use std::collections::{BTreeMap, BTreeSet};

use ferrolb_api::{IPAddressPool, condition::object};
use ferrolb_ipam::{Allocator, Usage};
use ferrolb_model::{Family, Labels, Pool, PoolName, ServiceAllocation};
use ferrolb_runtime::watch::Change;

use super::objects::{Counts, Done, Objects, Remark, Status, Wish};
use crate::write::ConfigKind;

/// Every pool.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    known: BTreeMap<String, Known>,
}

#[derive(Debug, PartialEq)]
struct Known {
    /// A pool made anew under its name is another, and what was good before is not its.
    uid: Option<String>,
    labels: Labels,
    /// Its last good version: a bad edit takes nothing away.
    good: Option<Pool>,
    /// What is wrong with the newest version.
    problem: Option<String>,
}

impl Pools {
    /// Takes what a watch saw. Returns whether anything but statuses changed.
    pub(crate) fn apply(&mut self, change: Change<IPAddressPool>, objects: &mut Objects) -> bool {
        match change {
            Change::All(pools) => {
                let gone: Vec<String> = self
                    .known
                    .keys()
                    .filter(|name| pools.iter().all(|pool| pool.metadata.name.as_ref() != Some(name)))
                    .cloned()
                    .collect();
                for name in &gone {
                    self.remove(name, objects);
                }
                let mut changed = !gone.is_empty();
                for pool in pools {
                    changed |= self.upsert(pool, objects);
                }
                changed
            }
            Change::Applied(pool) => self.upsert(pool, objects),
            Change::Deleted(pool) => {
                self.remove(&pool.metadata.name.unwrap_or_default(), objects);
                true
            }
        }
    }

    /// The pools in force.
    pub(crate) fn parsed(&self) -> Vec<Pool> {
        self.known.values().filter_map(|known| known.good.clone()).collect()
    }

    /// Their labels.
    pub(crate) fn labels(&self) -> BTreeMap<PoolName, Labels> {
        self.known
            .values()
            .filter_map(|known| known.good.as_ref())
            .map(|pool| (pool.name.clone(), pool.labels.clone()))
            .collect()
    }

    /// The labels of every pool there is, in force or not.
    pub(crate) fn all_labels(&self) -> BTreeMap<PoolName, Labels> {
        self.known.iter().map(|(name, known)| (name.as_str().into(), known.labels.clone())).collect()
    }

    /// The pools of which no version could be read.
    pub(crate) fn invalid(&self) -> BTreeSet<PoolName> {
        let invalid = self.known.iter().filter(|(_, known)| known.good.is_none());
        invalid.map(|(name, _)| name.as_str().into()).collect()
    }

    /// How much of each is in use.
    pub(crate) fn counts(&self, allocator: &Allocator) -> Vec<(String, Counts)> {
        self.known.keys().map(|name| (name.clone(), counts(allocator, name))).collect()
    }

    /// Says what each pool's status should be.
    pub(crate) fn refresh(
        &self,
        allocator: &Allocator,
        namespaces: &BTreeMap<String, Labels>,
        objects: &mut Objects,
    ) {
        let mut overlaps: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for overlap in allocator.overlaps() {
            let told = format!("{} belongs to the older pool {}", overlap.range, overlap.with);
            overlaps.entry(overlap.pool.as_str()).or_default().push(told);
        }
        for (name, known) in &self.known {
            let accepted = match (&known.problem, overlaps.get(name.as_str())) {
                (Some(problem), _) => Err((object::INVALID, known.invalid(problem))),
                (None, Some(overlaps)) => Err((object::OVERLAPS, overlaps.join("; "))),
                (None, None) => Ok(()),
            };
            let allocation = known.good.as_ref().and_then(|pool| pool.allocation.as_ref());
            let resolved = allocation.map_or(Ok(()), |allocation| named_namespaces(allocation, namespaces));
            let remark = allocation.and_then(|allocation| selects_nothing(allocation, namespaces));
            let wishes = Wish::all(accepted, resolved, remark);
            objects.want(ConfigKind::Pool, name, Done::Counted(counts(allocator, name)), wishes);
        }
    }

    fn upsert(&mut self, object: IPAddressPool, objects: &mut Objects) -> bool {
        let name = object.metadata.name.clone().unwrap_or_default();
        let generation = object.metadata.generation;
        let uid = object.metadata.uid.clone();
        let parsed = ferrolb_config::pool(&object);
        let labels = object.metadata.labels.as_ref().into();
        objects.seen(ConfigKind::Pool, &name, generation, Status::of_pool(object.status));

        let before = self.known.get(&name);
        let (good, problem) = match parsed {
            Ok(pool) => (Some(pool), None),
            Err(error) => {
                let same = before.filter(|known| known.uid == uid);
                (same.and_then(|known| known.good.clone()), Some(error.to_string()))
            }
        };
        let known = Known { uid, labels, good, problem };
        let changed = before != Some(&known);
        self.known.insert(name, known);
        changed
    }

    fn remove(&mut self, name: &str, objects: &mut Objects) {
        self.known.remove(name);
        objects.forget(ConfigKind::Pool, name);
    }
}

impl Known {
    fn invalid(&self, problem: &str) -> String {
        match self.good {
            Some(_) => format!("{problem}; until it is mended the last good version stays in force"),
            None => problem.to_owned(),
        }
    }
}

fn named_namespaces(
    allocation: &ServiceAllocation,
    namespaces: &BTreeMap<String, Labels>,
) -> Result<(), String> {
    let missing = allocation.namespaces.iter().filter(|name| !namespaces.contains_key(*name));
    let missing: Vec<&str> = missing.map(String::as_str).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(format!("no namespace is named {}", missing.join(", "))),
    }
}

fn selects_nothing(allocation: &ServiceAllocation, namespaces: &BTreeMap<String, Labels>) -> Option<Remark> {
    let selectors = &allocation.namespace_selectors;
    let selected = namespaces.values().any(|labels| selectors.iter().any(|one| one.matches(labels)));
    (!selectors.is_empty() && !selected).then(|| {
        Remark::selects_nothing("namespaceSelectors select no namespace, so they open the pool to nobody")
    })
}

fn counts(allocator: &Allocator, name: &str) -> Counts {
    let pool = PoolName::from(name);
    let usage = |family| {
        allocator.usage(&pool, family).map_or((0, 0), |usage: Usage| {
            (
                i64::try_from(usage.assigned).unwrap_or(i64::MAX),
                i64::try_from(usage.available).unwrap_or(i64::MAX),
            )
        })
    };
    let (assigned_ipv4, available_ipv4) = usage(Family::V4);
    let (assigned_ipv6, available_ipv6) = usage(Family::V6);
    Counts { assigned_ipv4, assigned_ipv6, available_ipv4, available_ipv6 }
}

#[cfg(test)]
mod tests {
    use ferrolb_ipam::Outcome;
    use ferrolb_model::{Port, Protocol, Service, ServiceId};

    use super::*;

    /// Pools of these addresses, of which each of two Services has one.
    fn counted(addresses: &[&str]) -> Counts {
        let spec = serde_json::json!({"addresses": addresses});
        let pool = ferrolb_config::pool(&IPAddressPool::new("lan", serde_json::from_value(spec).unwrap()));
        let mut allocator = Allocator::new();
        allocator.set_pools(vec![pool.unwrap()]);
        allocator.settle();
        for number in 0..2_u16 {
            let port = Port { protocol: Protocol::Tcp, number: 80 + number };
            let id = ServiceId::new("default", format!("web-{number}"));
            let mut service = Service::new(id.clone(), "uid", vec![port]);
            service.families = vec![Family::V6];
            allocator.upsert_service(service);
            assert!(matches!(allocator.outcome(&id), Some(Outcome::Assigned(_))));
        }
        counts(&allocator, "lan")
    }

    #[test]
    fn what_is_free_saturates_and_what_is_assigned_is_exact_beside_it() {
        for (addresses, free) in [
            (&["2001:db8::/126"][..], 2),
            (&["2001:db8::/66"], (1 << 62) - 2),
            (&["2001:db8::/65"], i64::MAX - 1),
            (&["2001:db8::/65", "2001:db8:1::1"], i64::MAX),
            (&["2001:db8::/65", "2001:db8:1::1-2001:db8:1::2"], i64::MAX),
            (&["2001:db8::/64"], i64::MAX),
            (&["2001:db8::/32"], i64::MAX),
            (&["2000::/3"], i64::MAX),
            (&["2000::/3", "4000::/2", "8000::/2", "c000::/3"], i64::MAX),
        ] {
            let Counts { assigned_ipv4, assigned_ipv6, available_ipv4, available_ipv6 } = counted(addresses);
            assert_eq!((assigned_ipv4, available_ipv4), (0, 0), "{addresses:?}");
            assert_eq!((assigned_ipv6, available_ipv6), (2, free), "{addresses:?}");
        }
    }
}
