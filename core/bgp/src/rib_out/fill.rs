use std::collections::BTreeSet;

use super::RibOut;
use super::entry::Owed;
use super::queue::Refresh;
use crate::Family;
use crate::wire::{Announcement, RefreshKind, RouteRefresh, Withdrawal, end_of_rib};

/// How many messages were made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) updates: u64,
    pub(crate) refreshes: u64,
}

/// What became of the announcements that come next.
enum Announced {
    Some,
    /// No message can hold them.
    GivenUp,
    NoneLeft,
}

impl RibOut {
    /// Appends messages to `out` until it holds `enough` octets or nothing is owed. A message is never cut, so that it may
    /// hold one message more.
    pub(crate) fn fill(&mut self, out: &mut Vec<u8>, enough: usize) -> Filled {
        let mut filled = Filled::default();
        let families = self.session.as_ref().map(|outlet| outlet.negotiated.families).unwrap_or_default();
        for family in families.iter() {
            while out.len() < enough && self.next_message(family, out, &mut filled) {}
        }
        filled
    }

    /// Appends one message, if any is owed. Nothing of the answer to a refresh goes before its beginning, and its end, like
    /// that of the table, after all that belongs to it. An answer begins once the table is out (RFC 7313 §4).
    fn next_message(&mut self, family: Family, out: &mut Vec<u8>, filled: &mut Filled) -> bool {
        let queue = self.queues.of_mut(family);
        if queue.refresh == Refresh::Asked && !queue.end_owed {
            queue.refresh = Refresh::Answering { again: false };
            self.owe_again(family);
            if self.mark_refresh(family, RefreshKind::Begin, out, filled) {
                return true;
            }
        }
        if self.next_update(family, out) {
            filled.updates += 1;
            return true;
        }
        let complete = self.complete;
        let queue = self.queues.of_mut(family);
        if let Refresh::Answering { again } = queue.refresh {
            queue.refresh = if again { Refresh::Asked } else { Refresh::Idle };
            return self.mark_refresh(family, RefreshKind::End, out, filled)
                || self.next_message(family, out, filled);
        }
        if queue.end_owed && complete {
            queue.end_owed = false;
            end_of_rib(out, family);
            filled.updates += 1;
            return true;
        }
        false
    }

    /// Says that an answer begins or ends, to a peer that wants to know (RFC 7313).
    fn mark_refresh(
        &self,
        family: Family,
        kind: RefreshKind,
        out: &mut Vec<u8>,
        filled: &mut Filled,
    ) -> bool {
        let wanted = self.session.as_ref().is_some_and(|outlet| outlet.negotiated.enhanced_route_refresh);
        if wanted {
            RouteRefresh { family: family.codes(), kind }.encode(out);
            filled.refreshes += 1;
        }
        wanted
    }

    /// Withdrawals go first: what takes the place of a route should not meet it.
    fn next_update(&mut self, family: Family, out: &mut Vec<u8>) -> bool {
        loop {
            if self.withdraw_some(family, out) {
                return true;
            }
            match self.announce_some(family, out) {
                Announced::Some => return true,
                Announced::GivenUp => {}
                Announced::NoneLeft => return false,
            }
        }
    }

    fn withdraw_some(&mut self, family: Family, out: &mut Vec<u8>) -> bool {
        let Some(outlet) = &self.session else { return false };
        let queue = self.queues.of_mut(family);
        let Ok(withdrawal) = Withdrawal::new(family, &outlet.negotiated) else { return false };
        let count = withdrawal.write(out, &mut queue.withdrawals.iter().copied());
        for prefix in (0..count).map_while(|_| queue.withdrawals.pop_first()) {
            let Some(entry) = self.entries.get_mut(&prefix) else { continue };
            queue.told = queue.told.saturating_sub(usize::from(entry.told.is_some()));
            entry.withdrawn();
            if entry.is_forgotten() {
                self.entries.remove(&prefix);
            }
        }
        count > 0
    }

    fn announce_some(&mut self, family: Family, out: &mut Vec<u8>) -> Announced {
        let Some(outlet) = &self.session else { return Announced::NoneLeft };
        let queue = self.queues.of_mut(family);
        let Some(mut group) = queue.announcements.first_entry() else { return Announced::NoneLeft };
        let Some(first) = group.get().first() else {
            group.remove();
            return Announced::GivenUp;
        };
        let attributes = outlet.policy.attributes(first, group.key()).ok();
        let announcement =
            attributes.and_then(|attributes| Announcement::new(family, &attributes, &outlet.negotiated).ok());
        let Some(announcement) = announcement else {
            let prefixes = group.remove();
            self.give_up(family, prefixes);
            return Announced::GivenUp;
        };
        let prefixes = group.get_mut();
        let count = announcement.write(out, &mut prefixes.iter().copied());
        for prefix in (0..count).map_while(|_| prefixes.pop_first()) {
            let Some(entry) = self.entries.get_mut(&prefix) else { continue };
            queue.told += usize::from(entry.told.is_none());
            entry.announced();
        }
        if group.get().is_empty() {
            group.remove();
        }
        Announced::Some
    }

    /// The peer can be told no word of these: it must not go on with an older one.
    fn give_up(&mut self, family: Family, prefixes: BTreeSet<crate::Prefix>) {
        let queue = self.queues.of_mut(family);
        for prefix in prefixes {
            let Some(entry) = self.entries.get_mut(&prefix) else { continue };
            self.oversized += 1;
            entry.again = false;
            entry.owed = if entry.told.is_some() { Owed::Withdrawal } else { Owed::Nothing };
            queue.put(prefix, entry);
        }
    }
}
