//! Looks for an address; takes none.

use std::{net::IpAddr, sync::Arc};

use ferrolb_model::{Assignment, Family, PoolName, Service, ServiceAllocation};

use crate::{
    Allocator, Considered, PoolVerdict, Refusal,
    book::{Slot, Use},
    pools::PoolState,
    services::Handle,
    waiting::Resource,
};

/// A refusal, and what would have to become free for another try to be worth it.
pub(crate) struct Denied {
    pub(crate) refusal: Refusal,
    pub(crate) until: Vec<Resource>,
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, until: Vec::new() }
    }
}

impl Allocator {
    /// The address the Service names, if it can have it.
    pub(crate) fn find_named(
        &self,
        handle: Handle,
        service: &Service,
        address: IpAddr,
    ) -> Result<Assignment, Denied> {
        let Some(home) = self.pools.home(address) else {
            self.asks_for_valid_pool(service)?;
            let refusal = match self.invalid_pools() {
                invalid if invalid.is_empty() => Refusal::AddressInNoPool(address),
                invalid => Refusal::AddressInNoValidPool { address, invalid },
            };
            return Err(refusal.into());
        };
        let pool = home.pool.name.clone();
        if let Some(asked) = &service.request.pool
            && *asked != pool
        {
            return Err(Refusal::AddressInOtherPool { address, asked: asked.clone(), pool }.into());
        }
        if let Err(verdict) = self.admits(home, service, Asking::ByName) {
            return Err(refused_by(pool, verdict).into());
        }
        if self.pools.giver(address).is_none() {
            return Err(Refusal::AddressExcluded { address, pool }.into());
        }
        let until_free = |refusal| Denied { refusal, until: vec![Resource::Address(address)] };
        if self.node_addresses.contains(&address) {
            return Err(until_free(Refusal::AddressOfNode(address)));
        }
        self.may_join(handle, service, address, home).map_err(until_free)?;
        Ok(Assignment { address, pool: Some(pool) })
    }

    /// An address of the family: the one it had before, one it may share, or a free one. `near` is the pool of its
    /// other address, tried first.
    pub(crate) fn find_any(
        &mut self,
        handle: Handle,
        service: &Service,
        family: Family,
        near: Option<&PoolName>,
    ) -> Result<Assignment, Denied> {
        self.asks_for_valid_pool(service)?;
        if self.pools.is_empty() {
            let refusal = match self.invalid_pools() {
                invalid if invalid.is_empty() => Refusal::NoPool,
                invalid => Refusal::NoValidPool(invalid),
            };
            return Err(refusal.into());
        }
        if let Some(asked) = &service.request.pool
            && self.pools.get(asked).is_none()
        {
            return Err(Refusal::PoolNotFound(asked.clone()).into());
        }
        let found =
            self.find_former(handle, service, family).or_else(|| self.find_shared(handle, service, family));
        if let Some(found) = found {
            return Ok(found);
        }
        let near = near
            .and_then(|near| self.pools.get(near))
            .filter(|near| near.spaces.get(family).free() > 0 && self.serves(near, service));
        if let Some(state) = near.or_else(|| self.find_pool(service, family)) {
            let index = state.index;
            if let Some(number) = self.pools.space_mut(index, family).next(&self.book) {
                let pool = Some(self.pools.state(index).pool.name.clone());
                return Ok(Assignment { address: family.address(number), pool });
            }
        }
        Err(self.nothing_free(handle, service, family))
    }

    /// Whether the pool that the Service names is there and cannot be read.
    fn asks_for_valid_pool(&self, service: &Service) -> Result<(), Denied> {
        match service.request.pool.as_ref().filter(|asked| self.is_invalid(asked)) {
            Some(invalid) => Err(Refusal::PoolInvalid(invalid.clone()).into()),
            None => Ok(()),
        }
    }

    /// The pools that are there and cannot be read.
    fn invalid_pools(&self) -> Vec<PoolName> {
        self.invalid.iter().filter(|pool| self.is_invalid(pool)).cloned().collect()
    }

    /// Whether the pool is there and cannot be read.
    pub(crate) fn is_invalid(&self, pool: &PoolName) -> bool {
        self.invalid.contains(pool) && self.pools.get(pool).is_none()
    }

    /// The first pool that serves the Service and has free addresses of both families.
    pub(crate) fn find_dual_pool(&self, service: &Service) -> Option<PoolName> {
        let mut open = self.pools.open(Family::V4).filter(|state| state.spaces.get(Family::V6).free() > 0);
        open.find(|state| self.serves(state, service)).map(|state| state.pool.name.clone())
    }

    fn find_former(&self, handle: Handle, service: &Service, family: Family) -> Option<Assignment> {
        let address = self.former.address(&service.id, self.services[handle].name_hash, family)?;
        let state = self.pools.state(self.pools.giver(address)?);
        let free = Slot::usage(self.book.get(address).as_ref());
        (matches!(free, Use::Fresh | Use::Released) && self.serves(state, service))
            .then(|| Assignment { address, pool: Some(state.pool.name.clone()) })
    }

    fn find_shared(&self, handle: Handle, service: &Service, family: Family) -> Option<Assignment> {
        let key = service.request.sharing_key.as_ref()?;
        let shared = self.shared.addresses(key);
        shared.filter(|address| Family::of(*address) == family).find_map(|address| {
            let state = self.pools.state(self.pools.giver(address)?);
            let joins = self.serves(state, service)
                && !self.node_addresses.contains(&address)
                && self.may_join(handle, service, address, state).is_ok();
            joins.then(|| Assignment { address, pool: Some(state.pool.name.clone()) })
        })
    }

    /// The first pool in turn that serves the Service and has a free address.
    fn find_pool(&self, service: &Service, family: Family) -> Option<&PoolState> {
        match &service.request.pool {
            Some(asked) => self
                .pools
                .get(asked)
                .filter(|state| state.spaces.get(family).free() > 0 && self.serves(state, service)),
            None => self.pools.open(family).find(|state| self.serves(state, service)),
        }
    }

    pub(crate) fn serves(&self, state: &PoolState, service: &Service) -> bool {
        let asked = service.request.pool.as_ref();
        asked.is_none_or(|asked| *asked == state.pool.name)
            && self.admits(state, service, Asking::of(service)).is_ok()
    }

    /// Whether the pool serves the Service at all, whatever is free.
    pub(crate) fn admits(
        &self,
        state: &PoolState,
        service: &Service,
        asking: Asking,
    ) -> Result<(), PoolVerdict> {
        let pool = &state.pool;
        if let Some(allocation) = &pool.allocation {
            self.is_for(state, allocation, service)?;
        }
        match asking {
            Asking::ByName if !pool.allow_requests => return Err(PoolVerdict::RequestsNotAllowed),
            Asking::Any if !pool.auto_assign => return Err(PoolVerdict::NotAutomatic),
            Asking::ByName | Asking::Any => {}
        }
        if pool.drain { Err(PoolVerdict::Draining) } else { Ok(()) }
    }

    fn is_for(
        &self,
        state: &PoolState,
        allocation: &ServiceAllocation,
        service: &Service,
    ) -> Result<(), PoolVerdict> {
        let namespace = &*service.id.namespace;
        let any_namespace = allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty();
        let listed = || allocation.namespaces.iter().any(|name| name == namespace);
        let selected = || {
            let labels = self.namespaces.get(namespace);
            labels.is_some_and(|labels| allocation.namespace_selectors.iter().any(|one| one.matches(labels)))
        };
        if !(any_namespace || listed() || selected()) {
            return Err(PoolVerdict::OtherNamespaces(Arc::clone(&state.namespaces)));
        }
        let selectors = &allocation.service_selectors;
        if !(selectors.is_empty() || selectors.iter().any(|one| one.matches(&service.labels))) {
            return Err(PoolVerdict::OtherLabels(Arc::clone(&state.labels)));
        }
        Ok(())
    }

    /// Whether the pool could give the Service this address, whoever has it.
    pub(crate) fn serves_address(&self, service: &Service, pool: &PoolName, address: IpAddr) -> bool {
        let giver = self.pools.giver(address).map(|index| self.pools.state(index));
        let asking =
            if service.request.addresses.contains(&address) { Asking::ByName } else { Asking::of(service) };
        giver.is_some_and(|state| state.pool.name == *pool && self.admits(state, service, asking).is_ok())
    }

    fn nothing_free(&self, handle: Handle, service: &Service, family: Family) -> Denied {
        let asking = Asking::of(service);
        let verdict = |state: &PoolState| match self.admits(state, service, asking) {
            Err(verdict) => verdict,
            Ok(()) if state.spaces.get(family).is_empty() => PoolVerdict::NoneOfFamily,
            Ok(()) => PoolVerdict::Exhausted,
        };
        let asked = service.request.pool.as_ref();
        let candidates =
            self.pools.in_turn().filter(|state| asked.is_none_or(|asked| *asked == state.pool.name));
        let mut exhausted = Vec::new();
        let invalid = if asked.is_none() { self.invalid_pools() } else { Vec::new() };
        let invalid = invalid.into_iter().map(|pool| (pool, PoolVerdict::Invalid));
        let considered: Considered = candidates
            .map(|state| {
                let verdict = verdict(state);
                if verdict == PoolVerdict::Exhausted {
                    exhausted.push(state.index);
                }
                (state.pool.name.clone(), verdict)
            })
            .chain(invalid)
            .collect();
        let mut until = Vec::new();
        let refusal = match (asked, considered.first()) {
            (Some(pool), Some((_, PoolVerdict::NoneOfFamily))) => {
                Refusal::PoolFamilyMismatch { pool: pool.clone(), family }
            }
            (Some(pool), Some((_, verdict))) if exhausted.is_empty() => {
                refused_by(pool.clone(), verdict.clone())
            }
            _ if exhausted.is_empty() => Refusal::NoPoolMatches { family, considered },
            _ => {
                let clash = self.clash(handle, service, family);
                Refusal::PoolExhausted { family, considered, clash }
            }
        };
        if !exhausted.is_empty() {
            until.push(Resource::Space(exhausted.into(), family));
        }
        until.extend(service.request.sharing_key.as_deref().map(|key| Resource::Key(key.into())));
        Denied { refusal, until }
    }
}

/// How a Service comes by a pool.
#[derive(Clone, Copy)]
pub(crate) enum Asking {
    /// It names the pool or one of its addresses.
    ByName,
    /// It takes what there is.
    Any,
}

impl Asking {
    pub(crate) fn of(service: &Service) -> Self {
        if service.request.pool.is_some() { Self::ByName } else { Self::Any }
    }
}

/// The refusal of a pool that was asked for by name.
fn refused_by(pool: PoolName, verdict: PoolVerdict) -> Refusal {
    match verdict {
        PoolVerdict::Draining => Refusal::PoolDraining(pool),
        PoolVerdict::RequestsNotAllowed => Refusal::RequestsNotAllowed(pool),
        PoolVerdict::NoneOfFamily
        | PoolVerdict::Exhausted
        | PoolVerdict::NotAutomatic
        | PoolVerdict::NotNamed
        | PoolVerdict::Invalid
        | PoolVerdict::OtherNamespaces(_)
        | PoolVerdict::OtherLabels(_) => Refusal::PoolNotForService { pool, verdict },
    }
}
