use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::entry::{Entry, Owed};
use crate::policy::Route;
use crate::{Family, Prefix};

/// What is owed to the peer in one family.
#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) withdrawals: BTreeSet<Prefix>,
    /// By what is said of them, so that what shares a set shares UPDATEs.
    pub(super) announcements: BTreeMap<Arc<Route>, BTreeSet<Prefix>>,
    pub(super) refresh: Refresh,
    /// The peer was not told yet that it has heard the whole table.
    pub(super) end_owed: bool,
    /// How many prefixes the peer has.
    pub(super) told: usize,
}

/// Whether the peer has asked for everything again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Refresh {
    #[default]
    Idle,
    Asked,
    /// The answer is on its way; the peer may have asked once more since.
    Answering {
        again: bool,
    },
}

#[derive(Debug, Default)]
pub(super) struct Queues {
    ipv4: Queue,
    ipv6: Queue,
}

impl Queues {
    pub(super) fn of(&self, family: Family) -> &Queue {
        match family {
            Family::Ipv4Unicast => &self.ipv4,
            Family::Ipv6Unicast => &self.ipv6,
        }
    }

    pub(super) fn of_mut(&mut self, family: Family) -> &mut Queue {
        match family {
            Family::Ipv4Unicast => &mut self.ipv4,
            Family::Ipv6Unicast => &mut self.ipv6,
        }
    }
}

impl Queue {
    /// Puts a prefix where its entry says that it belongs.
    pub(super) fn put(&mut self, prefix: Prefix, entry: &Entry) {
        match (entry.owed, &entry.desired) {
            (Owed::Announcement, Some(route)) => match self.announcements.get_mut(route) {
                Some(prefixes) => drop(prefixes.insert(prefix)),
                None => drop(self.announcements.insert(Arc::clone(route), BTreeSet::from([prefix]))),
            },
            (Owed::Withdrawal, _) => drop(self.withdrawals.insert(prefix)),
            (Owed::Nothing, _) | (Owed::Announcement, None) => {}
        }
    }

    /// Takes a prefix from where its entry says that it is, which is not changed.
    pub(super) fn take_off(&mut self, prefix: &Prefix, entry: &Entry) {
        match (entry.owed, &entry.desired) {
            (Owed::Announcement, Some(route)) => {
                if let Some(prefixes) = self.announcements.get_mut(route) {
                    prefixes.remove(prefix);
                    if prefixes.is_empty() {
                        self.announcements.remove(route);
                    }
                }
            }
            (Owed::Withdrawal, _) => drop(self.withdrawals.remove(prefix)),
            (Owed::Nothing, _) | (Owed::Announcement, None) => {}
        }
    }

    pub(super) fn len(&self) -> usize {
        self.withdrawals.len() + self.announcements.values().map(BTreeSet::len).sum::<usize>()
    }
}
