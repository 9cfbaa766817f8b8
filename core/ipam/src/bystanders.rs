//! Services that are another's business, but whose status names addresses: nobody else gets those.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_model::{Service, ServiceId};

use crate::{Allocator, Change};

impl Allocator {
    /// A Service that FerroLB does not serve, or no longer serves, has these addresses in its status, whoever wrote them.
    /// With none it is forgotten.
    pub fn set_bystander(&mut self, id: &ServiceId, addresses: Vec<IpAddr>) -> Vec<Change> {
        let is_news = self.bystanders.get(id).map_or(&[][..], Vec::as_slice) != addresses;
        let known = self.services.find(id);
        if known.is_none() && !is_news {
            return Vec::new();
        }
        let before = self.bystanders.remove(id).unwrap_or_default();
        if !addresses.is_empty() {
            self.bystanders.insert(id.clone(), addresses.clone());
        }
        if let Some(handle) = known {
            self.drop_service(handle);
        }
        if !self.settled {
            return Vec::new();
        }
        for address in before.iter().filter(|address| !addresses.contains(address)) {
            self.note_unnamed(id, *address);
        }
        for address in addresses {
            self.note_named(id, address);
        }
        self.serve_waiting();
        self.changes()
    }

    /// The Services that are another's business and have addresses, with those.
    pub fn bystanders(&self) -> &BTreeMap<ServiceId, Vec<IpAddr>> {
        &self.bystanders
    }

    /// The Service is served from now on.
    pub(crate) fn no_bystander(&mut self, service: &Service) {
        let Some(before) = self.bystanders.remove(&service.id) else { return };
        if self.settled {
            for address in before.into_iter().filter(|address| !service.ingress.names(*address)) {
                self.note_unnamed(&service.id, address);
            }
        }
    }

    /// Notes the addresses of all of them, at the start.
    pub(crate) fn note_bystanders(&mut self) {
        for (id, addresses) in self.bystanders.clone() {
            for address in addresses {
                self.note_named(&id, address);
            }
        }
    }
}
