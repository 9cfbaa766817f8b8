//! Which advertisements are for a VIP.

use ferrolb_model::{BgpAdvertisement, L2Advertisement, Labels, PoolName, Selector, Vip, selected};

/// Which VIPs an advertisement of either kind is for.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'a> {
    pools: &'a [PoolName],
    pool_selectors: &'a [Selector],
    service_selectors: &'a [Selector],
}

impl<'a> From<&'a L2Advertisement> for Scope<'a> {
    fn from(advertisement: &'a L2Advertisement) -> Self {
        let L2Advertisement { pools, pool_selectors, service_selectors, .. } = advertisement;
        Self { pools, pool_selectors, service_selectors }
    }
}

impl<'a> From<&'a BgpAdvertisement> for Scope<'a> {
    fn from(advertisement: &'a BgpAdvertisement) -> Self {
        let BgpAdvertisement { pools, pool_selectors, service_selectors, .. } = advertisement;
        Self { pools, pool_selectors, service_selectors }
    }
}

impl Scope<'_> {
    /// Whether it is for VIPs of this pool. `labels` are the pool's, if that is there.
    pub(crate) fn has_pool(self, pool: Option<&PoolName>, labels: Option<&Labels>) -> bool {
        let every_pool = self.pools.is_empty() && self.pool_selectors.is_empty();
        let named = || pool.is_some_and(|pool| self.pools.contains(pool));
        let selected =
            || labels.is_some_and(|labels| self.pool_selectors.iter().any(|one| one.matches(labels)));
        every_pool || named() || selected()
    }
}

/// Whether the advertisement is for the VIP. `pool_labels` are those of its pool, if that is there.
pub(crate) fn is_for<'a>(
    advertisement: impl Into<Scope<'a>>,
    vip: &Vip,
    pool_labels: Option<&Labels>,
) -> bool {
    let scope = advertisement.into();
    let selectors = scope.service_selectors;
    let any_service =
        || selectors.is_empty() || vip.services.iter().any(|service| selected(selectors, &service.labels));
    scope.has_pool(vip.pool.as_ref(), pool_labels) && any_service()
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
