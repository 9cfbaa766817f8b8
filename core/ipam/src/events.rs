//! What the allocator hears, one event at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use ferrolb_model::{Family, Labels, Pool, PoolName, Service, ServiceId};

use crate::{
    Allocator, Change, Outcome,
    per_family::PerFamily,
    pools::Fate,
    services::{Entry, Handle, NameHash},
    territory::Moved,
    waiting::Freed,
};

impl Allocator {
    /// A Service that FerroLB serves is there, or is not what it was; its status counts too.
    pub fn upsert_service(&mut self, service: Service) -> Vec<Change> {
        self.no_bystander(&service);
        let name_hash = NameHash::of(&service.id);
        let mut known = self.services.find_hashed(name_hash, &service.id);
        if let Some(handle) = known
            && self.services[handle].service.uid != service.uid
        {
            self.drop_service(handle);
            self.serve_waiting();
            known = None;
        }
        let service = Arc::new(service);
        let Some(handle) = known else {
            let handle = self.services.insert(Entry::new(Arc::clone(&service), name_hash));
            if self.settled {
                for address in service.ingress.each() {
                    self.note_named(&service.id, address);
                }
                return self.decide(handle, &service);
            }
            return Vec::new();
        };
        if !self.settled {
            if let Some(entry) = self.services.get_mut(handle) {
                entry.service = service;
            }
            return Vec::new();
        }
        self.replace(handle, &service);
        self.decide(handle, &service)
    }

    fn decide(&mut self, handle: Handle, service: &Service) -> Vec<Change> {
        if self.services[handle].held().next().is_none() {
            self.take_recorded(handle, service);
            self.take_given(handle, service);
        }
        self.evaluate_as(handle, service);
        self.serve_waiting();
        self.changes()
    }

    /// A Service is gone, or is no longer of `type: LoadBalancer`. If it returns it gets its addresses back, if they are
    /// free.
    pub fn remove_service(&mut self, id: &ServiceId) -> Vec<Change> {
        self.set_bystander(id, Vec::new())
    }

    /// Takes everything from the Service.
    pub(crate) fn drop_service(&mut self, handle: Handle) {
        if !self.settled {
            self.services.remove(handle);
            return;
        }
        let Some(entry) = self.services.get_mut(handle) else { return };
        // What becomes of it is told by `removed`.
        entry.is_touched = true;
        let (service, name_hash, before) = (Arc::clone(&entry.service), entry.name_hash, entry.outcome());
        let held = PerFamily::by(|family| entry.held_of(family).map(|one| one.address));
        self.wait(handle, None);
        for address in Family::ALL.into_iter().filter_map(|family| *held.get(family)) {
            self.give_back(handle, address, false);
        }
        for address in service.ingress.each() {
            if Some(address) != *held.get(Family::of(address)) {
                self.note_unnamed(&service.id, address);
            }
        }
        self.former.remember(&service.id, name_hash, held);
        self.services.remove(handle);
        if let Some(before) = before {
            let id = service.id.clone();
            self.removed.push(Change::between(id, Some(&before), Outcome::Removed));
        }
    }

    /// These are all the pools. An address that an edit takes out of its pool moves; deleting a pool moves nothing.
    pub fn set_pools(&mut self, pools: Vec<Pool>) -> Vec<Change> {
        if !self.are_news(&pools) {
            return Vec::new();
        }
        let moved = self.pools.edit(pools, &mut self.book);
        if !self.settled {
            return Vec::new();
        }
        let mut affected = self.services.in_turn(self.users_within(&moved).chain(self.waiting.everybody()));
        affected.retain(|handle| self.refit(*handle) || self.services[*handle].waits.is_some());
        self.evaluate_in_turn(&affected);
        self.changes()
    }

    /// These pools are there and cannot be read. Nothing is given from them; those who ask are told so.
    pub fn set_invalid_pools(&mut self, invalid: BTreeSet<PoolName>) -> Vec<Change> {
        if self.invalid == invalid {
            return Vec::new();
        }
        self.invalid = invalid;
        if !self.settled {
            return Vec::new();
        }
        let waiting = self.services.in_turn(self.waiting.everybody());
        self.evaluate_in_turn(&waiting);
        self.changes()
    }

    /// These are all the namespaces, with their labels.
    pub fn set_namespaces(&mut self, namespaces: BTreeMap<String, Labels>) -> Vec<Change> {
        let before = std::mem::replace(&mut self.namespaces, namespaces);
        if !self.settled {
            return Vec::new();
        }
        let relabelled = self.waiting.everybody().filter(|handle| {
            let namespace = &*self.services[*handle].service.id.namespace;
            before.get(namespace) != self.namespaces.get(namespace)
        });
        let relabelled = self.services.in_turn(relabelled);
        self.evaluate_in_turn(&relabelled);
        self.changes()
    }

    /// These are all the addresses of nodes; they are not handed out. A Service that has one keeps it.
    pub fn set_node_addresses(&mut self, addresses: BTreeSet<IpAddr>) -> Vec<Change> {
        let before = std::mem::replace(&mut self.node_addresses, addresses);
        let added: Vec<_> = self.node_addresses.difference(&before).copied().collect();
        let removed: Vec<_> = before.difference(&self.node_addresses).copied().collect();
        for address in added {
            self.note_node(address, true);
        }
        for address in removed {
            self.note_node(address, false);
        }
        self.serve_waiting();
        self.changes()
    }

    /// Puts the Service in the place of what was known of it, and keeps the indexes true.
    fn replace(&mut self, handle: Handle, service: &Arc<Service>) {
        let known = &self.services[handle].service;
        if known.families != service.families || known.policy != service.policy {
            self.note_other(handle);
        }
        let Some(entry) = self.services.get_mut(handle) else { return };
        let old = std::mem::replace(&mut entry.service, Arc::clone(service));
        let held = PerFamily::by(|family| entry.held_of(family).map(|one| one.address));
        let holds = |address: IpAddr| *held.get(Family::of(address)) == Some(address);
        if old.created != service.created
            && let Some(resources) = entry.waits.take()
        {
            self.waiting.leave(&old, handle, &resources);
        }
        let id = &service.id;
        for address in old.ingress.each().filter(|address| !holds(*address)) {
            if !service.ingress.names(address) {
                self.note_unnamed(id, address);
            }
        }
        for address in service.ingress.each().filter(|address| !holds(*address)) {
            if !old.ingress.names(address) {
                self.note_named(id, address);
            }
        }
        if shares_alike(&old, service) {
            return;
        }
        for address in Family::ALL.into_iter().filter_map(|family| *held.get(family)) {
            if let Some(key) = &old.request.sharing_key {
                self.forget_shared(key, address);
            }
            if let Some(key) = &service.request.sharing_key {
                self.remember_shared(key, address);
            }
            self.note_reopened(address);
        }
        // Nor may those who wait to be adopted beside it have known that they would share.
        for address in service.ingress.each().filter(|address| !holds(*address)) {
            self.note_freed(Freed::Address(address));
        }
    }

    /// Whether any pool is not what it was.
    fn are_news(&self, pools: &[Pool]) -> bool {
        let new: BTreeMap<&PoolName, &Pool> = pools.iter().map(|pool| (&pool.name, pool)).collect();
        !self.pools.all().map(|pool| (&pool.name, pool)).eq(new)
    }

    fn users_within(&self, moved: &PerFamily<Vec<Moved>>) -> impl Iterator<Item = Handle> {
        Family::ALL.into_iter().flat_map(move |family| {
            let slots =
                moved.get(family).iter().flat_map(move |one| self.book.range(family, one.range.clone()));
            slots.flat_map(|(_, slot)| slot.into_users())
        })
    }

    /// Gives up what an edit took out of its pool, and learns where the rest is now. Whether anything is not as it was.
    fn refit(&mut self, handle: Handle) -> bool {
        let mut is_affected = false;
        for family in Family::ALL {
            let Some(held) = self.services[handle].held_of(family) else { continue };
            let address = held.address;
            match self.pools.fate(address, held.pool.as_ref()) {
                Fate::Home(pool) if held.pool.as_ref() == Some(&pool) => {}
                Fate::Home(pool) => {
                    self.note_other(handle);
                    if let Some(entry) = self.services.get_mut(handle)
                        && let Some(one) = entry.held.get_mut(family)
                    {
                        one.pool = Some(pool);
                    }
                    is_affected = true;
                }
                Fate::Missing => is_affected = true,
                Fate::Gone => {
                    self.leave(handle, address);
                    is_affected = true;
                }
            }
        }
        is_affected
    }
}

fn shares_alike(one: &Service, other: &Service) -> bool {
    one.request.sharing_key == other.request.sharing_key
        && one.ports == other.ports
        && one.traffic_policy == other.traffic_policy
        && one.selector == other.selector
}
