//! What a peer is told: prefixes, with what is said of each.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;

use crate::bgp::CommunitySet;

/// What a peer is told of a prefix, besides what is the session's: path, next hop. Routes of one set share it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RouteAttributes {
    /// LOCAL_PREF, for internal peers.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// How often the own AS is repeated in the path, for external peers.
    pub prepend: u8,
    /// Communities of all kinds.
    pub communities: CommunitySet,
    /// How many ready endpoints are behind the route on this node, where routers are to share traffic by that.
    pub weight: Option<u32>,
}

/// What a prefix is told for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The VIPs in it.
    pub vips: BTreeSet<IpAddr>,
    /// The advertisements that tell of it, by name.
    pub advertisements: BTreeSet<String>,
}

/// Prefixes and what is said of each. A clone shares what does not change afterwards, so that of two tables of which one came
/// from the other the difference is found without a walk through all of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Neighbours in a page, by the network that holds them all.
    pages: BTreeMap<IpNet, Arc<Page>>,
}

type Page = BTreeMap<IpNet, Arc<RouteAttributes>>;

/// A prefix and what is said of it now; `None`: nothing any more.
pub type RouteChange = (IpNet, Option<Arc<RouteAttributes>>);

impl Table {
    /// Every prefix.
    pub fn iter(&self) -> impl Iterator<Item = (&IpNet, &Arc<RouteAttributes>)> {
        self.pages.values().flat_map(|page| page.iter())
    }

    /// How many prefixes there are.
    pub fn len(&self) -> usize {
        self.pages.values().map(|page| page.len()).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.pages.is_empty()
    }

    /// Whether both are one table, without a look at the prefixes.
    pub fn shares_all_with(&self, other: &Self) -> bool {
        let pairs = self.pages.iter().zip(&other.pages);
        self.pages.len() == other.pages.len() && pairs.into_iter().all(|(one, other)| is_one(one, other))
    }

    /// What has to be said to who knows `before`.
    pub fn changes_from(&self, before: &Self) -> Vec<RouteChange> {
        let mut changes = Vec::new();
        let empty = Arc::default();
        for (network, page) in &self.pages {
            let known = before.pages.get(network).unwrap_or(&empty);
            if !Arc::ptr_eq(known, page) {
                compare(known, page, &mut changes);
            }
        }
        let gone = before.pages.iter().filter(|(network, _)| !self.pages.contains_key(network));
        changes.extend(gone.flat_map(|(_, page)| page.keys()).map(|prefix| (*prefix, None)));
        changes
    }

    pub(super) fn set(&mut self, prefix: IpNet, attributes: Option<Arc<RouteAttributes>>) {
        let network = network_of(prefix);
        match attributes {
            Some(attributes) => {
                Arc::make_mut(self.pages.entry(network).or_default()).insert(prefix, attributes);
            }
            None => {
                let Some(page) = self.pages.get_mut(&network) else { return };
                Arc::make_mut(page).remove(&prefix);
                if page.is_empty() {
                    self.pages.remove(&network);
                }
            }
        }
    }
}

impl FromIterator<(IpNet, Arc<RouteAttributes>)> for Table {
    fn from_iter<T: IntoIterator<Item = (IpNet, Arc<RouteAttributes>)>>(routes: T) -> Self {
        let mut table = Self::default();
        routes.into_iter().for_each(|(prefix, attributes)| table.set(prefix, Some(attributes)));
        table
    }
}

fn is_one(one: (&IpNet, &Arc<Page>), other: (&IpNet, &Arc<Page>)) -> bool {
    one.0 == other.0 && Arc::ptr_eq(one.1, other.1)
}

/// Both are in order, so that they are walked through once.
fn compare(before: &Page, now: &Page, changes: &mut Vec<RouteChange>) {
    let mut old = before.iter().peekable();
    for (prefix, attributes) in now {
        while let Some((gone, _)) = old.next_if(|(known, _)| *known < prefix) {
            changes.push((*gone, None));
        }
        let known = old.next_if(|(known, _)| *known == prefix).map(|(_, attributes)| attributes);
        if known.is_none_or(|known| !Arc::ptr_eq(known, attributes) && known != attributes) {
            changes.push((*prefix, Some(Arc::clone(attributes))));
        }
    }
    changes.extend(old.map(|(gone, _)| (*gone, None)));
}

/// The network whose prefixes share a page with this one: at most 256 hosts.
fn network_of(prefix: IpNet) -> IpNet {
    let length = prefix.prefix_len().min(prefix.max_prefix_len() - PAGE_BITS);
    IpNet::new(prefix.network(), length).map_or(prefix, |network| network.trunc())
}

const PAGE_BITS: u8 = 8;

#[cfg(test)]
mod tests {
    use super::*;

    fn attributes(med: u32) -> Arc<RouteAttributes> {
        Arc::new(RouteAttributes { med: Some(med), ..RouteAttributes::default() })
    }

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn a_difference_names_what_is_new_other_and_gone() {
        let before: Table =
            [("192.0.2.1/32", 1), ("192.0.2.2/32", 1), ("198.51.100.0/24", 1), ("2001:db8::1/128", 1)]
                .into_iter()
                .map(|(prefix, med)| (net(prefix), attributes(med)))
                .collect();
        let mut now = before.clone();
        assert!(now.shares_all_with(&before) && now.changes_from(&before).is_empty());
        now.set(net("192.0.2.2/32"), Some(attributes(2)));
        now.set(net("192.0.2.3/32"), Some(attributes(1)));
        now.set(net("2001:db8::1/128"), None);
        now.set(net("192.0.2.0/24"), Some(attributes(1)));
        assert!(!now.shares_all_with(&before));
        let mut changes = now.changes_from(&before);
        changes.sort();
        let wanted = [
            (net("192.0.2.0/24"), Some(attributes(1))),
            (net("192.0.2.2/32"), Some(attributes(2))),
            (net("192.0.2.3/32"), Some(attributes(1))),
            (net("2001:db8::1/128"), None),
        ];
        assert_eq!(changes, wanted);
        assert_eq!((now.len(), before.len()), (5, 4));
    }

    #[test]
    fn the_same_said_anew_is_no_change() {
        let table = || [(net("192.0.2.1/32"), attributes(1))].into_iter().collect::<Table>();
        assert!(table().changes_from(&table()).is_empty());
        assert!(!table().shares_all_with(&table()));
    }
}
