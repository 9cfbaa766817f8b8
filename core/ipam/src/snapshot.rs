//! A cluster at one moment, as the allocator sees it; plain data, to try edits on.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
};

use ferrolb_model::{Ingress, Labels, Pool, PoolName, Service, ServiceId};

use crate::{Allocator, Change, Outcome};

/// Everything that addresses are decided from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The pools, in the order in which an edit of several of them is applied.
    pub pools: Vec<Pool>,
    /// Those that are there and cannot be read.
    pub invalid_pools: BTreeSet<PoolName>,
    /// The namespaces, with their labels.
    pub namespaces: BTreeMap<String, Labels>,
    /// The addresses of all nodes.
    pub node_addresses: BTreeSet<IpAddr>,
    /// The Services that FerroLB serves, with their statuses.
    pub services: Vec<Service>,
    /// Addresses in the statuses of Services that are another's business.
    pub bystanders: BTreeMap<ServiceId, Vec<IpAddr>>,
}

impl Snapshot {
    /// An allocator that has started from it, as a controller does: what statuses name is kept, then the others are
    /// served.
    pub fn allocator(&self) -> Allocator {
        let mut allocator = self.listening();
        allocator.settle();
        allocator
    }

    /// The allocator once every outcome is written to a status, and the Services with those statuses.
    pub(crate) fn at_rest(&self) -> AtRest {
        let mut allocator = self.listening();
        let changes = allocator.settle();
        let services = self.services.iter().map(|service| (service.id.clone(), service.clone())).collect();
        let mut at_rest = AtRest { allocator, services };
        at_rest.write(changes);
        at_rest
    }

    fn listening(&self) -> Allocator {
        let mut allocator = Allocator::new();
        allocator.set_pools(self.pools.clone());
        allocator.set_invalid_pools(self.invalid_pools.clone());
        allocator.set_namespaces(self.namespaces.clone());
        allocator.set_node_addresses(self.node_addresses.clone());
        for (id, addresses) in &self.bystanders {
            allocator.set_bystander(id, addresses.clone());
        }
        allocator.replay(self.services.clone());
        allocator
    }
}

/// An allocator whose outcomes all stand in the statuses it knows.
pub(crate) struct AtRest {
    pub(crate) allocator: Allocator,
    services: BTreeMap<ServiceId, Service>,
}

impl AtRest {
    /// Creates or edits a Service. What it has stays in its status, whatever `service` says.
    pub(crate) fn upsert(&mut self, mut service: Service) {
        if let Some(known) = self.services.get(&service.id)
            && known.uid == service.uid
        {
            service.ingress.clone_from(&known.ingress);
        }
        self.services.insert(service.id.clone(), service.clone());
        let changes = self.allocator.upsert_service(service);
        self.write(changes);
    }

    pub(crate) fn remove(&mut self, id: &ServiceId) {
        self.services.remove(id);
        let changes = self.allocator.remove_service(id);
        self.write(changes);
    }

    /// Writes outcomes to statuses and shows each to the allocator, until nothing changes any more.
    pub(crate) fn write(&mut self, changes: Vec<Change>) {
        let mut changes = VecDeque::from(changes);
        while let Some(change) = changes.pop_front() {
            let Some(service) = self.services.get_mut(&change.service) else { continue };
            // An older change of the same Service is not what it should have now.
            let outcome = self.allocator.outcome(&change.service);
            let Some(ingress) = outcome.and_then(|outcome| written(&outcome, &service.ingress)) else {
                continue;
            };
            service.ingress = ingress;
            changes.extend(self.allocator.upsert_service(service.clone()));
        }
    }
}

impl Outcome {
    /// Whether the status says so already.
    pub fn stands_in(&self, ingress: &Ingress) -> bool {
        written(self, ingress).is_none()
    }
}

/// What the status says once the outcome is written; `None`: what it says already.
fn written(outcome: &Outcome, ingress: &Ingress) -> Option<Ingress> {
    let new = match outcome {
        Outcome::Assigned(assigned) | Outcome::Kept { addresses: assigned, refusal: _ } => {
            let since = match ingress {
                Ingress::Ours { since, .. } => *since,
                Ingress::Empty | Ingress::Edited { .. } | Ingress::Foreign { .. } => 0,
            };
            Ingress::Ours { assigned: assigned.clone(), removed: Vec::new(), since }
        }
        Outcome::Refused(_) => Ingress::Empty,
        Outcome::Foreign(_) | Outcome::Removed => return None,
    };
    (new != *ingress).then_some(new)
}
