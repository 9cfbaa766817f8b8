//! What each pool says of a Service, to explain why it has the addresses it has.

use std::net::IpAddr;

use ferrolb_model::{Family, PoolName, Service, ServiceId};

use crate::{Allocator, PoolVerdict, evaluate::wanted, find::Asking, pools::PoolState};

/// What one pool says of a Service in one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opinion {
    /// The family.
    pub family: Family,
    /// The pool.
    pub pool: PoolName,
    /// How many addresses are free for it, saturating, or why there is none.
    pub verdict: Result<u128, PoolVerdict>,
}

impl Allocator {
    /// What every pool says of the Service, in each family that it is to have, in the order in which pools are tried.
    /// It says the same of one that has all it asks for. Empty for a Service that is not known.
    pub fn opinions(&self, id: &ServiceId) -> Vec<Opinion> {
        let Some(service) = self.service(id) else { return Vec::new() };
        let families = wanted(service).iter();
        families
            .flat_map(|family| {
                self.pools.in_turn().map(|state| Opinion {
                    family: *family,
                    pool: state.pool.name.clone(),
                    verdict: self.verdict(state, service, *family),
                })
            })
            .collect()
    }

    /// Whether the pool has something for the Service; how much, or why not.
    pub(crate) fn verdict(
        &self,
        state: &PoolState,
        service: &Service,
        family: Family,
    ) -> Result<u128, PoolVerdict> {
        let mut named = service.request.addresses.iter().filter(|address| Family::of(**address) == family);
        let asking = match (named.next(), &service.request.pool) {
            (Some(address), _) if self.is_home(state, *address) => Asking::ByName,
            (None, Some(asked)) if *asked == state.pool.name => Asking::ByName,
            (None, None) => Asking::Any,
            (Some(_), _) | (None, Some(_)) => return Err(PoolVerdict::NotNamed),
        };
        self.admits(state, service, asking)?;
        let space = state.spaces.get(family);
        match space.free() {
            0 if space.is_empty() => Err(PoolVerdict::NoneOfFamily),
            0 => Err(PoolVerdict::Exhausted),
            free => Ok(free),
        }
    }

    fn is_home(&self, state: &PoolState, address: IpAddr) -> bool {
        self.pools.home_of(address).is_some_and(|home| home.pool == state.index)
    }
}
