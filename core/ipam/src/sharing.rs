//! Which Services may have one address together.

use std::net::IpAddr;

use ferrolb_model::{Family, Ingress, Service, ServiceId, Sharing, TrafficPolicy};

use crate::{
    Allocator, Clash, Refusal, SharingProblem, book::Slot, crowd::Crowd, evaluate::wanted, pools::PoolState,
    services::Handle,
};

/// The most Services one address may have; an announcement lists them all.
pub const MAX_SHARERS: usize = 64;

impl Allocator {
    /// Whether the Service may have the address beside those who have it now.
    pub(crate) fn may_join(
        &self,
        handle: Handle,
        service: &Service,
        address: IpAddr,
        home: &PoolState,
    ) -> Result<(), Refusal> {
        let Some(slot) = self.book.get(address) else { return Ok(()) };
        let named_by = match slot {
            Slot::Crowd(crowd) if self.fits_surely(service, crowd, home.pool.sharing) => return Ok(()),
            Slot::Crowd(crowd) => crowd.named_by(),
            Slot::Held(_) | Slot::Released(_) => &[],
        };
        if let Some(by) = named_by.iter().find(|by| **by != service.id) {
            return Err(Refusal::AddressTaken { address, by: by.clone() });
        }
        self.may_share_with_holders(handle, service, address, slot, home)
    }

    /// Whether the Service, whose status names the address by another load balancer's hand, may have it from us. Others of
    /// which the same is true do not stand in the way if they may share it with the Service: they shared it before.
    pub(crate) fn may_adopt(
        &self,
        handle: Handle,
        service: &Service,
        address: IpAddr,
        home: &PoolState,
    ) -> Result<(), Refusal> {
        let Some(slot) = self.book.get(address) else { return Ok(()) };
        let named_by = match slot {
            Slot::Crowd(crowd) => crowd.named_by(),
            Slot::Held(_) | Slot::Released(_) => &[],
        };
        let stands_in_the_way = |by: &ServiceId| {
            let other = self.services.find(by).map(|other| &self.services[other].service);
            let shares = other.is_some_and(|other| {
                matches!(other.ingress, Ingress::Foreign { .. })
                    && problem_between(service, other, Some(home.pool.sharing)).is_none()
            });
            *by != service.id && !shares
        };
        if let Some(by) = named_by.iter().find(|by| stands_in_the_way(by)) {
            return Err(Refusal::AddressTaken { address, by: by.clone() });
        }
        self.may_share_with_holders(handle, service, address, slot, home)
    }

    fn may_share_with_holders(
        &self,
        handle: Handle,
        service: &Service,
        address: IpAddr,
        slot: Slot<&Crowd>,
        home: &PoolState,
    ) -> Result<(), Refusal> {
        self.may_share(handle, service, slot, Some(home.pool.sharing)).map_err(|(with, problem)| {
            if problem == SharingProblem::Key {
                Refusal::AddressTaken { address, by: with }
            } else {
                Refusal::SharingRefused(Clash { address, with, problem })
            }
        })
    }

    /// Whether the Service may keep the address, as far as others that have it go. One that is there stays when the
    /// pool's rule gets narrower.
    pub(crate) fn may_stay(
        &self,
        handle: Handle,
        service: &Service,
        address: IpAddr,
    ) -> Result<(), (ServiceId, SharingProblem)> {
        match self.book.get(address) {
            Some(slot) => self.may_share(handle, service, slot, None),
            None => Ok(()),
        }
    }

    /// Why the Service does not share: the first address in each family that others have under its key and that it cannot
    /// have beside them. Empty for one that shares with somebody, or takes no address but the one it names.
    pub fn clashes(&self, id: &ServiceId) -> Vec<Clash> {
        let Some(handle) = self.services.find(id) else { return Vec::new() };
        let entry = &self.services[handle];
        let service = &entry.service;
        let is_named = |family| service.request.addresses.iter().any(|one| Family::of(*one) == family);
        let is_shared = |family| {
            let slot = entry.held_of(family).and_then(|held| self.book.get(held.address));
            slot.is_some_and(|slot| slot.users().len() > 1)
        };
        let alone = wanted(service).iter().filter(|family| !is_named(**family) && !is_shared(**family));
        alone.filter_map(|family| self.clash(handle, service, *family)).collect()
    }

    /// What keeps the Service from the first address under its key that it cannot have.
    pub(crate) fn clash(&self, handle: Handle, service: &Service, family: Family) -> Option<Clash> {
        let key = service.request.sharing_key.as_ref()?;
        let shared = self.shared.addresses(key);
        shared.filter(|address| Family::of(*address) == family).find_map(|address| {
            let state = self.pools.state(self.pools.giver(address)?);
            let slot = self.book.get(address).filter(|_| self.serves(state, service))?;
            let (with, problem) = self.may_share(handle, service, slot, Some(state.pool.sharing)).err()?;
            Some(Clash { address, with, problem })
        })
    }

    /// Whether the Service fits in beside those who share the address, without a look at each. Those agree with one
    /// another in everything but ports and namespaces, so that a look at one of them is enough.
    fn fits_surely(&self, service: &Service, crowd: &Crowd, rule: Sharing) -> bool {
        let [first, ..] = crowd.users() else { return false };
        crowd.named_by().is_empty()
            && crowd.users().len() < MAX_SHARERS
            && (rule == Sharing::AnyNamespace || !crowd.is_mixed())
            && service.ports.iter().all(|port| !crowd.ports().contains(port))
            && problem_between(service, &self.services[*first].service, Some(rule)).is_none()
    }

    fn may_share(
        &self,
        handle: Handle,
        service: &Service,
        slot: Slot<&Crowd>,
        rule: Option<Sharing>,
    ) -> Result<(), (ServiceId, SharingProblem)> {
        let others = slot.users().iter().filter(|user| **user != handle);
        for (count, other) in others.enumerate() {
            let other = &self.services[*other].service;
            let problem = if count + 1 >= MAX_SHARERS && rule.is_some() {
                Some(SharingProblem::Full)
            } else {
                problem_between(service, other, rule)
            };
            if let Some(problem) = problem {
                return Err((other.id.clone(), problem));
            }
        }
        Ok(())
    }
}

fn problem_between(one: &Service, other: &Service, rule: Option<Sharing>) -> Option<SharingProblem> {
    if one.request.sharing_key.is_none() || one.request.sharing_key != other.request.sharing_key {
        return Some(SharingProblem::Key);
    }
    if rule == Some(Sharing::SameNamespace) && one.id.namespace != other.id.namespace {
        return Some(SharingProblem::Namespace);
    }
    if let Some(port) = one.ports.iter().find(|port| other.ports.contains(port)) {
        return Some(SharingProblem::Port(*port));
    }
    let same_endpoints = match (one.traffic_policy, other.traffic_policy) {
        (TrafficPolicy::Cluster, TrafficPolicy::Cluster) => true,
        // Without a selector the endpoints are somebody's own list, and nobody knows whether two lists agree.
        (TrafficPolicy::Local, TrafficPolicy::Local) => {
            !one.selector.is_empty() && one.selector == other.selector
        }
        (TrafficPolicy::Cluster, TrafficPolicy::Local) | (TrafficPolicy::Local, TrafficPolicy::Cluster) => {
            false
        }
    };
    (!same_endpoints).then_some(SharingProblem::Endpoints)
}
