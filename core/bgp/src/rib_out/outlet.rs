use std::sync::Arc;

use crate::policy::{NotSent, Policy, Route};
use crate::wire::Negotiated;
use crate::{Family, Prefix};

/// How to speak to the peer while a session is up.
#[derive(Debug)]
pub(super) struct Outlet {
    pub(super) policy: Policy,
    pub(super) negotiated: Negotiated,
    /// Nothing is told: this speaker leaves.
    pub(super) silent: bool,
}

impl Outlet {
    /// Whether the peer can be told of the prefix at all.
    pub(super) fn may_send(&self, prefix: &Prefix) -> Result<(), NotSent> {
        let family = Family::of(prefix);
        if self.silent {
            return Err(NotSent::Leaving);
        }
        if !self.negotiated.families.contains(family) {
            return Err(NotSent::NotNegotiated(family));
        }
        self.policy.next_hop(prefix).map(|_| ())
    }

    /// Whether the peer could not tell these two apart.
    pub(super) fn same(&self, prefix: &Prefix, one: &Arc<Route>, other: &Arc<Route>) -> bool {
        one == other || self.policy.attributes(prefix, one) == self.policy.attributes(prefix, other)
    }
}
