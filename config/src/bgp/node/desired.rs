//! What a node's BGP sessions and routes should be. Pure: what is known in, the whole of what should be out.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ferrolb_api::{BgpAnnouncement, TrafficPolicy, VipAnnouncement};
use ferrolb_bgp::Asn;
use ferrolb_model::{Labels, selected};
use ipnet::IpNet;

use super::objects::Objects;
use super::routes::{Routes, Telling};
use super::rules::Rules;
use super::table::{Source, Table};
use crate::bgp::{BfdProfile, Peer};

/// What this node's sessions and routes should be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BgpDesired {
    /// The sessions, by the BGPPeer's name.
    pub peers: BTreeMap<String, PeerPlan>,
    /// What each of these peers is told, by the BGPPeer's name. Peers that are told the same share a table.
    pub routes: BTreeMap<String, Table>,
    /// Those prefixes among them that hold more than one address.
    pub aggregates: BTreeSet<IpNet>,
    /// Why this node is about to be taken away or announces nothing; empty if neither. Then there are no routes: what is
    /// announced still is to be withdrawn with grace (RFC 8326).
    pub leaving: String,
    /// Whether everything was told from which routes follow: before that a peer may lack some, and End-of-RIB has to wait.
    pub settled: bool,
    /// What of the objects cannot be used on this node, and why, in words.
    pub problems: Vec<String>,
}

impl BgpDesired {
    /// Takes out all routes to more than one address.
    pub fn withhold_aggregates(&mut self) {
        let aggregates = std::mem::take(&mut self.aggregates);
        for table in self.routes.values_mut() {
            aggregates.iter().for_each(|prefix| table.set(*prefix, None));
        }
    }
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

/// A VIP, as far as routes follow from it.
pub trait Routed {
    /// Its Services' external traffic policy.
    fn traffic_policy(&self) -> TrafficPolicy;
    /// How BGP peers are told of it.
    fn bgp(&self) -> Option<&BgpAnnouncement>;
}

impl Routed for VipAnnouncement {
    fn traffic_policy(&self) -> TrafficPolicy {
        self.traffic_policy
    }

    fn bgp(&self) -> Option<&BgpAnnouncement> {
        self.bgp.as_ref()
    }
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

/// What follows, kept from one change of VIPs to the next.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    routes: Routes,
}

impl Ledger {
    /// Takes everything anew.
    pub fn all<'a, V: Routed + 'a, E: Fn(&V) -> Option<u32>>(
        &mut self,
        input: &Input<'_, E>,
        vips: impl IntoIterator<Item = (IpAddr, &'a V)>,
    ) {
        let rules = Rules::of(input.objects, input.labels);
        let peers = peers(input.objects, input.labels, &mut Vec::new());
        self.routes = Routes::new(rules, peers.keys().map(String::as_str));
        self.some(input, vips.into_iter().map(|(address, vip)| (address, Some(vip))));
    }

    /// Takes what may have changed of these VIPs, or of what serves them; `None`: one is no more. All else of `input` is as it
    /// was when everything was taken.
    pub fn some<'a, V: Routed + 'a, E: Fn(&V) -> Option<u32>>(
        &mut self,
        input: &Input<'_, E>,
        vips: impl IntoIterator<Item = (IpAddr, Option<&'a V>)>,
    ) {
        if !input.leaving.is_empty() {
            return;
        }
        for (address, vip) in vips {
            let telling = vip.and_then(|vip| {
                let by = self.routes.rules.tell(input.node, vip);
                if by.is_empty() {
                    return None;
                }
                Some(Telling { policy: vip.traffic_policy(), endpoints: (input.serving)(vip)?, by })
            });
            self.routes.set(address, telling);
        }
    }

    /// What follows.
    pub fn desired<E>(&self, input: &Input<'_, E>) -> BgpDesired {
        let Input { labels, leaving, settled, objects, .. } = input;
        let mut problems: Vec<String> = objects.problems().collect();
        let peers = peers(objects, labels, &mut problems);
        BgpDesired {
            peers,
            routes: self.routes.tables(),
            aggregates: self.routes.aggregates(),
            leaving: (*leaving).to_owned(),
            settled: *settled,
            problems,
        }
    }
}

/// What follows from all this for the VIPs.
pub fn desired<'a, V: Routed + 'a, E: Fn(&V) -> Option<u32>>(
    input: &Input<'_, E>,
    vips: impl IntoIterator<Item = (IpAddr, &'a V)>,
) -> BgpDesired {
    let mut kept = Ledger::default();
    kept.all(input, vips);
    kept.desired(input)
}

/// For which VIPs and by which advertisements each peer is told of each prefix of [`desired`], by the peer's name.
pub fn sources<'a, V: Routed + 'a, E: Fn(&V) -> Option<u32>>(
    input: &Input<'_, E>,
    vips: impl IntoIterator<Item = (IpAddr, &'a V)>,
) -> BTreeMap<String, BTreeMap<IpNet, Source>> {
    let mut kept = Ledger::default();
    kept.all(input, vips);
    kept.routes.sources()
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn aggregates_are_withheld_and_single_addresses_are_not() {
        let prefixes = ["192.0.2.0/28", "192.0.2.1/32", "2001:db8::/64"].map(|text| text.parse().unwrap());
        let table: Table = prefixes.into_iter().map(|prefix| (prefix, Arc::default())).collect();
        let mut desired = BgpDesired {
            routes: BTreeMap::from([("one".to_owned(), table.clone()), ("other".to_owned(), table)]),
            aggregates: BTreeSet::from([prefixes[0], prefixes[2]]),
            ..BgpDesired::default()
        };
        desired.withhold_aggregates();
        assert!(desired.aggregates.is_empty());
        for told in desired.routes.values() {
            assert_eq!(told.iter().map(|(prefix, _)| *prefix).collect::<Vec<_>>(), [prefixes[1]]);
        }
    }
}
