//! What was decided event by event, compared with what would be decided anew. They differ only by a mistake in this
//! program, which is told, and mended by learning and deciding everything anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::IpAddr,
};

use ferrolb_ipam::{Allocator, Outcome, Snapshot};
use ferrolb_model::{Service, ServiceId};

use super::{Index, status};
use crate::write::ServiceStatus;

/// Something that is not as it would be if it were decided anew.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    /// One of two parts of this program knows the Service and the other does not.
    Unknown(ServiceId),
    /// Its status is to say something else than what was decided.
    Undelivered(ServiceId),
    /// It has these addresses, and would have those.
    Addresses {
        /// The Service.
        service: ServiceId,
        /// What it has.
        has: Vec<IpAddr>,
        /// What it would have.
        would_have: Vec<IpAddr>,
    },
    /// This address is announced otherwise than statuses say.
    Announced(IpAddr),
}

impl Index {
    /// Everything that differs, by name. Costs about as much as a restart, without its lists and writes.
    pub(crate) fn audit(&self) -> BTreeSet<Difference> {
        if !self.complete.missing().is_empty() {
            return BTreeSet::new();
        }
        let mut found = self.undelivered();
        found.extend(self.announced_otherwise());
        // Of those whose statuses do not say yet what was decided a plan made anew knows nothing.
        if self.allocator.services().all(|service| stands(&self.allocator, service)) {
            let anew = self.snapshot().allocator();
            found.extend(
                self.allocator.services().filter_map(|service| compare(&self.allocator, &anew, &service.id)),
            );
        }
        found
    }

    /// Between the allocator and the statuses that are to be written.
    fn undelivered(&self) -> BTreeSet<Difference> {
        let decided: BTreeMap<&ServiceId, Option<Outcome>> = self
            .allocator
            .services()
            .map(|service| (&service.id, self.allocator.outcome(&service.id)))
            .collect();
        let mut found: BTreeSet<_> = self
            .services
            .ids()
            .filter(|id| !decided.contains_key(id))
            .map(|id| Difference::Unknown(id.clone()))
            .collect();
        for (id, outcome) in decided {
            if self.services.uid(id).is_none() {
                found.insert(Difference::Unknown(id.clone()));
                continue;
            }
            let status = outcome.as_ref().and_then(status::status_for);
            if essence(status.as_ref()) != essence(self.services.wanted(id)) {
                found.insert(Difference::Undelivered(id.clone()));
            }
        }
        found
    }

    fn announced_otherwise(&self) -> BTreeSet<Difference> {
        let mut all: BTreeSet<IpAddr> = self.allocator.vips().map(|vip| vip.address).collect();
        all.extend(self.announcements.vips.keys());
        let differs = |address: &IpAddr| self.announcements.vips.get(address) != self.vip(*address).as_ref();
        all.into_iter().filter(differs).map(Difference::Announced).collect()
    }

    /// The facts that addresses are decided from, from where each was first put.
    fn snapshot(&self) -> Snapshot {
        Snapshot {
            pools: self.pools.parsed(),
            invalid_pools: self.pools.invalid(),
            namespaces: self.namespaces.clone(),
            node_addresses: self.announcements.node_addresses(),
            services: self.allocator.services().cloned().collect(),
            bystanders: self.allocator.bystanders().clone(),
        }
    }
}

/// Whether the Service's status says what was decided.
fn stands(allocator: &Allocator, service: &Service) -> bool {
    allocator.outcome(&service.id).is_some_and(|outcome| outcome.stands_in(&service.ingress))
}

fn compare(now: &Allocator, anew: &Allocator, id: &ServiceId) -> Option<Difference> {
    let of = |allocator: &Allocator| -> Vec<IpAddr> {
        let outcome = allocator.outcome(id);
        outcome.iter().flat_map(|outcome| outcome.addresses()).map(|one| one.address).collect()
    };
    let (has, would_have) = (of(now), of(anew));
    (has != would_have).then(|| Difference::Addresses { service: id.clone(), has, would_have })
}

/// What matters of a status: sentences may be older than the reasons in them.
fn essence(status: Option<&ServiceStatus>) -> Option<(&[IpAddr], &str)> {
    status.map(|status| (&*status.addresses, &*status.reason))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(service) => write!(f, "{service} is known in part only"),
            Self::Undelivered(service) => {
                write!(f, "what was decided about {service} is not what it is to be told")
            }
            Self::Addresses { service, has, would_have } => {
                write!(f, "{service} has {has:?} and would have {would_have:?}")
            }
            Self::Announced(address) => write!(f, "{address} is not announced as statuses say"),
        }
    }
}
