//! An address that more than one Service has to do with.

use ferrolb_model::{Port, ServiceId};

use crate::{
    book::Slot,
    services::{Handle, Services},
};

/// Who has an address, and who else keeps others from it.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    /// Services that hold it, by name.
    users: Vec<Handle>,
    /// Their ports, and whether they are in several namespaces; at least those.
    ports: Vec<Port>,
    is_mixed: bool,
    /// Services that do not hold it, but whose status names it: another load balancer's, or a write still under way.
    named_by: Vec<ServiceId>,
    is_of_node: bool,
}

impl Crowd {
    pub(crate) fn users(&self) -> &[Handle] {
        &self.users
    }

    pub(crate) fn named_by(&self) -> &[ServiceId] {
        &self.named_by
    }

    pub(crate) fn ports(&self) -> &[Port] {
        &self.ports
    }

    pub(crate) fn is_mixed(&self) -> bool {
        self.is_mixed
    }

    fn of(slot: Option<Slot>, services: &Services) -> Box<Self> {
        match slot {
            None | Some(Slot::Released(_)) => Box::default(),
            Some(Slot::Crowd(crowd)) => crowd,
            Some(Slot::Held(user)) => {
                let mut crowd = Box::<Self>::default();
                crowd.join(user, services);
                crowd
            }
        }
    }

    fn join(&mut self, user: Handle, services: &Services) {
        let service = &services[user].service;
        let place = self.users.partition_point(|other| services[*other].service.id < service.id);
        if let Some(other) = self.users.first() {
            self.is_mixed |= services[*other].service.id.namespace != service.id.namespace;
        }
        self.users.insert(place, user);
        self.ports.extend(&service.ports);
    }

    /// The least that says the same.
    fn slot(self: Box<Self>) -> Option<Slot> {
        match (&self.users[..], self.named_by.is_empty() && !self.is_of_node) {
            ([], true) => None,
            ([user], true) => Some(Slot::Held(*user)),
            (_, _) => Some(Slot::Crowd(self)),
        }
    }
}

/// The Service holds the address from now on.
pub(crate) fn taken(slot: Option<Slot>, user: Handle, services: &Services) -> Option<Slot> {
    match slot {
        None | Some(Slot::Released(_)) => Some(Slot::Held(user)),
        Some(slot @ (Slot::Held(_) | Slot::Crowd(_))) => {
            let mut crowd = Crowd::of(Some(slot), services);
            crowd.named_by.retain(|id| *id != services[user].service.id);
            crowd.join(user, services);
            crowd.slot()
        }
    }
}

/// The Service no longer holds the address; `None` if nobody else has to do with it.
pub(crate) fn left(slot: Slot, user: Handle, services: &Services) -> Option<Slot> {
    match slot {
        Slot::Held(holder) => (holder != user).then_some(slot),
        Slot::Released(_) => Some(slot),
        Slot::Crowd(mut crowd) => {
            crowd.users.retain(|other| *other != user);
            for port in &services[user].service.ports {
                if let Some(place) = crowd.ports.iter().position(|other| other == port) {
                    crowd.ports.swap_remove(place);
                }
            }
            crowd.is_mixed &= crowd.users.len() > 1;
            crowd.slot()
        }
    }
}

/// The ports of one that holds the address are others now.
pub(crate) fn reopened(slot: Slot, services: &Services) -> Slot {
    match slot {
        Slot::Crowd(mut crowd) => {
            crowd.ports.clear();
            crowd.ports.extend(crowd.users.iter().flat_map(|user| &services[*user].service.ports));
            Slot::Crowd(crowd)
        }
        Slot::Held(_) | Slot::Released(_) => slot,
    }
}

/// The status of a Service that does not hold the address names it.
pub(crate) fn named(slot: Option<Slot>, id: &ServiceId, services: &Services) -> Option<Slot> {
    let mut crowd = Crowd::of(slot, services);
    if let Err(place) = crowd.named_by.binary_search(id) {
        crowd.named_by.insert(place, id.clone());
    }
    crowd.slot()
}

/// The status no longer names it; `None` if nobody else has to do with it.
pub(crate) fn unnamed(slot: Slot, id: &ServiceId) -> Option<Slot> {
    match slot {
        Slot::Crowd(mut crowd) => {
            crowd.named_by.retain(|other| other != id);
            crowd.slot()
        }
        Slot::Held(_) | Slot::Released(_) => Some(slot),
    }
}

/// It is a node's from now on, or no longer.
pub(crate) fn of_node(slot: Option<Slot>, is_of_node: bool, services: &Services) -> Option<Slot> {
    if !is_of_node && matches!(slot, None | Some(Slot::Released(_))) {
        return slot;
    }
    let mut crowd = Crowd::of(slot, services);
    crowd.is_of_node = is_of_node;
    crowd.slot()
}
