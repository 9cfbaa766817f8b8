//! Which advertisements are for a VIP.
//!
//! Those that select its pool by labels need a pool that is there. One that is deleted, or that cannot be read, releases nothing
//! and moves nothing: it is judged by which of them were for the VIP when it was there last.

use std::collections::BTreeMap;

use ferrolb_model::{BgpAdvertisement, L2Advertisement, Labels, PoolName, Selector, Vip, selected};

/// Which VIPs an advertisement of either kind is for.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    name: &'a str,
    pools: &'a [PoolName],
    pool_selectors: &'a [Selector],
    service_selectors: &'a [Selector],
}

impl<'a> From<&'a L2Advertisement> for Scope<'a> {
    fn from(advertisement: &'a L2Advertisement) -> Self {
        let L2Advertisement { name, pools, pool_selectors, service_selectors, .. } = advertisement;
        Self { name, pools, pool_selectors, service_selectors }
    }
}

impl<'a> From<&'a BgpAdvertisement> for Scope<'a> {
    fn from(advertisement: &'a BgpAdvertisement) -> Self {
        let BgpAdvertisement { name, pools, pool_selectors, service_selectors, .. } = advertisement;
        Self { name, pools, pool_selectors, service_selectors }
    }
}

/// The pool of a VIP, as advertisements see it.
#[derive(Clone, Copy)]
pub(crate) enum PoolSeen<'a> {
    /// It is there, with these labels.
    There(&'a PoolName, &'a Labels),
    /// It is not, if it has a name at all. The advertisements that were for the VIP by the labels it had last.
    Missing(Option<&'a PoolName>, &'a [String]),
}

impl<'a> PoolSeen<'a> {
    /// The VIP's pool among those that are there. `by_labels`: the advertisements that were for the VIP by its labels.
    pub(crate) fn new(vip: &'a Vip, pools: &'a BTreeMap<PoolName, Labels>, by_labels: &'a [String]) -> Self {
        let pool = vip.pool.as_ref();
        let there = pool.and_then(|pool| pools.get_key_value(pool));
        there.map_or(Self::Missing(pool, by_labels), |(name, labels)| Self::There(name, labels))
    }
}

/// Why an advertisement is for VIPs of a pool.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Because {
    /// It names the pool, or is for every pool.
    Name,
    /// It selects the pool's labels.
    Labels,
}

impl Scope<'_> {
    /// Why it is for VIPs of this pool; `None`: it is not.
    pub(crate) fn has_pool(self, pool: PoolSeen<'_>) -> Option<Because> {
        let every_pool = self.pools.is_empty() && self.pool_selectors.is_empty();
        let (name, selected) = match pool {
            PoolSeen::There(name, labels) => {
                (Some(name), self.pool_selectors.iter().any(|one| one.matches(labels)))
            }
            PoolSeen::Missing(name, by_labels) => {
                let was_selected = || by_labels.iter().any(|name| name == self.name);
                (name, !self.pool_selectors.is_empty() && was_selected())
            }
        };
        if every_pool || name.is_some_and(|name| self.pools.contains(name)) {
            return Some(Because::Name);
        }
        selected.then_some(Because::Labels)
    }
}

/// Whether and why the advertisement is for the VIP, whose pool is `pool`.
pub(crate) fn is_for<'a>(
    advertisement: impl Into<Scope<'a>>,
    vip: &Vip,
    pool: PoolSeen<'_>,
) -> Option<Because> {
    let scope = advertisement.into();
    let selectors = scope.service_selectors;
    let any_service =
        || selectors.is_empty() || vip.services.iter().any(|service| selected(selectors, &service.labels));
    scope.has_pool(pool).filter(|_| any_service())
}

/// Notes which of all advertisements are for the VIP by the labels of its pool, as long as that is there. Returns whether they are
/// others than before.
pub(crate) fn note_by_labels<'a, A: Into<Scope<'a>>>(
    by_labels: &mut Vec<String>,
    vip: &Vip,
    pools: &BTreeMap<PoolName, Labels>,
    advertisements: impl Iterator<Item = A>,
) -> bool {
    let pool = PoolSeen::new(vip, pools, &[]);
    if let PoolSeen::Missing(..) = pool {
        return false;
    }
    let scopes = advertisements.map(Into::into);
    let selecting = scopes.filter(|one: &Scope<'_>| is_for(*one, vip, pool) == Some(Because::Labels));
    let names: Vec<&str> = selecting.map(|one| one.name).collect();
    let differs = *by_labels != names;
    if differs {
        *by_labels = names.into_iter().map(str::to_owned).collect();
    }
    differs
}

/// The interfaces the advertisements name together; empty if one leaves the choice to the speaker.
pub(crate) fn interfaces(advertisements: &[&L2Advertisement]) -> Vec<String> {
    if advertisements.iter().any(|one| one.interfaces.is_empty()) {
        return Vec::new();
    }
    let mut interfaces: Vec<_> = advertisements.iter().flat_map(|one| one.interfaces.clone()).collect();
    interfaces.sort();
    interfaces.dedup();
    interfaces
}
