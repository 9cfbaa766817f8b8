//! What each peer is told: prefixes after aggregation, with the attributes of all advertisements that tell of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::TrafficPolicy;
use ferrolb_model::Family;
use ipnet::IpNet;

use crate::bgp::{Advertisement, CommunitySet, Preference};

/// Prefixes and what is said of each. Cheap to clone.
pub type Table = Arc<BTreeMap<IpNet, Arc<RouteAttributes>>>;

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

/// An advertisement in force on this node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rule<'a> {
    pub(super) advertisement: &'a Advertisement,
    /// What its communities stand for.
    pub(super) communities: &'a CommunitySet,
}

/// Puts routes together, one VIP after the other.
pub(super) struct Builder<'a> {
    rules: &'a [Rule<'a>],
    by_name: BTreeMap<&'a str, usize>,
    /// Peers that are told by the same advertisements, by these.
    groups: BTreeMap<Vec<bool>, Group<'a>>,
}

#[derive(Default)]
struct Group<'a> {
    peers: Vec<&'a str>,
    routes: BTreeMap<IpNet, Route>,
}

/// A prefix so far.
#[derive(Default)]
struct Route {
    /// The advertisements that tell of it, the oldest first.
    by: Vec<usize>,
    /// Ready endpoints behind it.
    endpoints: u32,
    /// Whether they are all there are on this node: under Cluster other nodes' are as good.
    counts: bool,
}

impl<'a> Builder<'a> {
    /// For these peers and advertisements, the oldest of which comes first.
    pub(super) fn new(peers: impl Iterator<Item = &'a str>, rules: &'a [Rule<'a>]) -> Self {
        let by_name =
            rules.iter().zip(0..).map(|(rule, at)| (rule.advertisement.selection.name.as_str(), at));
        let mut groups = BTreeMap::<Vec<bool>, Group<'a>>::new();
        for peer in peers {
            let told = rules.iter().map(|rule| rule.advertisement.selection.tells(peer)).collect();
            groups.entry(told).or_default().peers.push(peer);
        }
        Self { rules, by_name: by_name.collect(), groups }
    }

    /// The place of an advertisement among the rules, if it is in force here.
    pub(super) fn rule(&self, name: &str) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    /// A VIP is told of by these rules, which are in order.
    pub(super) fn add(&mut self, address: IpAddr, policy: TrafficPolicy, endpoints: u32, by: &[usize]) {
        for (told, group) in &mut self.groups {
            // A VIP counts once for each prefix, by however many advertisements it is told.
            let mut counted: Vec<IpNet> = Vec::new();
            for (rule, prefix) in prefixes(self.rules, told, address, by) {
                let route = group.routes.entry(prefix).or_default();
                if let Err(place) = route.by.binary_search(&rule) {
                    route.by.insert(place, rule);
                }
                if !counted.contains(&prefix) {
                    counted.push(prefix);
                    route.endpoints = route.endpoints.saturating_add(endpoints);
                    route.counts |= policy == TrafficPolicy::Local;
                }
            }
        }
    }

    /// Adds to `sources`, by peer, what it is told of the VIP and by which of these rules.
    pub(super) fn explain(
        &self,
        address: IpAddr,
        by: &[usize],
        sources: &mut BTreeMap<String, BTreeMap<IpNet, Source>>,
    ) {
        for (told, group) in &self.groups {
            for (rule, prefix) in prefixes(self.rules, told, address, by) {
                for peer in &group.peers {
                    let of_peer = sources.entry((*peer).to_owned()).or_default();
                    let source = of_peer.entry(prefix).or_default();
                    source.vips.insert(address);
                    source.advertisements.insert(self.rules[rule].advertisement.selection.name.clone());
                }
            }
        }
    }

    /// What each peer is told.
    pub(super) fn tables(self) -> BTreeMap<String, Table> {
        let rules = self.rules;
        let mut known = BTreeMap::<(Vec<usize>, Option<u32>), Arc<RouteAttributes>>::new();
        let mut tables = BTreeMap::new();
        for group in self.groups.into_values() {
            let routes = group.routes.into_iter().map(|(prefix, route)| {
                let weighted = rules[route.by[0]].advertisement.routes.preference.weighted && route.counts;
                let key = (route.by, weighted.then_some(route.endpoints));
                let attributes =
                    known.entry(key).or_insert_with_key(|(by, weight)| merge(rules, by, *weight));
                (prefix, attributes.clone())
            });
            let table: Table = Arc::new(routes.collect());
            tables.extend(group.peers.into_iter().map(|peer| (peer.to_owned(), table.clone())));
        }
        tables
    }
}

/// The prefix by which each of these rules tells of the address, of those that tell a group of peers.
fn prefixes<'b>(
    rules: &'b [Rule<'_>],
    told: &'b [bool],
    address: IpAddr,
    by: &'b [usize],
) -> impl Iterator<Item = (usize, IpNet)> + 'b {
    by.iter().copied().filter(|rule| told.get(*rule) == Some(&true)).filter_map(move |rule| {
        let length = rules[rule].advertisement.routes.length(Family::of(address));
        Some((rule, IpNet::new(address, length).ok()?.trunc()))
    })
}

/// The communities of all, and of the rest what the oldest says.
fn merge(rules: &[Rule<'_>], by: &[usize], weight: Option<u32>) -> Arc<RouteAttributes> {
    let Preference { local_pref, med, prepend, weighted: _ } = rules[by[0]].advertisement.routes.preference;
    let mut communities = CommunitySet::default();
    by.iter().for_each(|rule| communities.extend(rules[*rule].communities));
    Arc::new(RouteAttributes { local_pref, med, prepend, communities, weight })
}
