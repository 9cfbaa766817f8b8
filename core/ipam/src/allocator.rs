//! The allocator's state, and the few operations that change who holds what.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use ferrolb_model::{Assignment, Family, Labels, PoolName, ServiceId, Uid};

use crate::{
    Change, Outcome,
    book::{Book, Slot, Use},
    crowd,
    former::Former,
    pools::Pools,
    services::{Handle, Services, Standing},
    shared::Shared,
    waiting::{Freed, Turn, Waiting},
};

/// Gives addresses of pools to Services. Deterministic: the same events in the same order give the same addresses.
#[derive(Debug, Default)]
pub struct Allocator {
    pub(crate) settled: bool,
    pub(crate) pools: Pools,
    /// Pools that are there and cannot be read.
    pub(crate) invalid: BTreeSet<PoolName>,
    pub(crate) namespaces: BTreeMap<String, Labels>,
    pub(crate) node_addresses: BTreeSet<IpAddr>,
    pub(crate) services: Services,
    pub(crate) book: Book,
    /// Addresses in the statuses of Services that are another's business.
    pub(crate) bystanders: BTreeMap<ServiceId, Vec<IpAddr>>,
    /// Before the start: the Services for which each address is announced.
    pub(crate) announced: BTreeMap<IpAddr, BTreeSet<Uid>>,
    pub(crate) shared: Shared,
    pub(crate) waiting: Waiting,
    pub(crate) former: Former,
    releases: u64,
    /// What somebody may have waited for and may now get.
    pub(crate) freed: BTreeSet<Freed>,
    /// Services whose outcomes the event at work has touched, with what these were before it.
    touched: Vec<(Handle, Option<Outcome>)>,
    /// Services that the event at work has removed.
    pub(crate) removed: Vec<Change>,
}

impl Allocator {
    /// An allocator that has not heard of anything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives the address to the Service, which has none of the family.
    pub(crate) fn take(&mut self, handle: Handle, assignment: Assignment) {
        let address = assignment.address;
        self.note_other(handle);
        let Some(entry) = self.services.get_mut(handle) else { return };
        *entry.held.get_mut(Family::of(address)) = Some(assignment);
        let key = entry.service.request.sharing_key.clone();
        self.update(address, |slot, services| crowd::taken(slot, handle, services));
        if let Some(key) = key {
            self.remember_shared(&key, address);
            // Who may share waits no longer for a status that names it, but for a Service that has it.
            self.note_freed(Freed::Address(address));
        }
    }

    /// Takes the address from the Service. It stays out of use while the Service's status names it.
    pub(crate) fn leave(&mut self, handle: Handle, address: IpAddr) {
        let still_named = self.services[handle].service.ingress.names(address);
        self.give_back(handle, address, still_named);
    }

    /// Takes the address from the Service.
    pub(crate) fn give_back(&mut self, handle: Handle, address: IpAddr, still_named: bool) {
        self.note_other(handle);
        let Some(entry) = self.services.get_mut(handle) else { return };
        let held = entry.held.get_mut(Family::of(address));
        if held.take_if(|held| held.address == address).is_none() {
            return;
        }
        let service = Arc::clone(&entry.service);
        if let Some(key) = &service.request.sharing_key {
            self.forget_shared(key, address);
        }
        self.update(address, |slot, services| {
            let rest = slot.and_then(|slot| crowd::left(slot, handle, services));
            if still_named { crowd::named(rest, &service.id, services) } else { rest }
        });
        self.note_left(address);
    }

    /// Notes that the Service's status names an address that it does not hold.
    pub(crate) fn note_named(&mut self, id: &ServiceId, address: IpAddr) {
        self.update(address, |slot, services| crowd::named(slot, id, services));
    }

    /// Notes that the Service's status no longer names the address.
    pub(crate) fn note_unnamed(&mut self, id: &ServiceId, address: IpAddr) {
        if self.book.get(address).is_some() {
            self.update(address, |slot, _| slot.and_then(|slot| crowd::unnamed(slot, id)));
            self.note_left(address);
        }
    }

    /// The ports of a Service that holds the address, or its key, are others now.
    pub(crate) fn note_reopened(&mut self, address: IpAddr) {
        self.update(address, |slot, services| slot.map(|slot| crowd::reopened(slot, services)));
        self.note_freed(Freed::Address(address));
    }

    pub(crate) fn note_node(&mut self, address: IpAddr, is_of_node: bool) {
        self.update(address, |slot, services| crowd::of_node(slot, is_of_node, services));
        self.note_left(address);
    }

    /// Somebody no longer has or names the address.
    fn note_left(&mut self, address: IpAddr) {
        if self.waiting.is_empty() {
            return;
        }
        self.note_freed(Freed::Address(address));
        let user = self.book.get(address).and_then(|slot| slot.users().first().copied());
        if let Some(key) = user.and_then(|user| self.services[user].service.request.sharing_key.as_deref()) {
            let key = Arc::from(key);
            self.note_freed(Freed::Key(key));
        }
    }

    /// Puts what `change` makes of the address's slot in its place, and keeps all counts true. An address that nobody has
    /// to do with any more goes behind all others that were given back.
    fn update(&mut self, address: IpAddr, change: impl FnOnce(Option<Slot>, &Services) -> Option<Slot>) {
        let home = self.pools.home_of(address);
        let giver = self.pools.giver_at(home, address);
        let (at, services) = (self.releases, &self.services);
        let (was, is) = self.book.update(address, |slot| {
            let was_used = !matches!(slot, None | Some(Slot::Released(_)));
            let released = (was_used && giver.is_some()).then_some(Slot::Released(at));
            change(slot, services).or(released)
        });
        self.pools.account(address, home, was, is);
        let Some(pool) = giver.filter(|_| is == Use::Released && was != Use::Released) else { return };
        self.releases += 1;
        let (family, number) = (Family::of(address), Family::number(address));
        if let Some(forgotten) = self.pools.space_mut(pool, family).queue(at, number, &self.book) {
            let (was, is) = self.book.update(forgotten, |_| None);
            self.pools.account(forgotten, self.pools.home_of(forgotten), was, is);
        }
        self.note_freed(Freed::Space(pool, family));
    }

    /// Notes one more Service that holds the address under the key.
    pub(crate) fn remember_shared(&mut self, key: &str, address: IpAddr) {
        self.shared.add(key, address);
        if !self.waiting.is_empty() {
            self.note_freed(Freed::Key(key.into()));
        }
    }

    /// Notes one Service fewer that holds the address under the key.
    pub(crate) fn forget_shared(&mut self, key: &str, address: IpAddr) {
        self.shared.remove(key, address);
        if !self.waiting.is_empty() {
            self.note_freed(Freed::Key(key.into()));
        }
    }

    pub(crate) fn note_freed(&mut self, freed: Freed) {
        // Who begins to wait later in this event has seen what is free.
        if !self.waiting.is_empty() {
            self.freed.insert(freed);
        }
    }

    /// Lets those who waited for what has become free have it, until nobody can be helped any more: first who named an
    /// address, then, the oldest first, who takes any.
    pub(crate) fn serve_waiting(&mut self) {
        if !self.settled {
            self.freed.clear();
            return;
        }
        while !self.freed.is_empty() {
            let freed = std::mem::take(&mut self.freed);
            let (addresses, others): (Vec<_>, Vec<_>) =
                freed.into_iter().partition(|freed| matches!(freed, Freed::Address(_)));
            self.serve(&addresses, None);
            self.serve(&others, None);
        }
    }

    /// Decides about these, in turn. What one of them frees is for those before it in turn, and only then for the next.
    pub(crate) fn evaluate_in_turn(&mut self, handles: &[Handle]) {
        let mut freed = BTreeSet::new();
        for handle in handles {
            self.evaluate(*handle);
            while !self.freed.is_empty() {
                let now: Vec<_> = std::mem::take(&mut self.freed).into_iter().collect();
                let turn = Turn::of(&self.services[*handle].service, *handle);
                self.serve(&now, Some(&turn));
                freed.extend(now);
            }
        }
        self.freed = freed;
        self.serve_waiting();
    }

    /// Serves the queues of what has been freed as if they were one, up to the Service whose turn is `before`.
    fn serve(&mut self, freed: &[Freed], before: Option<&Turn>) {
        let heads = freed.iter().enumerate();
        let mut heads: BTreeSet<(Turn, usize)> =
            heads.filter_map(|(queue, freed)| Some((self.waiting.next(freed, None)?, queue))).collect();
        let mut last: Option<Turn> = None;
        while let Some((turn, queue)) = heads.pop_first() {
            if before.is_some_and(|before| turn >= *before) {
                return;
            }
            if self.is_used_up(&freed[queue]) {
                continue;
            }
            if last.as_ref() != Some(&turn) {
                self.evaluate(turn.handle);
            }
            if let Some(next) = self.waiting.next(&freed[queue], Some(&turn)) {
                heads.insert((next, queue));
            }
            last = Some(turn);
        }
    }

    fn is_used_up(&self, freed: &Freed) -> bool {
        match freed {
            Freed::Space(pool, family) => self.pools.state(*pool).spaces.get(*family).free() == 0,
            Freed::Address(_) | Freed::Key(_) => false,
        }
    }

    /// Records how the Service stands now.
    pub(crate) fn conclude(&mut self, handle: Handle, standing: Standing) {
        let Some(entry) = self.services.get_mut(handle) else { return };
        if entry.standing == standing {
            return;
        }
        if !std::mem::replace(&mut entry.is_touched, true) {
            self.touched.push((handle, entry.outcome()));
        }
        entry.standing = standing;
    }

    /// What a Service should have is about to be another; the first note of an event keeps what it is. One that has not
    /// been decided about is noted when it is.
    pub(crate) fn note_other(&mut self, handle: Handle) {
        let Some(entry) = self.services.get_mut(handle) else { return };
        if entry.standing != Standing::Undecided && !std::mem::replace(&mut entry.is_touched, true) {
            self.touched.push((handle, entry.outcome()));
        }
    }

    /// The changes of the event at work: who is gone, then the others as they were decided.
    pub(crate) fn changes(&mut self) -> Vec<Change> {
        let mut changes = std::mem::take(&mut self.removed);
        changes.reserve_exact(self.touched.len());
        for (handle, before) in self.touched.drain(..) {
            let Some(entry) = self.services.get_mut(handle) else { continue };
            entry.is_touched = false;
            if let Some(outcome) = entry.outcome().filter(|outcome| before.as_ref() != Some(outcome)) {
                let id = entry.service.id.clone();
                changes.push(Change::between(id, before.as_ref(), outcome));
            }
        }
        changes
    }
}
