//! Balancing anew, when somebody asks for it: which VIPs go where.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_model::NodeName;

use crate::{
    Change, Decision, Placer,
    balance::{Item, balance},
    eligible::Finder,
    placer::Entry,
};

/// A VIP that is to go from one node to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The VIP.
    pub address: IpAddr,
    /// The node that has it.
    pub from: NodeName,
    /// The node that is to have it.
    pub to: NodeName,
}

impl Placer {
    /// The fewest moves of the VIPs of these advertisements after which nodes have equally many of all VIPs, or differ by one, as
    /// far as the VIPs may be on them. Only nodes count on which a VIP would be placed if it were new; a VIP that its Service
    /// asks to be somewhere stays out of it. `owner` says who has a VIP; for one of which it does not, the plan counts.
    pub fn moves(
        &self,
        advertisements: &BTreeSet<String>,
        owner: impl Fn(IpAddr) -> Option<NodeName>,
    ) -> Vec<Move> {
        let homes = self.homes(advertisements, owner);
        let moved = homes.into_iter().filter(|home| home.from != home.to);
        moved.collect()
    }

    /// Asks for these moves, and that orders begin with who has a VIP by then. Which they are, is published until
    /// [`Self::arrived`] is called; asking again before that asks for nothing else.
    pub fn rebalance(
        &mut self,
        advertisements: &BTreeSet<String>,
        owner: impl Fn(IpAddr) -> Option<NodeName>,
    ) -> Vec<Change> {
        let homes = self.homes(advertisements, owner);
        for Move { address, from, to } in &homes {
            let Some(entry) = self.vips.get_mut(address) else { continue };
            if from != to {
                self.moving.insert(*address, to.clone());
            }
            entry.order.lead(to);
        }
        let addresses: Vec<_> = homes.into_iter().map(|home| home.address).collect();
        self.decide(addresses)
    }

    /// VIPs that are under way because somebody asked for balance, and where to.
    pub fn moving(&self) -> impl Iterator<Item = (IpAddr, &NodeName)> {
        self.moving.iter().map(|(address, node)| (*address, node))
    }

    /// The VIP is where it was to go.
    pub fn arrived(&mut self, address: IpAddr) -> Vec<Change> {
        self.moving.remove(&address);
        self.decide([address])
    }

    /// Where each VIP is and shall be that takes part.
    fn homes(
        &self,
        advertisements: &BTreeSet<String>,
        owner: impl Fn(IpAddr) -> Option<NodeName>,
    ) -> Vec<Move> {
        let names: Vec<&NodeName> = self.facts.nodes.keys().collect();
        let number: BTreeMap<&NodeName, usize> = names.iter().copied().zip(0..).collect();
        let mut finder = Finder::new(&self.facts.nodes);
        let (mut parts, mut items) = (Vec::new(), Vec::new());
        let mut fixed = vec![0; names.len()];
        for (address, entry) in &self.vips {
            let Some(from) = entry.is_at(owner(*address)) else { continue };
            let takes_part = entry.vip.move_to.is_none() && self.facts.is_of(entry, advertisements);
            let may = if takes_part { self.facts.best(entry, &mut finder) } else { Vec::new() };
            let may: Vec<usize> = may.iter().filter_map(|node| number.get(node).copied()).collect();
            let at = number.get(&from).copied();
            if may.is_empty() {
                at.into_iter().for_each(|at| fixed[at] += 1);
                continue;
            }
            parts.push((*address, from));
            items.push(Item { at, may });
        }
        let to = balance(&items, &fixed).into_iter().map(|node| names[node].clone());
        parts.into_iter().zip(to).map(|((address, from), to)| Move { address, from, to }).collect()
    }
}

impl Entry {
    /// Where the VIP is as far as balance goes: where it is on its way to, or with its owner, or with its first candidate.
    fn is_at(&self, owner: Option<NodeName>) -> Option<NodeName> {
        let Some(Decision::Announced(placement)) = &self.decision else { return None };
        placement.move_to.clone().or(owner).or_else(|| placement.nodes.first().cloned())
    }
}
