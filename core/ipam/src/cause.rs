//! Why an edit changes what a Service has.

use std::{fmt, net::IpAddr};

use ferrolb_model::{Assignment, Family, PoolName, Service, ServiceId};

use crate::{Allocator, Outcome, SharingProblem, evaluate::wanted};

/// Why an edit changes what a Service has. Displayed as a clause with all names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// FerroLB serves it from now on.
    ServiceAdded,
    /// FerroLB no longer serves it.
    ServiceRemoved,
    /// Its address is no longer among those of its pool.
    RangeRemoved {
        /// The address.
        address: IpAddr,
        /// The pool it was taken from.
        pool: PoolName,
    },
    /// The pool that has its address excludes it.
    Excluded {
        /// The address.
        address: IpAddr,
        /// The pool.
        pool: PoolName,
    },
    /// Its address stays, in a pool that is older than the one it was taken from.
    OlderPool {
        /// The address.
        address: IpAddr,
        /// The pool it was taken from.
        from: PoolName,
        /// The pool that has it.
        to: PoolName,
    },
    /// Its address stays, in the pool that has it now.
    OtherPool {
        /// The address.
        address: IpAddr,
        /// The pool that has it.
        to: PoolName,
    },
    /// Its address is kept although its pool is gone.
    PoolGone {
        /// The address.
        address: IpAddr,
        /// The pool it was taken from.
        pool: Option<PoolName>,
    },
    /// It no longer has the family.
    FamilyDropped(Family),
    /// It may no longer share its address.
    SharingEnded {
        /// The address.
        address: IpAddr,
        /// One that keeps it.
        with: ServiceId,
        /// What is in the way.
        problem: SharingProblem,
    },
    /// It asks for something else than before.
    RequestChanged,
    /// The address that it gets is free, or may be shared, and was not before.
    NowFree(IpAddr),
    /// The pool gives it an address, and did not before.
    NowServed(PoolName),
    /// It has what it had, but not all it asks for, for another reason than before.
    ReasonChanged,
}

/// What is known of a Service on one side of an edit.
pub(crate) struct Side<'a> {
    pub(crate) allocator: &'a Allocator,
    pub(crate) service: Option<&'a Service>,
    pub(crate) outcome: &'a Outcome,
}

impl Side<'_> {
    fn has(&self, address: IpAddr) -> Option<&Assignment> {
        self.outcome.addresses().iter().find(|one| one.address == address)
    }
}

/// Why the outcome is another; the first of what applies, losses before gains.
pub(crate) fn cause_of(before: &Side<'_>, after: &Side<'_>) -> Cause {
    let (Some(was), Some(is)) = (before.service, after.service) else {
        return if after.service.is_some() { Cause::ServiceAdded } else { Cause::ServiceRemoved };
    };
    if was.uid != is.uid {
        return Cause::ServiceAdded;
    }
    let had = before.outcome.addresses();
    if let Some(lost) = had.iter().find(|one| after.has(one.address).is_none()) {
        return why_lost(lost, before, after, (was, is));
    }
    let kept = had.iter().filter_map(|old| Some((old, after.has(old.address)?)));
    if let Some(cause) = kept.filter_map(|(old, new)| why_elsewhere(old, new, after)).next() {
        return cause;
    }
    let gained = after.outcome.addresses().iter().find(|one| before.has(one.address).is_none());
    match gained {
        Some(_) if asks_otherwise(was, is) => Cause::RequestChanged,
        Some(gained) => why_gained(gained, is, before),
        None if asks_otherwise(was, is) => Cause::RequestChanged,
        None => Cause::ReasonChanged,
    }
}

fn asks_otherwise(was: &Service, is: &Service) -> bool {
    was.request != is.request || was.families != is.families || was.policy != is.policy
}

fn why_lost(
    lost: &Assignment,
    before: &Side<'_>,
    after: &Side<'_>,
    (was, is): (&Service, &Service),
) -> Cause {
    let address = lost.address;
    let pools = &after.allocator.pools;
    if let Some(home) = pools.home(address).filter(|home| home.excludes(address)) {
        return Cause::Excluded { address, pool: home.pool.name.clone() };
    }
    // Another pool may have it now; but it moved when its own no longer had it.
    if let Some(from) =
        lost.pool.as_ref().and_then(|pool| pools.get(pool)).filter(|pool| !pool.names(address))
    {
        return Cause::RangeRemoved { address, pool: from.pool.name.clone() };
    }
    let family = Family::of(address);
    if !wanted(is).contains(&family) {
        return Cause::FamilyDropped(family);
    }
    if let Some(handle) = after.allocator.services.find(&is.id)
        && let Err((with, problem)) = after.allocator.may_stay(handle, is, address)
        && before.allocator.outcome(&with).is_some_and(|outcome| outcome.has(address))
    {
        return Cause::SharingEnded { address, with, problem };
    }
    match after.outcome.addresses().iter().find(|one| Family::of(one.address) == family) {
        Some(instead) if !asks_otherwise(was, is) => Cause::NowFree(instead.address),
        Some(_) | None => Cause::RequestChanged,
    }
}

fn why_elsewhere(old: &Assignment, new: &Assignment, after: &Side<'_>) -> Option<Cause> {
    let address = new.address;
    let pools = &after.allocator.pools;
    if pools.is_missing(address, new.pool.as_ref()) {
        return Some(Cause::PoolGone { address, pool: new.pool.clone() });
    }
    let to = new.pool.clone().filter(|_| old.pool != new.pool)?;
    let still_named = old.pool.as_ref().and_then(|pool| pools.get(pool)).filter(|pool| pool.names(address));
    Some(match still_named {
        Some(from) => Cause::OlderPool { address, from: from.pool.name.clone(), to },
        None => Cause::OtherPool { address, to },
    })
}

fn why_gained(gained: &Assignment, is: &Service, before: &Side<'_>) -> Cause {
    let address = gained.address;
    match &gained.pool {
        Some(pool) if before.allocator.serves_address(is, pool, address) => Cause::NowFree(address),
        Some(pool) => Cause::NowServed(pool.clone()),
        None => Cause::NowFree(address),
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServiceAdded => f.write_str("it is new"),
            Self::ServiceRemoved => f.write_str("it is gone, or no longer FerroLB's"),
            Self::RangeRemoved { address, pool } => {
                write!(f, "{address} is no longer among the addresses of pool {pool}")
            }
            Self::Excluded { address, pool } => write!(f, "pool {pool} excludes {address}"),
            Self::OlderPool { address, from, to } => {
                write!(f, "{address} is in pool {to} too, which is older than pool {from} and has it")
            }
            Self::OtherPool { address, to } => write!(f, "{address} is in pool {to} now"),
            Self::PoolGone { address, pool: Some(pool) } => {
                write!(f, "pool {pool} is gone; {address} is kept")
            }
            Self::PoolGone { address, pool: None } => write!(f, "no pool holds {address}; it is kept"),
            Self::FamilyDropped(family) => write!(f, "it no longer has the family {family}"),
            Self::SharingEnded { address, with, problem } => {
                write!(f, "{address} cannot be shared with {with} any more: {problem}")
            }
            Self::RequestChanged => f.write_str("it asks for something else"),
            Self::NowFree(address) => write!(f, "{address} is free for it now"),
            Self::NowServed(pool) => write!(f, "pool {pool} gives it an address now"),
            Self::ReasonChanged => f.write_str("the reason is another"),
        }
    }
}
