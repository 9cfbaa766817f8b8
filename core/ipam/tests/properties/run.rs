//! Lets events happen, one at a time, and looks after each.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_ipam::{Allocator, Change, Outcome};
use ferrolb_model::{Assignment, Ingress, Service, ServiceId};

use crate::{
    causes, check,
    cluster::{Cluster, Holdings, written},
    event::Event,
    foretold,
    oracle::may_share,
    order::Freed,
};

/// A cluster with a controller.
pub(crate) struct Run {
    pub(crate) cluster: Cluster,
    pub(crate) allocator: Allocator,
    freed: Freed,
    clock: i64,
    uids: u64,
    /// Services to whose status somebody else wrote last.
    pub(crate) forged: BTreeSet<ServiceId>,
    /// Who held an address together with a Service that had to leave it, or was let in beside its status, while that
    /// status names it.
    pub(crate) left_behind: BTreeMap<(ServiceId, IpAddr), BTreeSet<ServiceId>>,
}

/// How everything was before an event.
pub(crate) struct Before {
    pub(crate) cluster: Cluster,
    pub(crate) held: Holdings,
    pub(crate) outcomes: BTreeMap<ServiceId, Outcome>,
}

impl Run {
    pub(crate) fn new() -> Self {
        let cluster = Cluster::default();
        let allocator = cluster.start(false);
        Self {
            cluster,
            allocator,
            freed: Freed::default(),
            clock: 0,
            uids: 0,
            forged: BTreeSet::new(),
            left_behind: BTreeMap::new(),
        }
    }

    /// Lets the events happen. Panics at the first breach of the contract.
    pub(crate) fn all(&mut self, events: &[Event]) {
        for event in events {
            self.one(event);
        }
    }

    pub(crate) fn one(&mut self, event: &Event) {
        self.clock += 1;
        match event {
            Event::WriteAll => {
                self.write_all();
                check::a_new_controller_would_say_the_same(self);
            }
            Event::Write(nth) => {
                let unwritten = self.cluster.unwritten(&self.allocator);
                if let Some(id) = unwritten.get(nth % unwritten.len().max(1)) {
                    self.write(&id.clone());
                }
            }
            Event::Together(edits) => {
                foretold::all_at_once(&self.cluster, edits);
                edits.iter().for_each(|edit| self.step(edit));
            }
            Event::Put(_)
            | Event::Recreate(_)
            | Event::Remove(_)
            | Event::Leave(_)
            | Event::Bystander(..)
            | Event::Foreign(..)
            | Event::Status(..)
            | Event::Clear(_)
            | Event::OldLeader(..)
            | Event::Pools(_)
            | Event::Nodes(_)
            | Event::Namespace(..)
            | Event::NoNamespace(_)
            | Event::Crash => self.step(event),
        }
    }

    pub(crate) fn write_all(&mut self) {
        for _ in 0..200 {
            let Some(id) = self.cluster.unwritten(&self.allocator).into_iter().next() else { return };
            self.write(&id);
        }
        panic!("statuses never come to rest: {:?}", self.cluster.unwritten(&self.allocator));
    }

    /// Brings the Service's outcome to its status.
    fn write(&mut self, id: &ServiceId) {
        self.clock += 1;
        let service = &self.cluster.services[id];
        let outcome = self.allocator.outcome(id).expect("every Service has an outcome");
        let Some(ingress) = written(&outcome, &service.ingress, self.clock) else { return };
        check::nobody_else_has_been_promised(self, id, &ingress);
        self.forged.remove(id);
        self.step(&Event::Status(id.clone(), ingress));
    }

    fn before(&self) -> Before {
        Before {
            cluster: self.cluster.clone(),
            held: self.cluster.holdings(&self.allocator),
            outcomes: self.cluster.outcomes(&self.allocator),
        }
    }

    fn step(&mut self, event: &Event) {
        let before = self.before();
        if self.clock % 3 == 0 {
            foretold::is_what_happens(&self.cluster, event);
        }
        let Some(changes) = self.happen(event) else { return };
        if !matches!(event, Event::Crash) {
            check::changes_tell_what_changed(self, &before, &changes);
        }
        check::everything(self);
        self.note_left_behind(&before);
        causes::nobody_moved_without(self, &before, event);
        let mut freed = std::mem::take(&mut self.freed);
        freed.step(self, &before, event, self.clock);
        self.freed = freed;
    }

    fn note_left_behind(&mut self, before: &Before) {
        let held = self.cluster.holdings(&self.allocator);
        let has = |id: &ServiceId, address: IpAddr| {
            held.get(id).is_some_and(|held| held.iter().any(|one| one.address == address))
        };
        for (id, had) in &before.held {
            for one in had.iter().filter(|one| !has(id, one.address)) {
                let others = held.keys().filter(|other| has(other, one.address)).cloned().collect();
                self.left_behind.insert((id.clone(), one.address), others);
            }
        }
        // A start lets Services in beside one that then moves on, and a late write of an old leader promises what another
        // status names.
        for (id, holder) in &self.cluster.services {
            for one in &held[id] {
                let beside = self.cluster.services.values().filter(|other| {
                    !has(&other.id, one.address)
                        && other.ingress.names(one.address)
                        && (may_share(holder, other) || holder.ingress.names(one.address))
                });
                for other in beside {
                    let left_behind = self.left_behind.entry((other.id.clone(), one.address));
                    left_behind.or_default().insert(id.clone());
                }
            }
        }
        let cluster = &self.cluster;
        self.left_behind.retain(|(id, address), _| {
            let served = cluster.services.get(id).map(|service| &service.ingress);
            served.or_else(|| cluster.bystanders.get(id)).is_some_and(|ingress| ingress.names(*address))
        });
    }

    /// Shows the event to the API server and to the allocator. `None`: it means nothing.
    fn happen(&mut self, event: &Event) -> Option<Vec<Change>> {
        let changes = match event {
            Event::Put(service) => match self.cluster.edit(&mut self.allocator, event) {
                Some(changes) => changes,
                None => self.create(service.clone()),
            },
            Event::Recreate(service) => {
                self.cluster.services.remove(&service.id)?;
                self.create(service.clone())
            }
            Event::Remove(_)
            | Event::Pools(_)
            | Event::Nodes(_)
            | Event::Namespace(..)
            | Event::NoNamespace(_) => self.cluster.edit(&mut self.allocator, event)?,
            Event::Leave(id) => {
                let service = self.cluster.services.remove(id)?;
                let addresses = service.ingress.addresses();
                if !addresses.is_empty() {
                    self.cluster.bystanders.insert(id.clone(), service.ingress);
                }
                self.allocator.set_bystander(id, addresses)
            }
            Event::Bystander(id, addresses) => {
                if self.cluster.services.contains_key(id) {
                    return None;
                }
                self.cluster.bystanders.insert(id.clone(), foreign(addresses));
                self.allocator.set_bystander(id, addresses.clone())
            }
            Event::Status(id, ingress) => self.cluster.write(&mut self.allocator, id, ingress.clone())?,
            Event::Foreign(id, addresses) => self.forge(id, foreign(addresses))?,
            Event::Clear(id) => self.forge(id, Ingress::Empty)?,
            Event::OldLeader(id, address) => {
                let pool = self
                    .cluster
                    .pools
                    .iter()
                    .find(|pool| pool.ranges.iter().any(|range| range.contains(*address)))?;
                let assigned = vec![Assignment { address: *address, pool: Some(pool.name.clone()) }];
                self.forge(id, Ingress::Ours { assigned, removed: Vec::new(), since: self.clock })?
            }
            Event::Crash => {
                self.allocator = self.cluster.start(self.clock % 2 == 0);
                let other = self.cluster.start(self.clock % 2 == 1);
                check::the_order_of_hearing_does_not_matter(&self.cluster, &self.allocator, &other);
                Vec::new()
            }
            Event::Together(_) | Event::Write(_) | Event::WriteAll => {
                unreachable!("they are steps of their own")
            }
        };
        Some(changes)
    }

    fn create(&mut self, mut service: Service) -> Vec<Change> {
        self.uids += 1;
        service.uid = format!("uid-{}", self.uids).into();
        service.ingress = self.cluster.bystanders.remove(&service.id).unwrap_or_default();
        self.cluster.services.insert(service.id.clone(), service.clone());
        self.allocator.upsert_service(service)
    }

    /// Somebody who is not the controller writes a status.
    fn forge(&mut self, id: &ServiceId, ingress: Ingress) -> Option<Vec<Change>> {
        self.forged.insert(id.clone());
        self.cluster.write(&mut self.allocator, id, ingress)
    }
}

fn foreign(addresses: &[IpAddr]) -> Ingress {
    Ingress::Foreign { addresses: addresses.to_vec(), hostnames: Vec::new() }
}
