//! Which nodes may announce VIPs. The answer is the same for all VIPs of the same advertisements and networks, and is
//! found once for all of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    rc::Rc,
};

use ferrolb_model::{L2Advertisement, Node, NodeInterface, NodeName};
use ipnet::IpNet;

use crate::{NotAnnounced, glob};

/// Nodes that may announce, and whether each is known to reach the VIP's network.
pub(crate) type Eligible = BTreeMap<NodeName, Reach>;

/// What is known of a node's way to a VIP's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// Its speaker reports an interface fit for the VIP.
    Reported,
    /// Its speaker has not reported.
    Unknown,
    /// Its speaker reports that no interface fit for the VIP has a link.
    Unlinked,
}

/// Finds eligible nodes during one event, and remembers what it found.
pub(crate) struct Finder<'a> {
    nodes: &'a BTreeMap<NodeName, Node>,
    networks: BTreeSet<IpNet>,
    found: BTreeMap<Question<'a>, Answer>,
}

/// The names of advertisements, and the networks around an address.
type Question<'a> = (Vec<&'a str>, Vec<IpNet>);
type Answer = Result<Found, NotAnnounced>;

/// The answer for VIPs of the same advertisements and networks.
#[derive(Clone)]
pub(crate) struct Found {
    pub(crate) may: Rc<Eligible>,
    /// Whether a node is known to be in the VIP's network; then those that are known not to be are out.
    pub(crate) on_link: bool,
}

impl<'a> Finder<'a> {
    pub(crate) fn new(nodes: &'a BTreeMap<NodeName, Node>) -> Self {
        let networks = nodes.values().flat_map(|node| node.interfaces.iter().flatten());
        let networks = networks.flat_map(|interface| interface.networks.iter().map(IpNet::trunc)).collect();
        Self { nodes, networks, found: BTreeMap::new() }
    }

    /// The nodes that may announce the address under these advertisements, of which there is at least one.
    pub(crate) fn find(&mut self, address: IpAddr, advertisements: &[&'a L2Advertisement]) -> Answer {
        let names = advertisements.iter().map(|one| one.name.as_str()).collect();
        let around = self.networks.iter().filter(|network| network.contains(&address)).copied().collect();
        let nodes = self.nodes;
        let found =
            self.found.entry((names, around)).or_insert_with(|| eligible(nodes, address, advertisements));
        found.clone()
    }
}

fn eligible(
    nodes: &BTreeMap<NodeName, Node>,
    address: IpAddr,
    advertisements: &[&L2Advertisement],
) -> Answer {
    let (mut excluded, mut unselected, mut without_interface) = (0, 0, 0);
    let mut on_network = Eligible::new();
    let mut elsewhere = Eligible::new();
    let mut unknown = Eligible::new();
    for (name, node) in nodes {
        let selecting: Vec<_> = advertisements.iter().filter(|one| selects(one, node)).collect();
        if node.excluded {
            excluded += 1;
        } else if selecting.is_empty() {
            unselected += 1;
        } else if let Some(interfaces) = &node.interfaces {
            let fit: Vec<_> =
                interfaces.iter().filter(|one| selecting.iter().any(|by| names(by, one))).collect();
            let inside: Vec<_> = fit
                .iter()
                .copied()
                .filter(|one| one.networks.iter().any(|network| network.contains(&address)))
                .collect();
            if !inside.is_empty() {
                on_network.insert(name.clone(), reach(&inside));
            } else if !fit.is_empty() {
                elsewhere.insert(name.clone(), reach(&fit));
            } else {
                without_interface += 1;
            }
        } else {
            unknown.insert(name.clone(), Reach::Unknown);
        }
    }
    // Where no node is in the VIP's network, it is routed to the segment, and any node will do.
    let on_link = !on_network.is_empty();
    let mut eligible = if on_link { on_network } else { elsewhere };
    eligible.append(&mut unknown);
    if eligible.is_empty() {
        return Err(NotAnnounced::NoEligibleNode { excluded, unselected, without_interface });
    }
    Ok(Found { may: Rc::new(eligible), on_link })
}

fn reach(fit: &[&NodeInterface]) -> Reach {
    if fit.iter().any(|interface| interface.carrier) { Reach::Reported } else { Reach::Unlinked }
}

pub(crate) fn selects(advertisement: &L2Advertisement, node: &Node) -> bool {
    let selectors = &advertisement.node_selectors;
    selectors.is_empty() || selectors.iter().any(|one| one.matches(&node.labels))
}

fn names(advertisement: &L2Advertisement, interface: &NodeInterface) -> bool {
    let patterns = &advertisement.interfaces;
    patterns.is_empty() || patterns.iter().any(|pattern| glob::fits(pattern, &interface.name))
}
