//! What can be read from the allocator.

use std::net::IpAddr;

use ferrolb_model::{Family, PoolName, Service, ServiceId, Vip, VipService};

use crate::{Allocator, Outcome, Overlap, book::Slot, crowd::Crowd};

/// How much of a pool is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Addresses that Services hold; a shared one counts once.
    pub assigned: u64,
    /// Addresses that can be given; saturates at the greatest number.
    pub available: u128,
}

impl Allocator {
    /// Whether it has been started.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// What the Service should have; `None` before the start, and for one it does not know.
    pub fn outcome(&self, service: &ServiceId) -> Option<Outcome> {
        self.services[self.services.find(service)?].outcome()
    }

    /// The Services that are served, as last heard of, in no order that means anything.
    pub fn services(&self) -> impl Iterator<Item = &Service> {
        self.services.iter().map(|(_, entry)| &*entry.service)
    }

    pub(crate) fn service(&self, id: &ServiceId) -> Option<&Service> {
        Some(&self.services[self.services.find(id)?].service)
    }

    /// The VIP of this address, if a Service holds it.
    pub fn vip(&self, address: IpAddr) -> Option<Vip> {
        self.vip_of(address, self.book.get(address)?)
    }

    /// Every VIP, by address.
    pub fn vips(&self) -> impl Iterator<Item = Vip> {
        Family::ALL.into_iter().flat_map(move |family| {
            let slots = self.book.range(family, 0..=u128::MAX);
            slots.filter_map(move |(number, slot)| self.vip_of(family.address(number), slot))
        })
    }

    fn vip_of(&self, address: IpAddr, slot: Slot<&Crowd>) -> Option<Vip> {
        let first = &self.services[*slot.users().first()?];
        let pool = first.held_of(Family::of(address))?.pool.clone();
        let services = slot.users().iter().map(|user| {
            let service = &self.services[*user].service;
            VipService { id: service.id.clone(), uid: service.uid.clone(), labels: service.labels.clone() }
        });
        Some(Vip {
            address,
            pool,
            services: services.collect(),
            traffic_policy: first.service.traffic_policy,
            move_to: slot.users().iter().find_map(|user| self.services[*user].service.move_to.clone()),
        })
    }

    /// How much of the pool is in use, in one family.
    pub fn usage(&self, pool: &PoolName, family: Family) -> Option<Usage> {
        let space = self.pools.get(pool)?.spaces.get(family);
        Some(Usage { assigned: space.assigned(), available: space.free() })
    }

    /// Addresses that two pools name, the older one has, and the other does without.
    pub fn overlaps(&self) -> &[Overlap] {
        self.pools.overlaps()
    }
}
