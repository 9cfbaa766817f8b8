//! What a node's BGP sessions and routes should be. Pure: everything known in, the whole of what should be out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_api::VipAnnouncement;
use ferrolb_bgp::Asn;
use ferrolb_model::{Labels, selected};
use ipnet::IpNet;

use super::objects::Objects;
use super::table::{Builder, Rule, Source, Table};
use crate::bgp::{Advertisement, BfdProfile, CommunitySet, Peer};

/// What this node's sessions and routes should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BgpDesired {
    /// The sessions, by the BGPPeer's name.
    pub peers: BTreeMap<String, PeerPlan>,
    /// What each of these peers is told, by the BGPPeer's name. Peers that are told the same share a table.
    pub routes: BTreeMap<String, Table>,
    /// Why this node is about to be taken away or announces nothing; empty if neither. Then there are no routes: what is
    /// announced still is to be withdrawn with grace (RFC 8326).
    pub leaving: String,
    /// Whether everything was told from which routes follow: before that a peer may lack some, and End-of-RIB has to wait.
    pub settled: bool,
    /// What of the objects cannot be used on this node, and why, in words.
    pub problems: Vec<String>,
}

/// A session that this node should hold.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerPlan {
    /// The peer, and how the session is held.
    pub peer: Peer,
    /// This node's AS.
    pub my_asn: Asn,
    /// How a dead path is found beside the hold time.
    pub bfd: Option<BfdProfile>,
}

/// Everything that sessions and routes follow from.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a, E> {
    /// This node's name.
    pub node: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// Why it announces nothing; empty if it does.
    pub leaving: &'a str,
    /// Whether slices, endpoints and objects are known whole.
    pub settled: bool,
    /// The objects.
    pub objects: &'a Objects,
    /// How many ready endpoints carry a VIP's traffic on this node, or `None`: it is not to be announced. Where every node
    /// carries it, the number counts for nothing.
    pub serving: E,
}

/// What follows from all this for the VIPs.
pub fn desired<'a, E>(
    input: &Input<'_, E>,
    vips: impl IntoIterator<Item = (IpAddr, &'a VipAnnouncement)>,
) -> BgpDesired
where
    E: Fn(&VipAnnouncement) -> Option<u32>,
{
    let Input { labels, leaving, settled, objects, .. } = *input;
    let mut problems: Vec<String> = objects.problems().collect();
    let peers = peers(objects, labels, &mut problems);
    let mut routes = BTreeMap::new();
    if leaving.is_empty() && !peers.is_empty() {
        let rules = rules(objects, labels);
        let mut builder = Builder::new(peers.keys().map(String::as_str), &rules);
        for (address, vip) in vips {
            if let Some((endpoints, by)) = told(input, &builder, vip) {
                builder.add(address, vip.traffic_policy, endpoints, &by);
            }
        }
        routes = builder.tables();
    }
    for peer in peers.keys() {
        routes.entry(peer.clone()).or_default();
    }
    BgpDesired { peers, routes, leaving: leaving.to_owned(), settled, problems }
}

/// For which VIPs and by which advertisements each peer is told of each prefix of [`desired`], by the peer's name.
pub fn sources<'a, E>(
    input: &Input<'_, E>,
    vips: impl IntoIterator<Item = (IpAddr, &'a VipAnnouncement)>,
) -> BTreeMap<String, BTreeMap<IpNet, Source>>
where
    E: Fn(&VipAnnouncement) -> Option<u32>,
{
    let peers = peers(input.objects, input.labels, &mut Vec::new());
    let mut sources = BTreeMap::new();
    if input.leaving.is_empty() {
        let rules = rules(input.objects, input.labels);
        let builder = Builder::new(peers.keys().map(String::as_str), &rules);
        for (address, vip) in vips {
            if let Some((_, by)) = told(input, &builder, vip) {
                builder.explain(address, &by, &mut sources);
            }
        }
    }
    sources
}

/// How many ready endpoints carry the VIP on this node, and the places of the rules by which peers are told of it, in order;
/// `None`: they are not.
fn told<E>(input: &Input<'_, E>, builder: &Builder<'_>, vip: &VipAnnouncement) -> Option<(u32, Vec<usize>)>
where
    E: Fn(&VipAnnouncement) -> Option<u32>,
{
    let advertisements = &vip.bgp.as_ref()?.advertisements;
    let on_this_node = advertisements
        .iter()
        .filter(|by| by.nodes.as_ref().is_none_or(|nodes| nodes.iter().any(|name| name == input.node)));
    let mut by = on_this_node.filter_map(|by| builder.rule(&by.name)).collect::<Vec<_>>();
    by.sort_unstable();
    if by.is_empty() {
        return None;
    }
    Some(((input.serving)(vip)?, by))
}

/// The peers that select this node.
fn peers(objects: &Objects, labels: &Labels, problems: &mut Vec<String>) -> BTreeMap<String, PeerPlan> {
    let selecting = objects.peers.iter().filter(|(_, peer)| selected(&peer.node_selectors, labels));
    let plans = selecting.filter_map(|(name, peer)| {
        let my_asn = match peer.asn_of(labels) {
            Ok(asn) => asn,
            Err(problem) => {
                problems.push(format!("BGPPeer {name}: {problem}; no session is held"));
                return None;
            }
        };
        let bfd = peer.bfd_profile.as_ref().and_then(|profile| {
            let found = objects.profiles.find(profile).copied();
            if found.is_none() {
                problems.push(format!(
                    "BGPPeer {name}: no BFDProfile is named {profile}; the session goes on without BFD"
                ));
            }
            found
        });
        Some((name.clone(), PeerPlan { peer: peer.clone(), my_asn, bfd }))
    });
    plans.collect()
}

/// The advertisements in force on this node, the oldest first.
fn rules<'a>(objects: &'a Objects, labels: &Labels) -> Vec<Rule<'a>> {
    let here =
        objects.advertisements.iter().filter(|(_, one)| selected(&one.selection.node_selectors, labels));
    let mut rules: Vec<Rule<'a>> = here
        .filter_map(|(name, advertisement): (_, &Advertisement)| {
            let communities: &CommunitySet = objects.resolved.get(name)?;
            Some(Rule { advertisement, communities })
        })
        .collect();
    rules.sort_by_key(|rule| (rule.advertisement.selection.created, &rule.advertisement.selection.name));
    rules
}
