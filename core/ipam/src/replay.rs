//! The start: what statuses say FerroLB gave is taken first, and only then is anything new given out.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use ferrolb_model::{Assignment, Family, Ingress, PoolName, Service, ServiceId, Uid};

use crate::{
    Allocator, Change,
    book::{Slot, Use},
    evaluate::wanted,
    pools::Fate,
    services::Handle,
};

impl Allocator {
    /// Hears of Services before the start. The same as as many upserts; gives nothing out.
    pub fn replay(&mut self, services: Vec<Service>) {
        for service in services {
            self.upsert_service(service);
        }
    }

    /// Hears, before the start, for which Services each address is announced. Of two whose statuses name one address, that
    /// one keeps it whose clients it serves; with none of them, or both, the one to which it was given earlier.
    pub fn recall(&mut self, announced: BTreeMap<IpAddr, BTreeSet<Uid>>) {
        self.announced = announced;
    }

    /// Starts, once Services, pools, namespaces and node addresses are all known. Every Service keeps what its status
    /// says FerroLB gave it, then the others are served, the oldest first. Returns the outcome of every Service.
    pub fn settle(&mut self) -> Vec<Change> {
        if self.settled {
            return Vec::new();
        }
        self.settled = true;
        self.note_bystanders();
        self.take_all_recorded();
        self.note_all_named();
        self.take_all_given();

        for handle in self.services.in_turn(self.services.iter().map(|(handle, _)| handle)) {
            self.evaluate(handle);
        }
        self.serve_waiting();
        self.changes()
    }

    /// What statuses name and nobody who may have it took is out of use too.
    fn note_all_named(&mut self) {
        let named: Vec<(ServiceId, IpAddr)> = self
            .services
            .iter()
            .flat_map(|(_, entry)| {
                let named = entry.service.ingress.each();
                let holds = |address: IpAddr| entry.held().any(|held| held.address == address);
                named
                    .filter(move |address| !holds(*address))
                    .map(|address| (entry.service.id.clone(), address))
            })
            .collect();
        for (id, address) in named {
            self.note_named(&id, address);
        }
    }

    fn take_all_recorded(&mut self) {
        let ours = self.services.iter().filter_map(|(handle, entry)| match &entry.service.ingress {
            Ingress::Ours { since, .. } => Some((*since, entry.service.created, handle)),
            Ingress::Empty | Ingress::Edited { .. } | Ingress::Foreign { .. } => None,
        });
        let mut ours: Vec<_> = ours.collect();
        let tie = |handle: Handle| (&self.services[handle].service.uid, &self.services[handle].service.id);
        ours.sort_unstable_by(|one, other| {
            (one.0, one.1).cmp(&(other.0, other.1)).then_with(|| tie(one.2).cmp(&tie(other.2)))
        });
        let announced = std::mem::take(&mut self.announced);
        let is_announced = |service: &Service, address: IpAddr| {
            announced.get(&address).is_some_and(|services| services.contains(&service.uid))
        };
        let mut latest: BTreeMap<(PoolName, Family), (i64, u128)> = BTreeMap::new();
        for first in [true, false] {
            for (since, _, handle) in &ours {
                let service = Arc::clone(&self.services[*handle].service);
                let taken = self
                    .take_recorded_if(*handle, &service, |address| is_announced(&service, address) == first);
                for taken in taken.into_iter().flatten() {
                    let Some(pool) = taken.pool else { continue };
                    let last = latest.entry((pool, Family::of(taken.address))).or_default();
                    *last = (*last).max((*since, Family::number(taken.address)));
                }
            }
        }
        for ((pool, family), (_, number)) in latest {
            if let Some(index) = self.pools.get(&pool).map(|state| state.index) {
                self.pools.space_mut(index, family).continue_after(number);
            }
        }
    }

    /// Gives the Service what its status says FerroLB gave it, as far as it may have it still. Returns what it took.
    pub(crate) fn take_recorded(&mut self, handle: Handle, service: &Service) -> [Option<Assignment>; 2] {
        self.take_recorded_if(handle, service, |_| true)
    }

    fn take_recorded_if(
        &mut self,
        handle: Handle,
        service: &Service,
        may_take: impl Fn(IpAddr) -> bool,
    ) -> [Option<Assignment>; 2] {
        let Ingress::Ours { assigned, .. } = &service.ingress else { return [None, None] };
        let now = assigned.iter().filter(|recorded| may_take(recorded.address));
        let mut taken = now.map(|recorded| {
            let assignment = self.still_valid(handle, service, recorded)?;
            self.take(handle, assignment.clone());
            Some(assignment)
        });
        let first = taken.find_map(|one| one);
        [first, taken.find_map(|one| one)]
    }

    /// Who is named by nothing but our condition comes after all whom statuses name.
    fn take_all_given(&mut self) {
        let edited = self.services.iter().filter_map(|(handle, entry)| match &entry.service.ingress {
            Ingress::Edited { since, .. } => Some((*since, handle)),
            Ingress::Ours { removed, since, .. } if !removed.is_empty() => Some((*since, handle)),
            Ingress::Empty | Ingress::Ours { .. } | Ingress::Foreign { .. } => None,
        });
        let mut edited: Vec<_> = edited.collect();
        let name = |handle: Handle| &self.services[handle].service.id;
        edited
            .sort_unstable_by(|one, other| one.0.cmp(&other.0).then_with(|| name(one.1).cmp(name(other.1))));
        for (_, handle) in edited {
            let service = Arc::clone(&self.services[handle].service);
            self.take_given(handle, &service);
        }
    }

    /// Gives the Service again what it was given before its ingress was edited, as far as it is free.
    pub(crate) fn take_given(&mut self, handle: Handle, service: &Service) {
        let given = match &service.ingress {
            Ingress::Edited { addresses, .. } if self.was_handed_over(addresses) => return,
            Ingress::Edited { given, .. } => given,
            Ingress::Ours { removed, .. } => removed,
            Ingress::Empty | Ingress::Foreign { .. } => return,
        };
        for one in given {
            let usage = Slot::usage(self.book.get(one.address).as_ref());
            if matches!(usage, Use::Fresh | Use::Released)
                && let Some(assignment) = self.still_valid(handle, service, one)
            {
                self.take(handle, assignment);
            }
        }
    }

    fn still_valid(&self, handle: Handle, service: &Service, recorded: &Assignment) -> Option<Assignment> {
        let address = recorded.address;
        let family = Family::of(address);
        let has_one = self.services[handle].held_of(family).is_some();
        if has_one || !wanted(service).contains(&family) || self.may_stay(handle, service, address).is_err() {
            return None;
        }
        match self.pools.fate(address, recorded.pool.as_ref()) {
            Fate::Home(pool) => Some(Assignment { address, pool: Some(pool) }),
            Fate::Missing => Some(recorded.clone()),
            Fate::Gone => None,
        }
    }
}
