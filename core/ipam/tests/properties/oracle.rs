//! The contract of addresses as the slow obvious thing: plain lists, walked from end to end at every question.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_model::{
    Assignment, Family, FamilyPolicy, Ingress, Pool, PoolName, Service, ServiceId, Sharing, TrafficPolicy,
};

use crate::cluster::{Cluster, Holdings};

pub(crate) struct Oracle<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) held: &'a Holdings,
    /// Every address of every pool, whether it gives it or not.
    pub(crate) all_addresses: BTreeSet<IpAddr>,
    holders: BTreeMap<IpAddr, Vec<&'a Service>>,
    naming: BTreeMap<IpAddr, Vec<&'a ServiceId>>,
}

impl<'a> Oracle<'a> {
    pub(crate) fn new(cluster: &'a Cluster, held: &'a Holdings) -> Self {
        let ranges = cluster.pools.iter().flat_map(|pool| &pool.ranges);
        let all_addresses =
            ranges.flat_map(|range| range.numbers().map(move |number| range.family().address(number)));
        let (mut holders, mut naming) = (BTreeMap::<_, Vec<_>>::new(), BTreeMap::<_, Vec<_>>::new());
        for (id, service) in &cluster.services {
            for one in &held[id] {
                holders.entry(one.address).or_default().push(service);
            }
        }
        let statuses = cluster.services.iter().map(|(id, service)| (id, &service.ingress));
        for (id, ingress) in statuses.chain(&cluster.bystanders) {
            for address in ingress.addresses() {
                let holds = |held: &Vec<Assignment>| held.iter().any(|one| one.address == address);
                if !held.get(id).is_some_and(holds) {
                    naming.entry(address).or_default().push(id);
                }
            }
        }
        Self { cluster, held, all_addresses: all_addresses.collect(), holders, naming }
    }

    /// The pool that has the address: the oldest that names it.
    pub(crate) fn home(&self, address: IpAddr) -> Option<&Pool> {
        let names = |pool: &&Pool| pool.ranges.iter().any(|range| range.contains(address));
        self.cluster.pools.iter().filter(names).min_by_key(|pool| (pool.created, &pool.name))
    }

    /// The pool that would give the address to somebody.
    pub(crate) fn giver(&self, address: IpAddr) -> Option<&Pool> {
        self.home(address).filter(|pool| !excludes(pool, address) && !avoids(pool, address))
    }

    pub(crate) fn holders(&self, address: IpAddr) -> &[&'a Service] {
        self.holders.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Those whose status names the address although they do not hold it.
    pub(crate) fn naming(&self, address: IpAddr) -> &[&'a ServiceId] {
        self.naming.get(&address).map_or(&[], Vec::as_slice)
    }

    /// Nobody has it, no status names it, no node has it, and a pool would give it.
    pub(crate) fn is_free(&self, address: IpAddr) -> bool {
        self.giver(address).is_some()
            && !self.cluster.nodes.contains(&address)
            && self.holders(address).is_empty()
            && self.naming(address).is_empty()
    }

    /// Whether the pool serves the Service, by name or unasked.
    pub(crate) fn serves(&self, pool: &Pool, service: &Service, by_name: bool) -> bool {
        let allowed = if by_name { pool.allow_requests } else { pool.auto_assign };
        allowed && !pool.drain && self.is_for(pool, service)
    }

    fn is_for(&self, pool: &Pool, service: &Service) -> bool {
        let Some(allocation) = &pool.allocation else { return true };
        let namespace = &*service.id.namespace;
        let listed = allocation.namespaces.iter().any(|name| name == namespace);
        let selected = allocation.namespace_selectors.iter().any(|selector| {
            self.cluster.namespaces.get(namespace).is_some_and(|labels| selector.matches(labels))
        });
        let any_namespace = allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty();
        let labelled = allocation.service_selectors.is_empty()
            || allocation.service_selectors.iter().any(|selector| selector.matches(&service.labels));
        (any_namespace || listed || selected) && labelled
    }

    /// Whether those who have the address would let the Service join, or nobody has it.
    fn may_join(&self, service: &Service, address: IpAddr, rule: Sharing) -> bool {
        self.naming(address).iter().all(|id| **id == service.id)
            && self
                .holders(address)
                .iter()
                .filter(|other| other.id != service.id)
                .all(|other| may_share(service, other) && joins_namespace(service, other, rule))
    }

    /// Whether the Service can have the address it names.
    pub(crate) fn can_have_named(&self, service: &Service, address: IpAddr) -> bool {
        self.giver(address).is_some_and(|pool| {
            service.request.pool.as_ref().is_none_or(|asked| *asked == pool.name)
                && self.serves(pool, service, true)
                && !self.cluster.nodes.contains(&address)
                && self.may_join(service, address, pool.sharing)
        })
    }

    /// The addresses of a family that a Service which names none could have now.
    pub(crate) fn choices(&self, service: &Service, family: Family) -> Vec<IpAddr> {
        let by_name = service.request.pool.is_some();
        let could = |address: &IpAddr| {
            let Some(pool) = self.giver(*address) else { return false };
            let asked = service.request.pool.as_ref().is_none_or(|asked| *asked == pool.name);
            let shared = service.request.sharing_key.is_some()
                && !self.holders(*address).is_empty()
                && self.naming(*address).is_empty()
                && !self.cluster.nodes.contains(address)
                && self.may_join(service, *address, pool.sharing);
            asked && self.serves(pool, service, by_name) && (self.is_free(*address) || shared)
        };
        self.all_addresses.iter().copied().filter(|one| Family::of(*one) == family).filter(could).collect()
    }

    /// Whether the Service has, of this family, what it asks for.
    pub(crate) fn is_content(&self, service: &Service, family: Family) -> bool {
        let Some(held) = self.held_of(&service.id, family) else { return false };
        match (named(service, family), &service.request.pool) {
            (Some(named), _) => named == held.address,
            (None, Some(asked)) => held.pool.as_ref() == Some(asked),
            (None, None) => true,
        }
    }

    pub(crate) fn held_of(&self, id: &ServiceId, family: Family) -> Option<&Assignment> {
        self.held[id].iter().find(|one| Family::of(one.address) == family)
    }

    /// Whether a Service that lacks something of this family could have it now.
    pub(crate) fn could_be_served(&self, service: &Service, family: Family) -> bool {
        match named(service, family) {
            Some(address) => self.can_have_named(service, address),
            None => !self.choices(service, family).is_empty(),
        }
    }

    /// Whether another's ingress could become ours.
    pub(crate) fn could_be_adopted(&self, service: &Service) -> bool {
        let Ingress::Foreign { addresses, hostnames } = &service.ingress else { return false };
        let families: BTreeSet<_> = addresses.iter().map(|one| Family::of(*one)).collect();
        hostnames.is_empty()
            && !addresses.is_empty()
            && families.len() == addresses.len()
            && families.iter().all(|family| wanted(service).contains(family))
            && addresses.iter().all(|address| {
                self.giver(*address).is_some_and(|pool| self.may_join(service, *address, pool.sharing))
                    && !self.cluster.nodes.contains(address)
            })
    }

    /// Whether an edit took the address out of the pool it came from.
    pub(crate) fn was_taken_out(&self, address: IpAddr, from: Option<&PoolName>) -> bool {
        let has_home = self.home(address).is_some_and(|pool| !excludes(pool, address));
        let exists = from.is_some_and(|name| self.cluster.pools.iter().any(|pool| pool.name == *name));
        !has_home && exists
    }

    /// The order in which pools are tried: bound ones by priority with 0 last, then the others; each by name.
    pub(crate) fn turn(pool: &Pool) -> (bool, u32, &PoolName) {
        let priority = pool.allocation.as_ref().map(|allocation| allocation.priority);
        (priority.is_none(), priority.map_or(0, |priority| priority.wrapping_sub(1)), &pool.name)
    }
}

/// The families a Service is to have addresses of.
pub(crate) fn wanted(service: &Service) -> &[Family] {
    match service.policy {
        FamilyPolicy::Single => &service.families[..service.families.len().min(1)],
        FamilyPolicy::Prefer | FamilyPolicy::Require => &service.families,
    }
}

pub(crate) fn named(service: &Service, family: Family) -> Option<IpAddr> {
    service.request.addresses.iter().copied().find(|one| Family::of(*one) == family)
}

pub(crate) fn excludes(pool: &Pool, address: IpAddr) -> bool {
    pool.exclude.iter().any(|range| range.contains(address))
}

fn avoids(pool: &Pool, address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => pool.avoid_buggy_ips && matches!(v4.octets()[3], 0 | 255),
        IpAddr::V6(_) => false,
    }
}

/// Whether two Services may have one address, leaving aside what its pool says of namespaces.
pub(crate) fn may_share(one: &Service, other: &Service) -> bool {
    let key = one.request.sharing_key.is_some() && one.request.sharing_key == other.request.sharing_key;
    let ports = one.ports.iter().all(|port| !other.ports.contains(port));
    let endpoints = match (one.traffic_policy, other.traffic_policy) {
        (TrafficPolicy::Cluster, TrafficPolicy::Cluster) => true,
        (TrafficPolicy::Local, TrafficPolicy::Local) => {
            one.selector == other.selector && !one.selector.is_empty()
        }
        (TrafficPolicy::Cluster, TrafficPolicy::Local) | (TrafficPolicy::Local, TrafficPolicy::Cluster) => {
            false
        }
    };
    key && ports && endpoints
}

pub(crate) fn joins_namespace(one: &Service, other: &Service, rule: Sharing) -> bool {
    match rule {
        Sharing::AnyNamespace => true,
        Sharing::SameNamespace => one.id.namespace == other.id.namespace,
    }
}
