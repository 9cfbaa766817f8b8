//! The Services that are served, found by name and from then on by a short handle.

use std::{hash::BuildHasher as _, net::IpAddr, ops::Index, sync::Arc};

use ferrolb_model::{Assignment, Family, Service, ServiceId};
use foldhash::fast::FixedState;
use hashbrown::HashTable;

use crate::{Outcome, Refusal, evaluate::wanted, per_family::PerFamily, waiting::Resource};

/// Stands for a Service while it is known; a later one may get the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handle(u32);

/// Of a Service's namespace and name: made once an event, for hashing costs more than looking up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NameHash(u32);

/// A Service and what it has.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name_hash: NameHash,
    pub(crate) service: Arc<Service>,
    pub(crate) held: PerFamily<Option<Assignment>>,
    pub(crate) standing: Standing,
    /// What it waits for; `None`: it has all it asks for.
    pub(crate) waits: Option<Vec<Resource>>,
    /// Whether the event at work has touched its outcome.
    pub(crate) is_touched: bool,
}

/// How a Service stands beside what it holds; the two make its outcome.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It has not been decided about.
    Undecided,
    /// It has what it is to have.
    Content,
    /// Something is not as it should be.
    Lacking(Box<Refusal>),
    /// Its ingress, these addresses, is another load balancer's.
    Foreign(Vec<IpAddr>),
}

/// All Services. The table of names is only looked things up in, so that its order, which nobody defines, shows nowhere.
#[derive(Debug, Default)]
pub(crate) struct Services {
    entries: Vec<Option<Entry>>,
    vacant: Vec<Handle>,
    by_name: HashTable<Named>,
}

#[derive(Clone, Copy, Debug)]
struct Named {
    hash: NameHash,
    handle: Handle,
}

impl Entry {
    pub(crate) fn new(service: Arc<Service>, name_hash: NameHash) -> Self {
        Self {
            name_hash,
            service,
            held: PerFamily::default(),
            standing: Standing::Undecided,
            waits: None,
            is_touched: false,
        }
    }

    pub(crate) fn held_of(&self, family: Family) -> Option<&Assignment> {
        self.held.get(family).as_ref()
    }

    /// What it should have; `None` until it has been decided about.
    pub(crate) fn outcome(&self) -> Option<Outcome> {
        let families = wanted(&self.service).iter();
        let addresses = || families.filter_map(|family| self.held_of(*family).cloned()).collect::<Vec<_>>();
        match &self.standing {
            Standing::Undecided => None,
            Standing::Content => Some(Outcome::Assigned(addresses())),
            Standing::Lacking(refusal) => {
                let (addresses, refusal) = (addresses(), Refusal::clone(refusal));
                let has_nothing = addresses.is_empty();
                Some(if has_nothing {
                    Outcome::Refused(refusal)
                } else {
                    Outcome::Kept { addresses, refusal }
                })
            }
            Standing::Foreign(addresses) => Some(Outcome::Foreign(addresses.clone())),
        }
    }

    /// What it holds, IPv4 first.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Assignment> {
        Family::ALL.into_iter().filter_map(|family| self.held_of(family))
    }
}

impl Services {
    pub(crate) fn find(&self, id: &ServiceId) -> Option<Handle> {
        self.find_hashed(NameHash::of(id), id)
    }

    pub(crate) fn find_hashed(&self, hash: NameHash, id: &ServiceId) -> Option<Handle> {
        let found = self
            .by_name
            .find(hash.spread(), |named| named.hash == hash && self[named.handle].service.id == *id);
        found.map(|named| named.handle)
    }

    /// Adds a Service whose name is not known.
    pub(crate) fn insert(&mut self, entry: Entry) -> Handle {
        let hash = entry.name_hash;
        let handle = match self.vacant.pop() {
            Some(handle) => {
                self.entries[handle.place()] = Some(entry);
                handle
            }
            None => {
                self.entries.push(Some(entry));
                Handle::at(self.entries.len() - 1)
            }
        };
        self.by_name.insert_unique(hash.spread(), Named { hash, handle }, |named| named.hash.spread());
        handle
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Option<Entry> {
        let entry = self.entries[handle.place()].take()?;
        if let Ok(named) = self.by_name.find_entry(entry.name_hash.spread(), |named| named.handle == handle) {
            named.remove();
        }
        self.vacant.push(handle);
        Some(entry)
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Option<&mut Entry> {
        self.entries.get_mut(handle.place())?.as_mut()
    }

    /// These Services, each once, the oldest first.
    pub(crate) fn in_turn(&self, handles: impl Iterator<Item = Handle>) -> Vec<Handle> {
        let mut turns: Vec<_> = handles.map(|handle| (self[handle].service.created, handle)).collect();
        turns.sort_unstable_by(|(created, one), (other_created, other)| {
            let by_name = || self[*one].service.id.cmp(&self[*other].service.id);
            created.cmp(other_created).then_with(by_name)
        });
        turns.dedup();
        turns.into_iter().map(|(_, handle)| handle).collect()
    }

    /// Every Service, in an order that depends only on the events so far.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &Entry)> {
        let places = self.entries.iter().enumerate();
        places.filter_map(|(place, entry)| Some((Handle::at(place), entry.as_ref()?)))
    }
}

impl Index<Handle> for Services {
    type Output = Entry;

    fn index(&self, handle: Handle) -> &Entry {
        self.entries[handle.place()].as_ref().expect("handles are dropped before their Services are")
    }
}

impl Handle {
    /// The handle of the entry at this place.
    pub(crate) fn at(place: usize) -> Self {
        Self(u32::try_from(place).expect("a cluster has fewer than 2^32 Services"))
    }

    pub(crate) fn place(self) -> usize {
        self.0 as usize
    }
}

impl NameHash {
    pub(crate) fn of(id: &ServiceId) -> Self {
        let [a, b, c, d, ..] = FixedState::default().hash_one(id).to_le_bytes();
        Self(u32::from_le_bytes([a, b, c, d]))
    }

    /// A table looks at the lowest and the highest bits of 64.
    pub(crate) fn spread(self) -> u64 {
        u64::from(self.0).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}
