//! The routes of a node, kept as VIPs come and go: one VIP more costs what that VIP costs, however many there are.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_api::TrafficPolicy;
use ipnet::IpNet;
use smallvec::SmallVec;

use super::rules::{Places, Rules};
use super::table::{RouteAttributes, Source, Table};

/// What a VIP adds to routes now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) policy: TrafficPolicy,
    /// Ready endpoints that carry its traffic on this node.
    pub(super) endpoints: u32,
    /// The rules that tell of it, in order.
    pub(super) by: Places,
}

/// What each peer is told, and of which VIPs that is made.
#[derive(Clone, Debug, Default)]
pub(super) struct Routes {
    pub(super) rules: Rules,
    groups: Vec<Group>,
    tellings: BTreeMap<IpAddr, Telling>,
    /// Routes with the same rules and weight say the same.
    attributes: Attributes,
}

/// Peers that are told by the same rules.
#[derive(Clone, Debug, Default)]
struct Group {
    told: Vec<bool>,
    peers: Vec<String>,
    /// Prefixes that hold more than one address. What is said of a single one follows from its VIP.
    aggregates: BTreeMap<IpNet, Route>,
    table: Table,
}

/// A prefix of more than one address, as the VIPs in it make it.
#[derive(Clone, Debug, Default)]
struct Route {
    /// The rules that tell of it, in order, and for how many VIPs each.
    by: SmallVec<[(usize, u32); 1]>,
    /// Ready endpoints behind it.
    endpoints: u64,
    /// VIPs whose endpoints are all there are on this node: under Cluster other nodes' are as good.
    local: u32,
}

impl Routes {
    /// For these peers, without a VIP.
    pub(super) fn new<'a>(rules: Rules, peers: impl Iterator<Item = &'a str>) -> Self {
        let mut groups = BTreeMap::<Vec<bool>, Vec<String>>::new();
        for peer in peers {
            groups.entry(rules.for_peer(peer)).or_default().push(peer.to_owned());
        }
        let group = |(told, peers)| Group { told, peers, ..Group::default() };
        Self { groups: groups.into_iter().map(group).collect(), rules, ..Self::default() }
    }

    /// What a VIP adds from now on.
    pub(super) fn set(&mut self, address: IpAddr, telling: Option<Telling>) {
        let place = self.tellings.entry(address);
        let before = match &place {
            Entry::Occupied(place) => Some(place.get()),
            Entry::Vacant(_) => None,
        };
        if before == telling.as_ref() {
            return;
        }
        for group in &mut self.groups {
            for (telling, more) in [(before, false), (telling.as_ref(), true)] {
                let Some(telling) = telling else { continue };
                for (prefix, rules) in self.rules.prefixes(&group.told, address, &telling.by) {
                    group.count(prefix, (&rules, telling, more), &self.rules, &mut self.attributes);
                }
            }
        }
        match (telling, place) {
            (Some(telling), Entry::Occupied(mut place)) => *place.get_mut() = telling,
            (Some(telling), Entry::Vacant(place)) => _ = place.insert(telling),
            (None, Entry::Occupied(place)) => _ = place.remove(),
            (None, Entry::Vacant(_)) => {}
        }
    }

    /// What each peer is told.
    pub(super) fn tables(&self) -> BTreeMap<String, Table> {
        let groups = self.groups.iter();
        groups.flat_map(|group| group.peers.iter().map(|peer| (peer.clone(), group.table.clone()))).collect()
    }

    /// The prefixes that any peer is told and that hold more than one address.
    pub(super) fn aggregates(&self) -> BTreeSet<IpNet> {
        self.groups.iter().flat_map(|group| group.aggregates.keys()).copied().collect()
    }

    /// For which VIPs and by which advertisements each peer is told of each prefix.
    pub(super) fn sources(&self) -> BTreeMap<String, BTreeMap<IpNet, Source>> {
        let mut sources = BTreeMap::<String, BTreeMap<IpNet, Source>>::new();
        for group in &self.groups {
            for (address, telling) in &self.tellings {
                for (prefix, rules) in self.rules.prefixes(&group.told, *address, &telling.by) {
                    for peer in &group.peers {
                        let source = sources.entry(peer.clone()).or_default().entry(prefix).or_default();
                        source.vips.insert(*address);
                        source
                            .advertisements
                            .extend(rules.iter().map(|rule| self.rules.name(*rule).to_owned()));
                    }
                }
            }
        }
        sources
    }
}

/// Attributes by the rules that say them, and the weight.
#[derive(Clone, Debug, Default)]
struct Attributes {
    known: BTreeMap<AttributesKey, Arc<RouteAttributes>>,
    /// What was asked for last is most often asked for again.
    last: Option<(AttributesKey, Arc<RouteAttributes>)>,
}

type AttributesKey = (Vec<usize>, Option<u32>);

impl Attributes {
    /// Those of what is told by these rules. `local`: its endpoints on this node are all there are.
    fn of(
        &mut self,
        by: impl Iterator<Item = usize> + Clone,
        (endpoints, local): (u64, bool),
        rules: &Rules,
    ) -> Arc<RouteAttributes> {
        // Without a cluster nobody knows of endpoints, and routers take no bandwidth for none.
        let is_weighted =
            local && endpoints > 0 && by.clone().next().is_some_and(|oldest| rules.is_weighted(oldest));
        let weight = is_weighted.then(|| u32::try_from(endpoints).unwrap_or(u32::MAX));
        if let Some(((known, known_weight), attributes)) = &self.last
            && *known_weight == weight
            && known.iter().copied().eq(by.clone())
        {
            return Arc::clone(attributes);
        }
        if self.known.len() > MOST_ATTRIBUTES {
            self.known.retain(|_, attributes| Arc::strong_count(attributes) > 1);
        }
        let key: AttributesKey = (by.collect(), weight);
        let attributes =
            self.known.entry(key.clone()).or_insert_with_key(|(by, weight)| rules.merge(by, *weight));
        let attributes = Arc::clone(attributes);
        self.last = Some((key, Arc::clone(&attributes)));
        attributes
    }
}

impl Group {
    /// By these rules a VIP in the prefix is told, or no longer.
    fn count(
        &mut self,
        prefix: IpNet,
        (by, telling, more): (&[usize], &Telling, bool),
        rules: &Rules,
        attributes: &mut Attributes,
    ) {
        if prefix.prefix_len() == prefix.max_prefix_len() {
            let weight = (telling.endpoints.into(), telling.policy == TrafficPolicy::Local);
            let attributes = more.then(|| attributes.of(by.iter().copied(), weight, rules));
            return self.table.set(prefix, attributes);
        }
        let route = self.aggregates.entry(prefix).or_default();
        route.count(by, telling, more);
        if route.by.is_empty() {
            self.aggregates.remove(&prefix);
            return self.table.set(prefix, None);
        }
        let by = route.by.iter().map(|(rule, _)| *rule);
        self.table.set(prefix, Some(attributes.of(by, (route.endpoints, route.local > 0), rules)));
    }
}

impl Route {
    /// A VIP in it comes or goes. It counts once, by however many rules it is told.
    fn count(&mut self, rules: &[usize], telling: &Telling, more: bool) {
        let step = if more { u32::wrapping_add } else { u32::wrapping_sub };
        for rule in rules {
            let place = match self.by.binary_search_by_key(rule, |(known, _)| *known) {
                Ok(place) => place,
                Err(place) => {
                    self.by.insert(place, (*rule, 0));
                    place
                }
            };
            self.by[place].1 = step(self.by[place].1, 1);
        }
        self.by.retain(|(_, vips)| *vips > 0);
        let endpoints = u64::from(telling.endpoints);
        self.endpoints = if more { self.endpoints + endpoints } else { self.endpoints - endpoints };
        self.local = step(self.local, u32::from(telling.policy == TrafficPolicy::Local));
    }
}

/// More than there are sets of rules; weights that nobody has any more are forgotten beyond.
const MOST_ATTRIBUTES: usize = 1024;
