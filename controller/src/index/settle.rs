//! What follows from decisions: what a Service's status is to say, and which VIPs are announced.

use std::net::IpAddr;

use ferrolb_ipam::{Change as Decision, Outcome as Allocation};
use ferrolb_model::{ServiceId, Vip};

use super::{Index, status};

impl Index {
    pub(super) fn settle_changes(&mut self, decisions: Vec<Decision>) {
        self.stale_objects |= !decisions.is_empty();
        for decision in decisions {
            let id = &decision.service;
            if !matches!(decision.outcome, Allocation::Foreign(_)) {
                self.tell_of_duplicates(id, decision.outcome.addresses());
            }
            self.services.want(id, status::status_for(&decision.outcome));
            for address in &decision.left {
                self.announcements.refresh(*address, self.vip(*address));
            }
            if let Allocation::Foreign(addresses) = &decision.outcome {
                self.tell_of_foreign(id, addresses);
            }
            self.announce(id);
        }
    }

    /// What follows from whatever was heard.
    pub(super) fn follow(&mut self) {
        self.stale_objects |= self.announcements.follow_moves();
        self.announcements.take_touched().into_iter().for_each(|id| self.announced.changed(id));
    }

    /// Hands the addresses that a Service has for certain to placement.
    pub(super) fn announce(&mut self, id: &ServiceId) {
        self.announced.changed(id.clone());
        let Some(outcome) = self.allocator.outcome(id) else { return };
        let addresses: Vec<_> = outcome.addresses().iter().map(|one| one.address).collect();
        for address in addresses {
            self.announcements.refresh(address, self.vip(address));
        }
    }

    /// The VIP at `address`, reduced to the Services whose status names it: a Service that has been promised an address
    /// must not get traffic before it is told.
    pub(super) fn vip(&self, address: IpAddr) -> Option<Vip> {
        let mut vip = self.allocator.vip(address)?;
        vip.services.retain(|service| self.services.settled_addresses(&service.id).contains(&address));
        (!vip.services.is_empty()).then_some(vip)
    }
}
