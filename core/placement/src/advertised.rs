//! Which advertisements are for a VIP.

use ferrolb_model::{L2Advertisement, Labels, Vip};

/// Whether the advertisement is for the VIP. `pool_labels` are those of its pool, if that is there.
pub(crate) fn is_for(advertisement: &L2Advertisement, vip: &Vip, pool_labels: Option<&Labels>) -> bool {
    let every_pool = advertisement.pools.is_empty() && advertisement.pool_selectors.is_empty();
    let named = || vip.pool.as_ref().is_some_and(|pool| advertisement.pools.contains(pool));
    let selected = || {
        pool_labels.is_some_and(|labels| advertisement.pool_selectors.iter().any(|one| one.matches(labels)))
    };
    let selectors = &advertisement.service_selectors;
    let any_service = || {
        let services = &vip.services;
        selectors.is_empty()
            || services.iter().any(|service| selectors.iter().any(|one| one.matches(&service.labels)))
    };
    (every_pool || named() || selected()) && any_service()
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
