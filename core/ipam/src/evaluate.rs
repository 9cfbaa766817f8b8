//! What one Service should have now: keeps what is fit, moves what the user wants moved, finds what is lacking.

use std::{net::IpAddr, sync::Arc};

use ferrolb_model::{Assignment, Family, FamilyPolicy, Ingress, PoolName, Service};

use crate::{
    Allocator, Refusal,
    find::Denied,
    services::{Handle, Standing},
    waiting::Resource,
};

/// What a Service waits for; `None` if it has all it asks for.
type Until = Option<Vec<Resource>>;

/// A need that is not met, or (`None`) a request that is no need of the Service, and why.
type Unmet<'a> = (Option<&'a Need>, Denied);

/// An address that a Service lacks, or holds another instead of.
struct Need {
    family: Family,
    /// The address it names; `None`: any will do.
    named: Option<IpAddr>,
    /// Whether it holds another of the family meanwhile.
    replaces: bool,
}

impl Allocator {
    /// Decides about one Service and records the outcome.
    pub(crate) fn evaluate(&mut self, handle: Handle) {
        let service = Arc::clone(&self.services[handle].service);
        self.evaluate_as(handle, &service);
    }

    /// The same, for who has the Service at hand.
    pub(crate) fn evaluate_as(&mut self, handle: Handle, service: &Service) {
        let (standing, until) = match &service.ingress {
            Ingress::Foreign { addresses, hostnames } => {
                match self.adopt(handle, service, addresses, hostnames.is_empty()) {
                    Ok(()) => self.place(handle, service),
                    Err(until) => (Standing::Foreign(addresses.clone()), Some(until)),
                }
            }
            Ingress::Edited { addresses, .. } if self.was_handed_over(addresses) => {
                (Standing::Foreign(addresses.clone()), Some(self.leave_alone(handle, addresses)))
            }
            Ingress::Empty | Ingress::Ours { .. } | Ingress::Edited { .. } => self.place(handle, service),
        };
        self.wait(handle, until);
        self.conclude(handle, standing);
    }

    /// Lets the Service wait for these and nothing else. `None`: it has all it asks for.
    pub(crate) fn wait(&mut self, handle: Handle, until: Until) {
        let Some(entry) = self.services.get_mut(handle) else { return };
        if entry.waits == until {
            return;
        }
        if let Some(resources) = std::mem::replace(&mut entry.waits, until) {
            self.waiting.leave(&entry.service, handle, &resources);
        }
        if let Some(resources) = &entry.waits {
            self.waiting.enter(&entry.service, handle, resources);
        }
    }

    /// Makes another load balancer's ingress ours, if all of it lies in our pools and nobody else has it.
    fn adopt(
        &mut self,
        handle: Handle,
        service: &Service,
        addresses: &[IpAddr],
        only_addresses: bool,
    ) -> Result<(), Vec<Resource>> {
        let of_two = |one: &IpAddr, other: &IpAddr| Family::of(*one) != Family::of(*other);
        let fits = match addresses {
            [one] => wanted(service).contains(&Family::of(*one)),
            [one, other] => of_two(one, other) && wanted(service).len() == 2,
            _ => false,
        };
        let pools: Option<Vec<_>> =
            addresses.iter().map(|address| self.adoptable(handle, service, *address)).collect();
        let Some(adopted) = pools.filter(|_| fits && only_addresses) else {
            return Err(self.leave_alone(handle, addresses));
        };
        // What it was given since stays: its status is about to say so.
        for one in adopted {
            if self.held_address(handle, Family::of(one.address)).is_none() {
                self.take(handle, one);
            }
        }
        Ok(())
    }

    /// Gives nothing to the Service while its ingress, of these addresses, is another's. Returns what may change that.
    fn leave_alone(&mut self, handle: Handle, addresses: &[IpAddr]) -> Vec<Resource> {
        for family in Family::ALL {
            if let Some(address) = self.held_address(handle, family) {
                self.leave(handle, address);
            }
        }
        addresses.iter().map(|address| Resource::Address(*address)).collect()
    }

    /// Whether an ingress that does not say what our condition says is another load balancer's by now: an address in it
    /// is in no pool of ours.
    pub(crate) fn was_handed_over(&self, addresses: &[IpAddr]) -> bool {
        addresses.iter().any(|address| self.pools.giver(*address).is_none())
    }

    fn adoptable(&self, handle: Handle, service: &Service, address: IpAddr) -> Option<Assignment> {
        let state = self.pools.state(self.pools.giver(address)?);
        let free = !self.node_addresses.contains(&address)
            && self.may_adopt(handle, service, address, state).is_ok();
        free.then(|| Assignment { address, pool: Some(state.pool.name.clone()) })
    }

    fn place(&mut self, handle: Handle, service: &Service) -> (Standing, Until) {
        self.give_up_unfit(handle, service);
        if let Some(problem) = &service.request.problem {
            let refusal = Refusal::InvalidRequest(problem.clone());
            return (Standing::Lacking(refusal.into()), Some(Vec::new()));
        }

        let needs = self.needs(handle, service);
        let (found, mut denied) = self.look_for(handle, service, &needs);
        let stray = service
            .request
            .addresses
            .iter()
            .find(|address| !wanted(service).contains(&Family::of(**address)));
        if let Some(address) = stray {
            let refusal =
                Refusal::AddressFamilyMismatch { address: *address, families: service.families.clone() };
            denied.insert(0, (None, refusal.into()));
        }

        let named_in_vain = denied.iter().any(|(need, _)| need.is_none_or(|need| need.named.is_some()));
        let takes = match service.policy {
            FamilyPolicy::Require => denied.is_empty(),
            FamilyPolicy::Single | FamilyPolicy::Prefer => !(named_in_vain && self.has_nothing(handle)),
        };
        if takes {
            for assignment in found.into_iter().flatten() {
                if let Some(old) = self.held_address(handle, Family::of(assignment.address)) {
                    self.leave(handle, old);
                }
                self.take(handle, assignment);
            }
        }
        self.sum_up(handle, service, denied)
    }

    /// Gives up addresses of families that the Service no longer has, and those it may no longer share.
    fn give_up_unfit(&mut self, handle: Handle, service: &Service) {
        for family in Family::ALL {
            let Some(address) = self.held_address(handle, family) else { continue };
            let fits = wanted(service).contains(&family) && self.may_stay(handle, service, address).is_ok();
            if !fits {
                self.leave(handle, address);
            }
        }
    }

    /// What it lacks, at most one of each family.
    fn needs(&self, handle: Handle, service: &Service) -> [Option<Need>; 2] {
        let entry = &self.services[handle];
        let mut needs = wanted(service).iter().copied().filter_map(|family| {
            let named =
                service.request.addresses.iter().copied().find(|address| Family::of(*address) == family);
            let held = entry.held_of(family);
            let content = held.is_some_and(|held| match (named, &service.request.pool) {
                (Some(named), _) => named == held.address,
                (None, asked) => asked.is_none() || *asked == held.pool,
            });
            (!content).then_some(Need { family, named, replaces: held.is_some() })
        });
        [needs.next(), needs.next()]
    }

    fn look_for<'a>(
        &mut self,
        handle: Handle,
        service: &Service,
        needs: &'a [Option<Need>; 2],
    ) -> ([Option<Assignment>; 2], Vec<Unmet<'a>>) {
        let both_open = needs.iter().all(|need| need.as_ref().is_some_and(|need| need.named.is_none()));
        let near = if both_open { self.find_dual_pool(service) } else { self.pool_of_held(handle) };
        let (mut found, mut denied) = ([None, None], Vec::new());
        for (place, need) in needs.iter().flatten().enumerate() {
            let other: Option<&Assignment> = found.iter().flatten().next();
            let near = other.map_or(near.as_ref(), |other| other.pool.as_ref());
            let answer = match need.named {
                Some(address) => self.find_named(handle, service, address),
                None => self.find_any(handle, service, need.family, near),
            };
            match answer {
                Ok(assignment) => found[place] = Some(assignment),
                Err(because) => denied.push((Some(need), because)),
            }
        }
        (found, denied)
    }

    fn pool_of_held(&self, handle: Handle) -> Option<PoolName> {
        self.services[handle].held().next()?.pool.clone()
    }

    fn sum_up(&self, handle: Handle, service: &Service, denied: Vec<Unmet<'_>>) -> (Standing, Until) {
        // Who prefers both families is content with one; it only waits for the other.
        let is_serious = |need: &Option<&Need>| match (service.policy, need) {
            (FamilyPolicy::Prefer, Some(need)) => need.named.is_some() || need.replaces,
            (FamilyPolicy::Prefer | FamilyPolicy::Single | FamilyPolicy::Require, _) => true,
        };
        let has_nothing = self.has_nothing(handle);
        let mut until = (!denied.is_empty()).then(Vec::new);
        let mut refusals = Vec::new();
        for (need, because) in denied {
            if has_nothing || is_serious(&need) {
                refusals.push(because.refusal);
            }
            if let Some(until) = &mut until {
                until.extend(because.until);
            }
        }
        // What only an edit can mend is told first; exhaustion may pass by itself.
        refusals.sort_by_key(|refusal| matches!(refusal, Refusal::PoolExhausted { .. }));
        let mut refusal = refusals.into_iter().next();
        if has_nothing && refusal.is_none() {
            refusal = Some(Refusal::InvalidRequest(
                "spec.ipFamilies is empty: the Service has no cluster IP yet".into(),
            ));
        }
        match refusal.or_else(|| self.missing_pool(handle, service)) {
            None => (Standing::Content, until),
            Some(refusal) => (Standing::Lacking(refusal.into()), Some(until.unwrap_or_default())),
        }
    }

    fn missing_pool(&self, handle: Handle, service: &Service) -> Option<Refusal> {
        let entry = &self.services[handle];
        let mut held = wanted(service).iter().filter_map(|family| entry.held_of(*family));
        let lost = held.find(|one| self.pools.is_missing(one.address, one.pool.as_ref()))?;
        let address = lost.address;
        Some(match lost.pool.clone() {
            Some(pool) if self.is_invalid(&pool) => Refusal::KeptOfInvalidPool { address, pool },
            pool => Refusal::PoolMissing { address, pool },
        })
    }

    fn held_address(&self, handle: Handle, family: Family) -> Option<IpAddr> {
        self.services[handle].held_of(family).map(|held| held.address)
    }

    fn has_nothing(&self, handle: Handle) -> bool {
        self.services[handle].held().next().is_none()
    }
}

/// The families a Service is to have addresses of, the preferred one first.
pub(crate) fn wanted(service: &Service) -> &[Family] {
    match service.policy {
        FamilyPolicy::Single => service.families.get(..1).unwrap_or_default(),
        FamilyPolicy::Prefer | FamilyPolicy::Require => &service.families,
    }
}
