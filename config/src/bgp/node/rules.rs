//! The advertisements in force on a node, and which of its peers are told by which.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_model::{Family, Labels, selected};
use ipnet::IpNet;
use smallvec::SmallVec;

use super::desired::Routed;
use super::objects::Objects;
use super::table::RouteAttributes;
use crate::bgp::{Advertisement, CommunitySet, Preference};

/// An advertisement in force on this node.
#[derive(Clone, Debug)]
struct Rule {
    advertisement: Advertisement,
    /// What its communities stand for.
    communities: CommunitySet,
}

/// Rules by their places, in order: mostly one or two.
pub(super) type Places = SmallVec<[usize; 2]>;

/// The rules, the oldest first: rules are named by their place.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    rules: Vec<Rule>,
    places: BTreeMap<String, usize>,
}

impl Rules {
    /// Those of a node with these labels.
    pub(super) fn of(objects: &Objects, labels: &Labels) -> Self {
        let here =
            objects.advertisements.iter().filter(|(_, one)| selected(&one.selection.node_selectors, labels));
        let mut rules: Vec<Rule> = here
            .filter_map(|(name, advertisement)| {
                let communities = objects.resolved.get(name)?.clone();
                Some(Rule { advertisement: advertisement.clone(), communities })
            })
            .collect();
        rules.sort_by_cached_key(|rule| {
            let selection = &rule.advertisement.selection;
            (selection.created, selection.name.clone())
        });
        let places = rules.iter().zip(0..).map(|(rule, at)| (rule.advertisement.selection.name.clone(), at));
        Self { places: places.collect(), rules }
    }

    /// The rules by which a node tells of a VIP, in order.
    pub(super) fn tell(&self, node: &str, vip: &impl Routed) -> Places {
        let advertisements = vip.bgp().into_iter().flat_map(|bgp| &bgp.advertisements);
        let here = advertisements
            .filter(|by| by.nodes.as_ref().is_none_or(|nodes| nodes.iter().any(|name| name == node)));
        let mut by: Places = here.filter_map(|by| self.places.get(&by.name).copied()).collect();
        by.sort_unstable();
        by.dedup();
        by
    }

    /// Which of the rules tell a peer.
    pub(super) fn for_peer(&self, peer: &str) -> Vec<bool> {
        self.rules.iter().map(|rule| rule.advertisement.selection.tells(peer)).collect()
    }

    pub(super) fn name(&self, rule: usize) -> &str {
        &self.rules[rule].advertisement.selection.name
    }

    /// The prefixes in which these rules tell of the address, each with the rules, of those that `told` has.
    pub(super) fn prefixes(
        &self,
        told: &[bool],
        address: IpAddr,
        by: &[usize],
    ) -> SmallVec<[(IpNet, Places); 1]> {
        let mut prefixes = SmallVec::<[(IpNet, Places); 1]>::new();
        for rule in by.iter().copied().filter(|rule| told.get(*rule) == Some(&true)) {
            let length = self.rules[rule].advertisement.routes.length(Family::of(address));
            let Ok(prefix) = IpNet::new(address, length) else { continue };
            let prefix = prefix.trunc();
            match prefixes.iter_mut().find(|(known, _)| *known == prefix) {
                Some((_, rules)) => rules.push(rule),
                None => prefixes.push((prefix, Places::from_slice(&[rule]))),
            }
        }
        prefixes
    }

    /// Whether a rule wants traffic shared by the number of endpoints.
    pub(super) fn is_weighted(&self, rule: usize) -> bool {
        self.rules[rule].advertisement.routes.preference.weighted
    }

    /// The communities of all these rules, and of the rest what the oldest says.
    pub(super) fn merge(&self, by: &[usize], weight: Option<u32>) -> Arc<RouteAttributes> {
        let oldest = by.first().map(|rule| &self.rules[*rule].advertisement.routes.preference);
        let Preference { local_pref, med, prepend, weighted: _ } = oldest.cloned().unwrap_or_default();
        let mut communities = CommunitySet::default();
        by.iter().for_each(|rule| communities.extend(&self.rules[*rule].communities));
        Arc::new(RouteAttributes { local_pref, med, prepend, communities, weight })
    }
}
