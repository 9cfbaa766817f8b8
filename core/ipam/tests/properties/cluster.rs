//! What the API server holds: all that outlives a controller.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_ipam::{Allocator, Change, Outcome};
use ferrolb_model::{Assignment, Ingress, Labels, Pool, Service, ServiceId};

use crate::event::Event;

/// Who has which addresses, as the allocator says.
pub(crate) type Holdings = BTreeMap<ServiceId, Vec<Assignment>>;

#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    pub(crate) pools: Vec<Pool>,
    pub(crate) namespaces: BTreeMap<String, Labels>,
    pub(crate) nodes: BTreeSet<IpAddr>,
    /// Services that FerroLB serves.
    pub(crate) services: BTreeMap<ServiceId, Service>,
    /// Services that are another's business, with their statuses.
    pub(crate) bystanders: BTreeMap<ServiceId, Ingress>,
}

impl Cluster {
    /// A new controller's allocator; Services are heard of in this order or in the reverse.
    pub(crate) fn start(&self, reversed: bool) -> Allocator {
        let mut allocator = Allocator::new();
        let mut services: Vec<_> = self.services.values().cloned().collect();
        if reversed {
            services.reverse();
            allocator.replay(services);
        } else {
            services.into_iter().for_each(|service| assert_eq!(allocator.upsert_service(service), []));
        }
        for (id, ingress) in &self.bystanders {
            assert_eq!(allocator.set_bystander(id, ingress.addresses()), []);
        }
        assert_eq!(allocator.set_pools(self.pools.clone()), []);
        assert_eq!(allocator.set_namespaces(self.namespaces.clone()), []);
        assert_eq!(allocator.set_node_addresses(self.nodes.clone()), []);
        allocator.settle();
        allocator
    }

    /// Makes the edit of one object and tells the allocator of it. `None`: the event is no such edit, or the object is not
    /// there.
    pub(crate) fn edit(&mut self, allocator: &mut Allocator, event: &Event) -> Option<Vec<Change>> {
        let changes = match event {
            Event::Put(service) => {
                let known = self.services.get_mut(&service.id)?;
                let (uid, ingress) = (known.uid.clone(), known.ingress.clone());
                *known = Service { uid, ingress, ..service.clone() };
                allocator.upsert_service(known.clone())
            }
            Event::Remove(id) => {
                let known = self.services.remove(id).is_some();
                let other = self.bystanders.remove(id).is_some();
                if !known && !other {
                    return None;
                }
                allocator.remove_service(id)
            }
            Event::Pools(pools) => {
                self.pools.clone_from(pools);
                allocator.set_pools(pools.clone())
            }
            Event::Nodes(addresses) => {
                self.nodes = addresses.iter().copied().collect();
                allocator.set_node_addresses(self.nodes.clone())
            }
            Event::Namespace(name, labels) => {
                self.namespaces.insert(name.clone(), labels.clone());
                allocator.set_namespaces(self.namespaces.clone())
            }
            Event::NoNamespace(name) => {
                self.namespaces.remove(name);
                allocator.set_namespaces(self.namespaces.clone())
            }
            Event::Recreate(_)
            | Event::Leave(_)
            | Event::Bystander(..)
            | Event::Foreign(..)
            | Event::Status(..)
            | Event::Clear(_)
            | Event::OldLeader(..)
            | Event::Together(_)
            | Event::Write(_)
            | Event::WriteAll
            | Event::Crash => return None,
        };
        Some(changes)
    }

    /// Writes a Service's status and shows it to the allocator. `None`: there is no such Service.
    pub(crate) fn write(
        &mut self,
        allocator: &mut Allocator,
        id: &ServiceId,
        ingress: Ingress,
    ) -> Option<Vec<Change>> {
        let service = self.services.get_mut(id)?;
        service.ingress = ingress;
        Some(allocator.upsert_service(service.clone()))
    }

    pub(crate) fn outcomes(&self, allocator: &Allocator) -> BTreeMap<ServiceId, Outcome> {
        let outcome = |id: &ServiceId| allocator.outcome(id).expect("every Service has an outcome").clone();
        self.services.keys().map(|id| (id.clone(), outcome(id))).collect()
    }

    pub(crate) fn holdings(&self, allocator: &Allocator) -> Holdings {
        let held = |id: &ServiceId| {
            allocator.outcome(id).expect("every Service has an outcome").addresses().to_vec()
        };
        self.services.keys().map(|id| (id.clone(), held(id))).collect()
    }

    /// Services whose status does not say what the allocator says.
    pub(crate) fn unwritten(&self, allocator: &Allocator) -> Vec<ServiceId> {
        let differs = |service: &&Service| {
            let outcome = allocator.outcome(&service.id).expect("every Service has an outcome");
            written(&outcome, &service.ingress, 0).is_some()
        };
        self.services.values().filter(differs).map(|service| service.id.clone()).collect()
    }
}

/// The status that the outcome asks for; `None` if it is as it should be.
pub(crate) fn written(outcome: &Outcome, ingress: &Ingress, now: i64) -> Option<Ingress> {
    let wanted = match outcome {
        Outcome::Assigned(addresses) | Outcome::Kept { addresses, refusal: _ } => addresses.clone(),
        Outcome::Refused(_) => {
            return (*ingress != Ingress::Empty).then_some(Ingress::Empty);
        }
        Outcome::Foreign(_) | Outcome::Removed => return None,
    };
    let since = match ingress {
        Ingress::Ours { assigned, .. } if *assigned == wanted => return None,
        Ingress::Ours { since, .. } if same_addresses(&ingress.addresses(), &wanted) => *since,
        Ingress::Ours { .. } | Ingress::Empty | Ingress::Edited { .. } | Ingress::Foreign { .. } => now,
    };
    Some(Ingress::Ours { assigned: wanted, removed: Vec::new(), since })
}

fn same_addresses(had: &[IpAddr], wanted: &[Assignment]) -> bool {
    had.iter().eq(wanted.iter().map(|one| &one.address))
}
