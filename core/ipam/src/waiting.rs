//! Who waits for what, so that something freed finds its next owner without a look at all Services. Those who do not wait
//! cost nothing here.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    ops::Bound::{Excluded, Unbounded},
    sync::Arc,
};

use ferrolb_model::{Family, Service, ServiceId};

use crate::{bit_set::BitSet, services::Handle, territory::PoolIndex};

/// Something a Service can wait for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Resource {
    /// The address, or the right to share it.
    Address(IpAddr),
    /// An address that is shared under the key.
    Key(Arc<str>),
    /// A free address of one of the pools.
    Space(Arc<[PoolIndex]>, Family),
}

/// Something that somebody may have now who could not have it before.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Freed {
    /// The address, or the right to share it.
    Address(IpAddr),
    /// An address that is shared under the key.
    Key(Arc<str>),
    /// An address of the pool.
    Space(PoolIndex, Family),
}

/// A Service's place in every queue: the older goes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    created: i64,
    service: ServiceId,
    pub(crate) handle: Handle,
}

impl Turn {
    pub(crate) fn of(service: &Service, handle: Handle) -> Self {
        Self { created: service.created, service: service.id.clone(), handle }
    }
}

/// The queues, and the Services that do not have all they ask for.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    queues: BTreeMap<Resource, BTreeSet<Turn>>,
    /// The sets of pools that somebody waits for, by each pool in them.
    sets: BTreeMap<(PoolIndex, Family), BTreeSet<Arc<[PoolIndex]>>>,
    everybody: BitSet,
    count: usize,
}

impl Waiting {
    pub(crate) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The Service waits for these from now on.
    pub(crate) fn enter(&mut self, service: &Service, handle: Handle, resources: &[Resource]) {
        self.count += usize::from(self.everybody.set(handle.place(), true));
        for resource in resources {
            let turn = Turn::of(service, handle);
            if let Some(queue) = self.queues.get_mut(resource) {
                queue.insert(turn);
                continue;
            }
            self.queues.insert(resource.clone(), BTreeSet::from([turn]));
            if let Resource::Space(pools, family) = resource {
                for pool in pools.iter() {
                    self.sets.entry((*pool, *family)).or_default().insert(Arc::clone(pools));
                }
            }
        }
    }

    /// The Service no longer waits for these.
    pub(crate) fn leave(&mut self, service: &Service, handle: Handle, resources: &[Resource]) {
        self.count -= usize::from(self.everybody.set(handle.place(), false));
        for resource in resources {
            let Some(queue) = self.queues.get_mut(resource) else { continue };
            queue.remove(&Turn::of(service, handle));
            if !queue.is_empty() {
                continue;
            }
            self.queues.remove(resource);
            let Resource::Space(pools, family) = resource else { continue };
            for pool in pools.iter() {
                if let Some(sets) = self.sets.get_mut(&(*pool, *family)) {
                    sets.remove(pools);
                    if sets.is_empty() {
                        self.sets.remove(&(*pool, *family));
                    }
                }
            }
        }
    }

    /// The next one after `last` who waits for what has been freed.
    pub(crate) fn next(&self, freed: &Freed, last: Option<&Turn>) -> Option<Turn> {
        let first = |resource: &Resource| -> Option<&Turn> {
            let queue = self.queues.get(resource)?;
            match last {
                None => queue.first(),
                Some(last) => queue.range((Excluded(last), Unbounded)).next(),
            }
        };
        match freed {
            Freed::Address(address) => first(&Resource::Address(*address)).cloned(),
            Freed::Key(key) => first(&Resource::Key(Arc::clone(key))).cloned(),
            Freed::Space(pool, family) => {
                let sets = self.sets.get(&(*pool, *family))?.iter();
                sets.filter_map(|set| first(&Resource::Space(Arc::clone(set), *family))).min().cloned()
            }
        }
    }

    /// Everybody who does not have all it asks for.
    pub(crate) fn everybody(&self) -> impl Iterator<Item = Handle> {
        self.everybody.iter().map(Handle::at)
    }
}
