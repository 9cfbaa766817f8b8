//! What must hold at each committed state.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use ferrolb_config::Class;
use ferrolb_model::{Ingress, IpRange, Pool, ServiceId};
use ferrolb_runtime::kinds;

use super::{
    super::super::audit::Difference,
    controller::Who,
    mistake::Mistake,
    store::Store,
    user::{addresses, announced, may_be_anothers},
};
use crate::write::{ConfigKind, ServiceEvent, Write};

/// How long an edit may explain what a controller does: a leader may have to be replaced first.
const MEMORY: Duration = Duration::from_secs(70);
/// More events than this are a loop.
const MOST_STEPS: u64 = 100_000;

/// What was found, and what has to be remembered for it.
#[derive(Default)]
pub(super) struct Checks {
    pub(super) violations: Vec<String>,
    pub(super) steps: u64,
    /// When a controller last changed anything.
    pub(super) last_write: Duration,
    /// Kubernetes Events told.
    pub(super) events: Vec<(Duration, ServiceEvent)>,
    /// Changes of a Service's status by controllers.
    pub(super) patches: BTreeMap<ServiceId, u32>,
    /// Changes by controllers, all in all.
    pub(super) writes: u32,
    /// What was planted, and what audits found.
    pub(super) mistakes: Vec<Mistake>,
    pub(super) found: Vec<Difference>,
    /// Addresses given twice by a write that came late.
    pub(super) late: u32,
    /// Pairs that had one address, and since when.
    pairs: Vec<(Duration, IpAddr, [ServiceId; 2])>,
    /// When a Service was last edited so that it may move.
    edits: BTreeMap<ServiceId, Duration>,
    /// Services whose ingress a person has made foreign.
    foreign: BTreeSet<ServiceId>,
    /// The same when etcd's snapshot was taken.
    foreign_then: BTreeSet<ServiceId>,
    /// The pools from then on, and whether it was an edit of pools that made them so.
    pools: Vec<(Duration, BTreeMap<String, Pool>)>,
    /// When each process last wrote each pool.
    pool_sent: BTreeMap<(String, String), Duration>,
    /// When a Service was last given an address.
    given: BTreeMap<ServiceId, Duration>,
    /// etcd was restored then.
    restored: Option<Duration>,
}

impl Checks {
    pub(super) fn violation(&mut self, now: Duration, what: impl std::fmt::Display) {
        if self.violations.len() < 5 {
            self.violations.push(format!("{:.3}: {what}", now.as_secs_f64()));
        }
    }

    pub(super) fn is_hopeless(&mut self) -> bool {
        if self.steps > MOST_STEPS {
            self.violation(
                Duration::ZERO,
                format!("more than {MOST_STEPS} steps: something turns in circles"),
            );
        }
        !self.violations.is_empty()
    }

    pub(super) fn edited(&mut self, now: Duration, id: &ServiceId, may_move: bool) {
        if may_move {
            self.edits.insert(id.clone(), now);
        }
    }

    pub(super) fn edited_by_hand(&mut self, id: &ServiceId, is_foreign: bool) {
        match is_foreign {
            true => self.foreign.insert(id.clone()),
            false => self.foreign.remove(id),
        };
    }

    pub(super) fn pools_changed(&mut self, now: Duration, store: &Store) {
        let mut good = self.pools.last().map(|(_, pools)| pools.clone()).unwrap_or_default();
        good.retain(|name, _| store.pools.contains_key(name));
        for (name, object) in &store.pools {
            // Of a bad edit the last good version stays.
            if let Ok(pool) = ferrolb_config::pool(object) {
                good.insert(name.clone(), pool);
            }
        }
        self.pools.push((now, good));
    }

    pub(super) fn snapshot(&mut self) {
        self.foreign_then.clone_from(&self.foreign);
    }

    pub(super) fn restored(&mut self, now: Duration, store: &Store) {
        self.foreign.clone_from(&self.foreign_then);
        self.restored = Some(now);
        self.pools_changed(now, store);
        for id in store.services.keys() {
            self.edits.insert(id.clone(), now);
        }
    }

    pub(super) fn sent(&mut self, now: Duration, who: Who, write: &Write) {
        let Write::ObjectStatus { kind: ConfigKind::Pool, name, .. } = write else { return };
        let last = self.pool_sent.insert((who.name(), name.clone()), now);
        // Pools of one name may follow each other within a second.
        if last.is_some_and(|last| now < last + Duration::from_millis(990))
            && self.writes_of_pools_are_paced()
        {
            self.violation(now, format!("a second write to pool {name} within a second"));
        }
    }

    fn writes_of_pools_are_paced(&self) -> bool {
        self.pools.len() <= 1
    }

    pub(super) fn committed(&mut self, now: Duration, write: &Write) {
        self.last_write = now;
        self.writes += 1;
        if let Write::ServiceStatus { service, .. } = write {
            *self.patches.entry(service.clone()).or_default() += 1;
        }
    }

    /// A controller has changed a Service's status.
    pub(super) fn service_written(
        &mut self,
        now: Duration,
        store: &Store,
        id: &ServiceId,
        before: &kinds::Service,
        is_late: bool,
        default_class: bool,
    ) {
        let after = &store.services[id];
        let (had, has) = (addresses(before), addresses(after));
        if has.iter().any(|address| !had.contains(address)) {
            self.given.insert(id.clone(), now);
        }
        let is_ours = ferrolb_config::class(after, default_class) == Class::Ours;
        if after.spec.r#type == "LoadBalancer" && !is_ours {
            self.violation(now, format!("{id} is not ours and was written to"));
        }
        if !may_be_anothers(before) {
            self.nothing_moves_without_cause(now, store, id, &had, &has);
            return self.nothing_is_given_twice(now, store, id, before, &has, is_late);
        }
        let lost = had.iter().find(|address| !has.contains(address));
        // What lies in our pools may be adopted, or put right where the Service has another address.
        if lost.is_some_and(|lost| !self.any_pool_within_memory(now, |pool| holds(pool, *lost))) {
            self.violation(now, format!("{id} had {had:?} from somebody else and now has {has:?}"));
        }
    }

    /// A1, A2.
    fn nothing_is_given_twice(
        &mut self,
        now: Duration,
        store: &Store,
        id: &ServiceId,
        before: &kinds::Service,
        has: &[IpAddr],
        is_late: bool,
    ) {
        let had = addresses(before);
        // What was taken from its status by hand it has back, whatever became of the pool.
        let given = match ferrolb_config::service(before).ingress {
            Ingress::Edited { addresses: _, given, since: _ } => given,
            Ingress::Empty | Ingress::Ours { .. } | Ingress::Foreign { .. } => Vec::new(),
        };
        for address in has.iter().filter(|address| !had.contains(address)) {
            if !self.any_pool_within_memory(now, |pool| holds(pool, *address))
                && given.iter().all(|one| one.address != *address)
            {
                self.violation(now, format!("{id} gets {address}, which is in no pool"));
            }
            for (other, service) in &store.services {
                if other == id || !addresses(service).contains(address) {
                    continue;
                }
                if may_share(&store.services[id], service, *address) {
                    continue;
                }
                if is_late {
                    self.late += 1;
                    self.pairs.push((now, *address, [id.clone(), other.clone()]));
                } else if !self.was_edited(now, other) && !self.was_edited_a_moment_ago(now, id) {
                    self.violation(now, format!("{id} gets {address}, which {other} has"));
                }
            }
        }
    }

    /// A4.
    fn nothing_moves_without_cause(
        &mut self,
        now: Duration,
        store: &Store,
        id: &ServiceId,
        had: &[IpAddr],
        has: &[IpAddr],
    ) {
        if self.was_edited(now, id) {
            return;
        }
        let names_a_pool = store.services[id]
            .metadata
            .annotations
            .as_ref()
            .is_some_and(|all| all.contains_key(ferrolb_api::ADDRESS_POOL));
        for address in had.iter().filter(|address| !has.contains(address)) {
            let is_twice = store.services.iter().any(|(other, service)| {
                other != id && (addresses(service).contains(address) || self.was_edited(now, other))
            });
            let left_its_pool = self
                .pools_within_memory(now)
                .any(|pools| pools.values().all(|pool| !holds(pool, *address)) && !pools.is_empty());
            let pools_edited = self.pools_within_memory(now).count() > 1;
            let has_cause = is_twice || left_its_pool || (names_a_pool && pools_edited);
            if !has_cause {
                self.violation(now, format!("{id} loses {address} without cause; it has {has:?}"));
            }
        }
    }

    /// What is announced stays so as long as a status names it, unless somebody edits or deletes the Service or takes it out of
    /// its pool. To delete the pool, or to break it, is no such edit, whoever leads then.
    pub(super) fn nothing_falls_silent(
        &mut self,
        now: Duration,
        store: &Store,
        before: &[IpAddr],
        default_class: bool,
    ) {
        let is = announced(&store.slices);
        for address in before.iter().filter(|address| !is.contains(address)) {
            let has_it = |(id, service): &(&ServiceId, &kinds::Service)| {
                addresses(service).contains(address)
                    && service.metadata.deletion_timestamp.is_none()
                    && ferrolb_config::class(service, default_class) == Class::Ours
                    && service.spec.external_traffic_policy.as_deref() != Some("Local")
                    && !self.was_edited(now, id)
                    && !self.was_given_a_moment_ago(now, id)
            };
            let holder = store.services.iter().find(has_it).map(|(id, _)| id.clone());
            if let Some(id) = holder.filter(|_| !self.was_taken_out(now, *address)) {
                self.violation(now, format!("{address} is announced no more, and {id} has it"));
            }
        }
    }

    /// Of two that had one address one has it still, if nobody has edited anything since.
    pub(super) fn nobody_kept(&self, store: &Store) -> Vec<String> {
        let undisturbed = self.pairs.iter().filter(|(since, _, pair)| {
            let edited = |id| self.edits.get(id).is_some_and(|edit| edit >= since);
            !pair.iter().any(edited) && self.pools.iter().all(|(from, _)| from < since)
        });
        let has = |id: &ServiceId, address| {
            store.services.get(id).is_some_and(|service| addresses(service).contains(address))
        };
        let lost = undisturbed.filter(|(_, address, pair)| !pair.iter().any(|id| has(id, address)));
        lost.map(|(_, address, pair)| format!("{pair:?} had {address}, and now neither has")).collect()
    }

    /// Whether an edit took the address out of a pool that held it.
    fn was_taken_out(&self, now: Duration, address: IpAddr) -> bool {
        let all: Vec<_> = self.pools_within_memory(now).collect();
        let without = |name| all.iter().filter_map(|pools| pools.get(name)).any(|pool| !holds(pool, address));
        all.iter().flat_map(|pools| pools.iter()).any(|(name, pool)| holds(pool, address) && without(name))
    }

    fn was_edited(&self, now: Duration, id: &ServiceId) -> bool {
        self.edits.get(id).is_some_and(|edit| now < *edit + MEMORY)
    }

    /// So short ago that it may not have been announced yet.
    fn was_given_a_moment_ago(&self, now: Duration, id: &ServiceId) -> bool {
        self.given.get(id).is_some_and(|then| now < *then + Duration::from_secs(1))
    }

    /// Too short ago for a leader to have heard of it.
    fn was_edited_a_moment_ago(&self, now: Duration, id: &ServiceId) -> bool {
        self.edits.get(id).is_some_and(|edit| now < *edit + Duration::from_secs(5))
    }

    fn pools_within_memory(&self, now: Duration) -> impl Iterator<Item = &BTreeMap<String, Pool>> {
        let since = now.saturating_sub(MEMORY);
        let first = self.pools.iter().rposition(|(from, _)| *from <= since).unwrap_or(0);
        self.pools[first..].iter().map(|(_, pools)| pools)
    }

    fn any_pool_within_memory(&self, now: Duration, mut is_it: impl FnMut(&Pool) -> bool) -> bool {
        self.pools_within_memory(now).any(|pools| pools.values().any(&mut is_it))
    }

    /// The pools in force.
    pub(super) fn pools_now(&self) -> &BTreeMap<String, Pool> {
        &self.pools.last().expect("there is a first").1
    }

    /// Whether a person has made the Service's ingress foreign and nobody has touched it since.
    pub(super) fn is_foreign(&self, id: &ServiceId) -> bool {
        self.foreign.contains(id)
    }
}

/// Whether the pool may give out the address.
pub(super) fn holds(pool: &Pool, address: IpAddr) -> bool {
    let within = |ranges: &[IpRange]| ranges.iter().any(|range| range.contains(address));
    within(&pool.ranges) && !within(&pool.exclude)
}

/// The rule of sharing, written anew: those who go together, in one namespace unless the pool `named` gives the address.
pub(super) fn may_share(one: &kinds::Service, other: &kinds::Service, address: IpAddr) -> bool {
    let any_namespace = "203.0.113.0/24".parse::<ipnet::IpNet>().unwrap().contains(&address);
    go_together(one, other) && (any_namespace || one.metadata.namespace == other.metadata.namespace)
}

/// Equal keys, no common port, one way of serving. Who shares already, by its status, stays across namespaces.
pub(super) fn go_together(one: &kinds::Service, other: &kinds::Service) -> bool {
    let key = |service: &kinds::Service| {
        let annotations = service.metadata.annotations.as_ref()?;
        annotations.get(ferrolb_api::ALLOW_SHARED_IP).cloned()
    };
    let local = |service: &kinds::Service| service.spec.external_traffic_policy.as_deref() == Some("Local");
    key(one).is_some()
        && key(one) == key(other)
        && one.spec.ports[0].port != other.spec.ports[0].port
        && local(one) == local(other)
        && (!local(one) || one.spec.selector == other.spec.selector)
}
