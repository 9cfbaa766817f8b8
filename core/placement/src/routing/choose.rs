//! Which nodes announce a VIP where `maxNodes` limits them.

use std::{cmp::Reverse, net::IpAddr};

use ferrolb_model::{Node, NodeName};

use crate::order::draw;

/// At most so many of the nodes that may, by name: those of `before` that are well, then others that are, then those of `before`
/// that are not, then the rest. Of equals the same are drawn everywhere.
pub(super) fn choose(address: IpAddr, before: &[NodeName], may: &[&Node], most: usize) -> Vec<NodeName> {
    let mut ranked: Vec<&Node> = may.to_vec();
    ranked.sort_by_cached_key(|node| {
        let well = node.ready && node.leaving.is_none();
        (!well, !before.contains(&node.name), Reverse(draw(address, &node.name)))
    });
    let mut chosen: Vec<NodeName> = ranked.into_iter().take(most).map(|node| node.name.clone()).collect();
    chosen.sort();
    chosen
}
