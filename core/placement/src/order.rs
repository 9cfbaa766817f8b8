//! The order of a VIP's candidates.

use std::{cmp::Reverse, collections::BTreeMap, net::IpAddr};

use ferrolb_model::{Family, L2Advertisement, Node, NodeName};

use crate::{
    Decision,
    eligible::{Eligible, Reach},
};

/// The most candidates a VIP has.
pub const MAX_CANDIDATES: usize = 5;

/// How many VIPs each node is the first candidate of.
#[derive(Debug, Default)]
pub(crate) struct Load(BTreeMap<NodeName, usize>);

impl Load {
    /// Counts one VIP about which something else is decided now.
    pub(crate) fn replace(&mut self, before: Option<&Decision>, after: Option<&Decision>) {
        if let Some(node) = before.and_then(first)
            && let Some(count) = self.0.get_mut(node)
        {
            *count -= 1;
            if *count == 0 {
                self.0.remove(node);
            }
        }
        if let Some(node) = after.and_then(first) {
            *self.0.entry(node.clone()).or_default() += 1;
        }
    }

    fn of(&self, node: &NodeName) -> usize {
        self.0.get(node).copied().unwrap_or(0)
    }
}

fn first(decision: &Decision) -> Option<&NodeName> {
    match decision {
        Decision::Announced(placement) => placement.nodes.first(),
        Decision::NotAnnounced(_) => None,
    }
}

/// The candidates of a VIP: `lead`, those of `before` that are among `may` still, in their order, then others as far as there
/// is room.
pub(crate) fn order(
    address: IpAddr,
    lead: Option<&NodeName>,
    before: &[NodeName],
    may: &Eligible,
    rank: &Rank<'_>,
) -> Vec<NodeName> {
    let before = before.iter().filter(|node| may.contains_key(*node) && Some(*node) != lead);
    let mut order: Vec<_> = lead.into_iter().chain(before).take(MAX_CANDIDATES).cloned().collect();
    let eligible = may;
    let mut others: Vec<_> = eligible.keys().filter(|node| !order.contains(node)).collect();
    if order.len() == MAX_CANDIDATES || others.is_empty() {
        return order;
    }
    if order.is_empty()
        && let Some(first) = others.iter().copied().min_by_key(|node| rank.as_first(node, eligible, address))
    {
        order.push(first.clone());
        others.retain(|node| *node != first);
    }
    others.sort_by_cached_key(|node| rank.as_backup(node, eligible, address));
    order.extend(others.into_iter().take(MAX_CANDIDATES - order.len()).cloned());
    order
}

/// What nodes are ranked by when a VIP is placed; lower ranks come first.
pub(crate) struct Rank<'a> {
    pub(crate) nodes: &'a BTreeMap<NodeName, Node>,
    pub(crate) load: &'a Load,
    pub(crate) advertisements: &'a [&'a L2Advertisement],
}

type Standing = (bool, Reach, Reverse<u32>);

impl Rank<'_> {
    fn as_first(
        &self,
        node: &NodeName,
        eligible: &Eligible,
        address: IpAddr,
    ) -> (Standing, usize, Reverse<u64>) {
        (self.standing(node, eligible), self.load.of(node), Reverse(draw(address, node)))
    }

    fn as_backup(&self, node: &NodeName, eligible: &Eligible, address: IpAddr) -> (Standing, Reverse<u64>) {
        (self.standing(node, eligible), Reverse(draw(address, node)))
    }

    /// Of these nodes those that a new VIP would go to; none if none is well.
    pub(crate) fn best(&self, may: &Eligible) -> Vec<NodeName> {
        let best = may.keys().map(|node| self.standing(node, may)).min();
        let is_best = |node: &&NodeName| Some(self.standing(node, may)) == best && self.is_healthy(node);
        may.keys().filter(is_best).cloned().collect()
    }

    /// Whether the node is ready and stays.
    pub(crate) fn is_healthy(&self, node: &NodeName) -> bool {
        self.nodes.get(node).is_some_and(|node| node.ready && node.leaving.is_none())
    }

    /// Healthy nodes first, then by how surely they reach the network, then preferred ones.
    fn standing(&self, node: &NodeName, eligible: &Eligible) -> Standing {
        let known = self.nodes.get(node);
        (!self.is_healthy(node), eligible[node], Reverse(known.map_or(0, |node| self.preference(node))))
    }

    fn preference(&self, node: &Node) -> u32 {
        let preferred = self.advertisements.iter().flat_map(|one| &one.preferred_nodes);
        preferred.filter(|one| one.selector.matches(&node.labels)).map(|one| one.weight).sum()
    }
}

/// Rendezvous hashing: a number drawn for each pair, the same everywhere. FNV-1a, mixed at the end so that names that
/// differ in the last character alone draw differently in all bits.
pub(crate) fn draw(address: IpAddr, node: &NodeName) -> u64 {
    let address = Family::number(address).to_be_bytes();
    let bytes = address.iter().chain(node.as_str().as_bytes());
    let mut hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}
