use std::sync::Arc;

use super::outlet::Outlet;
use crate::Prefix;
use crate::policy::Route;

/// One prefix, for one peer.
#[derive(Debug)]
pub(super) struct Entry {
    /// Which one it is of its neighbours.
    pub(super) within: Within,
    /// What should be told.
    pub(super) desired: Option<Arc<Route>>,
    /// What was told in this session, if the peer has it.
    pub(super) told: Option<Arc<Route>>,
    /// What is to be sent, and so in which part of the queue the prefix is.
    pub(super) owed: Owed,
    /// It is to be announced even if that is what was told.
    pub(super) again: bool,
}

/// A prefix within a network of 256 addresses; one that is wider has the network for itself.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Within {
    /// The last octet of its address.
    pub(super) host: u8,
    pub(super) length: u8,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Owed {
    #[default]
    Nothing,
    /// What is desired.
    Announcement,
    Withdrawal,
}

impl Entry {
    /// One of which nothing is to be told.
    pub(super) fn new(within: Within) -> Self {
        Self { within, desired: None, told: None, owed: Owed::Nothing, again: false }
    }

    /// The peer of this session is gone, and what it knew.
    pub(super) fn close(&mut self) {
        *self = Self { desired: self.desired.take(), ..Self::new(self.within) };
    }

    /// Finds out what is owed, of an entry that is in no queue.
    pub(super) fn settle(&mut self, prefix: &Prefix, session: Option<&Outlet>) {
        let sendable = session.filter(|outlet| outlet.may_send(prefix).is_ok());
        self.owed = match (&self.desired, &self.told, sendable) {
            (Some(desired), Some(told), Some(outlet))
                if !self.again && outlet.same(prefix, desired, told) =>
            {
                // It looks the same to the peer: from now on there is one of them to keep.
                self.told = Some(Arc::clone(desired));
                Owed::Nothing
            }
            (Some(_), _, Some(_)) => Owed::Announcement,
            (_, Some(_), _) => Owed::Withdrawal,
            (_, None, _) => Owed::Nothing,
        };
        self.again &= self.owed == Owed::Announcement;
    }

    /// The peer was just told what is desired.
    pub(super) fn announced(&mut self) {
        self.told = self.desired.clone();
        (self.owed, self.again) = (Owed::Nothing, false);
    }

    /// The peer was just told to forget the prefix.
    pub(super) fn withdrawn(&mut self) {
        self.told = None;
        (self.owed, self.again) = (Owed::Nothing, false);
    }

    /// There is nothing to remember of it.
    pub(super) fn is_forgotten(&self) -> bool {
        self.desired.is_none() && self.told.is_none()
    }
}
