//! What one peer should be told, what it was told, and the difference.

mod entries;
mod entry;
mod fill;
mod outlet;
mod queue;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use entries::Entries;
use entry::Entry;
use outlet::Outlet;
use queue::{Queues, Refresh};

use crate::policy::{NotSent, Policy, Route};
use crate::wire::Negotiated;
use crate::{Family, Prefix};

/// The routes for one peer (RFC 4271 §3.2: Adj-RIB-Out).
///
/// What should be told can change at any time, and is kept whether a session is up or not. What is owed to the peer is the
/// difference to what it was told: a prefix that changes twice before it could be sent is sent once, and of one that did
/// not change the peer never hears again unless it asks.
#[derive(Debug, Default)]
pub struct RibOut {
    entries: Entries,
    queues: Queues,
    session: Option<Outlet>,
    /// Nothing is told, whatever should be: this speaker leaves.
    silent: bool,
    /// The table is whole: the peer may be told that it has heard everything.
    complete: bool,
    /// Announcements that fitted into no message.
    oversized: u64,
}

impl RibOut {
    /// Nothing should be told.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says what should be told of a prefix from now on; `None` withdraws it.
    pub fn set(&mut self, prefix: Prefix, route: Option<Arc<Route>>) {
        let prefix = prefix.trunc();
        if route.is_none() && self.entries.get(&prefix).is_none() {
            return;
        }
        let entry = self.entries.get_or_insert(&prefix);
        if entry.desired == route {
            return;
        }
        let queue = self.queues.of_mut(Family::of(&prefix));
        queue.take_off(&prefix, entry);
        entry.desired = route;
        entry.settle(&prefix, self.session.as_ref());
        queue.put(prefix, entry);
        if entry.is_forgotten() {
            self.entries.remove(&prefix);
        }
    }

    /// Withdraws everything.
    pub fn clear(&mut self) {
        match self.session {
            Some(_) => self.settle_all(|_, entry, _| entry.desired = None),
            None => self.entries.clear(),
        }
    }

    /// Says whether all that should be told is known by now. Until it is no end-of-RIB is sent: a peer that kept routes
    /// over a restart would drop those not told yet (RFC 4724 §4.1).
    pub fn set_complete(&mut self, complete: bool) {
        self.complete = complete;
    }

    /// What should be told of a prefix.
    pub fn desired(&self, prefix: &Prefix) -> Option<&Arc<Route>> {
        self.entries.get(prefix)?.desired.as_ref()
    }

    /// Every prefix that should be told, in order.
    pub fn routes(&self) -> impl Iterator<Item = (Prefix, &Arc<Route>)> {
        self.entries.iter().filter_map(|(prefix, entry)| Some((prefix, entry.desired.as_ref()?)))
    }

    /// How many prefixes of a family the peer was told, and not told to forget.
    pub fn told(&self, family: Family) -> usize {
        self.queues.of(family).told
    }

    /// How many prefixes are still to be announced or withdrawn.
    pub fn owed(&self) -> usize {
        Family::ALL.into_iter().map(|family| self.queues.of(family).len()).sum()
    }

    /// How many announcements fitted into no message that the peer accepts; it does not have these routes.
    pub fn oversized(&self) -> u64 {
        self.oversized
    }

    /// Why the peer is not told of a prefix though a session is up; `None` if it is.
    pub fn not_sent(&self, prefix: &Prefix) -> Option<NotSent> {
        self.session.as_ref()?.may_send(prefix).err()
    }

    /// A session is up: the peer knows nothing, and is owed everything in the families agreed on.
    pub(crate) fn open(&mut self, policy: Policy, negotiated: Negotiated) {
        self.close();
        for family in negotiated.families.iter() {
            self.queues.of_mut(family).end_owed = true;
        }
        self.session = Some(Outlet { policy, negotiated, silent: self.silent });
        self.settle_all(|_, _, _| {});
    }

    /// The session is down: the peer forgets, or is told everything again.
    pub(crate) fn close(&mut self) {
        (self.session, self.queues) = (None, Queues::default());
        self.entries.retain(|_, entry| {
            entry.close();
            !entry.is_forgotten()
        });
    }

    /// Other things are said of the same routes: each that looks different now is told again.
    pub(crate) fn change_policy(&mut self, policy: Policy) {
        let Some(outlet) = &mut self.session else { return };
        let before = core::mem::replace(&mut outlet.policy, policy);
        self.settle_all(|prefix, entry, outlet| {
            let looks = |policy: &Policy| entry.told.as_ref().map(|told| policy.attributes(prefix, told));
            entry.again |= looks(&before) != looks(&outlet.policy);
        });
    }

    /// Takes back what was told and tells nothing more, or tells it again.
    pub(crate) fn set_silent(&mut self, silent: bool) {
        self.silent = silent;
        if let Some(outlet) = &mut self.session {
            outlet.silent = silent;
            self.settle_all(|_, _, _| {});
        }
    }

    /// The peer asks for all routes of a family (RFC 2918 §4). Questions that come before the answer to an earlier one
    /// is out are answered together, so that asking costs the peer as much as us.
    pub(crate) fn refresh(&mut self, family: Family) {
        let queue = self.queues.of_mut(family);
        queue.refresh = match queue.refresh {
            Refresh::Idle | Refresh::Asked => Refresh::Asked,
            Refresh::Answering { .. } => Refresh::Answering { again: true },
        };
    }

    /// Every route of the family is owed, whether the peer has it or not.
    fn owe_again(&mut self, family: Family) {
        self.settle_all(|prefix, entry, _| entry.again |= Family::of(prefix) == family);
    }

    /// Changes every entry, and finds out what is owed then; without a session that is nothing.
    fn settle_all(&mut self, mut change: impl FnMut(&Prefix, &mut Entry, &Outlet)) {
        let Some(outlet) = &self.session else { return };
        self.entries.retain(|prefix, entry| {
            let queue = self.queues.of_mut(Family::of(prefix));
            queue.take_off(prefix, entry);
            change(prefix, entry, outlet);
            entry.settle(prefix, Some(outlet));
            queue.put(*prefix, entry);
            !entry.is_forgotten()
        });
    }
}
