//! In which order addresses go out: the pools in turn, fresh addresses before released ones, the longest free first, who
//! returns to its old one, the oldest who waits before the younger.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_model::{Family, FamilyPolicy, Ingress, PoolName, Service, ServiceId};

use crate::{
    event::Event,
    oracle::{Oracle, named, wanted},
    run::{Before, Run},
};

/// What is known of the past of addresses and Services since the controller started.
#[derive(Default)]
pub(crate) struct Freed {
    free: BTreeMap<IpAddr, (PoolName, Since)>,
    /// What Services had when they left.
    former: BTreeMap<ServiceId, Vec<IpAddr>>,
}

/// Since when an address is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Since {
    /// The start, or its pool's coming to have it.
    Always,
    /// An event, by number.
    Event(i64),
    /// An edit of pools, which may count as either.
    Unclear,
}

impl Freed {
    /// Looks at who was given what in the last step, then remembers what it made free.
    pub(crate) fn step(&mut self, run: &Run, before: &Before, event: &Event, number: i64) {
        let held = run.cluster.holdings(&run.allocator);
        let oracle = Oracle::new(&run.cluster, &held);
        self.remember_former(run, before);
        if !matches!(event, Event::Crash) {
            for (service, address) in given(run, before, &oracle) {
                if !matches!(event, Event::Pools(_)) {
                    self.went_out_in_order(&oracle, service, address);
                }
                self.went_to_the_oldest(&oracle, before, service, address, event);
            }
        } else {
            self.free.clear();
            self.former.clear();
        }
        self.learn(before, &oracle, event, number);
    }

    fn remember_former(&mut self, run: &Run, before: &Before) {
        for (id, had) in &before.held {
            let uid = |services: &BTreeMap<ServiceId, Service>| services.get(id).map(|one| one.uid.clone());
            if uid(&before.cluster.services) != uid(&run.cluster.services) && !had.is_empty() {
                self.former.insert(id.clone(), had.iter().map(|one| one.address).collect());
            }
        }
    }

    fn went_out_in_order(&self, oracle: &Oracle<'_>, service: &Service, address: IpAddr) {
        let (id, family) = (&service.id, Family::of(address));
        let former = self.former.get(id).into_iter().flatten().find(|one| Family::of(**one) == family);
        if former == Some(&address) {
            return;
        }
        let choices = oracle.choices(service, family);
        // Free before and after: it could have been given instead.
        let instead: Vec<_> = choices
            .iter()
            .filter(|one| oracle.is_free(**one))
            .filter_map(|one| self.free.get(one).map(|(pool, since)| (*one, pool, *since)))
            .collect();
        if let Some(former) = former {
            assert!(
                instead.iter().all(|(one, ..)| one != former),
                "{id} came back, and was given {address} although {former} was free"
            );
        }
        let home = oracle.giver(address).expect("what is given has a pool");
        if service.families.len() == 1 {
            let pools = oracle.cluster.pools.iter();
            let earlier = pools.filter(|pool| Oracle::turn(pool) < Oracle::turn(home));
            for pool in earlier {
                assert!(
                    instead.iter().all(|(_, name, _)| **name != pool.name),
                    "{id} was given {address} of {} although {} comes first: {instead:?}",
                    home.name,
                    pool.name
                );
            }
        }
        let since = match self.free.get(&address) {
            Some((_, since)) => *since,
            None => Since::Event(i64::MAX),
        };
        let Since::Event(at) = since else { return };
        for (other, _, since) in instead.iter().filter(|(_, pool, _)| **pool == home.name) {
            let goes_first = match since {
                Since::Always => true,
                Since::Event(earlier) => *earlier < at,
                Since::Unclear => false,
            };
            assert!(!goes_first, "{id} was given {address}, free {since:?}, before {other}, free {since:?}");
        }
    }

    /// No older Service that takes any address waits for the one that was given, unless it waits in vain.
    fn went_to_the_oldest(
        &self,
        oracle: &Oracle<'_>,
        before: &Before,
        given: &Service,
        address: IpAddr,
        event: &Event,
    ) {
        let family = Family::of(address);
        // The one that the event is about is looked at before those who wait.
        let is_subject = match event {
            Event::Put(one) | Event::Recreate(one) => one.id == given.id,
            Event::Status(id, _) | Event::Foreign(id, _) | Event::Clear(id) | Event::OldLeader(id, _) => {
                *id == given.id
            }
            Event::Remove(_)
            | Event::Leave(_)
            | Event::Bystander(..)
            | Event::Together(_)
            | Event::Pools(_)
            | Event::Nodes(_)
            | Event::Namespace(..)
            | Event::NoNamespace(_)
            | Event::Write(_)
            | Event::WriteAll
            | Event::Crash => false,
        };
        // Who asks for a freed address by name goes first, and takes what it lacks of the other family with it; so does
        // one that another load balancer gave a freed address.
        let is_adopted = matches!(given.ingress, Ingress::Foreign { .. });
        let goes_first = !given.request.addresses.is_empty() || is_adopted;
        if is_subject || goes_first {
            return;
        }
        // As if nobody had been given it.
        let mut held = oracle.held.clone();
        held.get_mut(&given.id).expect("it holds it").retain(|one| one.address != address);
        let without = Oracle::new(oracle.cluster, &held);
        if !without.is_free(address) {
            return;
        }
        let waits = |one: &&Service| {
            before.cluster.services.get(&one.id).is_some_and(|old| old.uid == one.uid)
                && one.policy != FamilyPolicy::Require
                && one.request.problem.is_none()
                && one.request.addresses.is_empty()
                && one.request.pool.is_none()
                && wanted(one).contains(&family)
                && oracle.held_of(&one.id, family).is_none()
                && !matches!(one.ingress, Ingress::Foreign { .. })
        };
        for other in oracle.cluster.services.values().filter(waits) {
            assert!(
                (given.created, &given.id) < (other.created, &other.id)
                    || !without.choices(other, family).contains(&address),
                "{} was given {address} although {} is older and waits: {event:?}",
                given.id,
                other.id
            );
        }
    }

    fn learn(&mut self, before: &Before, oracle: &Oracle<'_>, event: &Event, number: i64) {
        let was = Oracle::new(&before.cluster, &before.held);
        let mut free = BTreeMap::new();
        for address in oracle.all_addresses.iter().copied().filter(|address| oracle.is_free(*address)) {
            let pool = oracle.giver(address).expect("what is free has a pool").name.clone();
            let known = self.free.get(&address).filter(|(known, _)| *known == pool);
            let since = match known {
                Some((_, since)) => *since,
                None if matches!(event, Event::Crash) => Since::Always,
                None if matches!(event, Event::Pools(_)) => Since::Unclear,
                None if was.giver(address).is_some_and(|giver| giver.name == pool) => Since::Event(number),
                None => Since::Always,
            };
            free.insert(address, (pool, since));
        }
        self.free = free;
    }
}

/// Who was given an address that was not theirs, that they did not name, and that they have alone.
fn given<'a>(run: &'a Run, before: &Before, oracle: &Oracle<'_>) -> Vec<(&'a Service, IpAddr)> {
    let mut given = Vec::new();
    for service in run.cluster.services.values() {
        let old = before.cluster.services.get(&service.id).filter(|old| old.uid == service.uid);
        let had = old.map(|_| before.held[&service.id].as_slice()).unwrap_or_default();
        for one in &oracle.held[&service.id] {
            let address = one.address;
            let is_new = had.iter().all(|old| old.address != address);
            let asked = named(service, Family::of(address)).is_some() || service.request.pool.is_some();
            let recorded = service.ingress.addresses().contains(&address);
            if is_new && !asked && !recorded && oracle.holders(address).len() == 1 {
                given.push((service, address));
            }
        }
    }
    given
}
