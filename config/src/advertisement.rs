//! `L2Advertisement`.

use ferrolb_api::L2Advertisement;
use ferrolb_model as model;

use crate::selector::{selector, selectors};

/// Parses an advertisement; every one that the API server accepts makes sense by itself.
pub fn l2_advertisement(object: &L2Advertisement) -> model::L2Advertisement {
    let spec = &object.spec;
    model::L2Advertisement {
        name: object.metadata.name.clone().unwrap_or_default(),
        pools: spec.ip_address_pools.iter().map(|name| name.as_str().into()).collect(),
        pool_selectors: selectors(&spec.ip_address_pool_selectors),
        service_selectors: selectors(&spec.service_selectors),
        node_selectors: selectors(&spec.node_selectors),
        interfaces: spec.interfaces.clone(),
        preferred_nodes: spec
            .preferred_nodes
            .iter()
            .map(|preferred| model::PreferredNodes {
                weight: u32::try_from(preferred.weight).unwrap_or_default(),
                selector: selector(&preferred.selector),
            })
            .collect(),
    }
}
