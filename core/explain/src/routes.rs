//! Which BGP peers are told of an address, by which nodes, and why others do not.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_model::{NodeName, TrafficPolicy};

use crate::{
    between::{Between, Link, links, named, telling},
    facts::{Announcement, Facts, Known},
    fate::{Fate, fates},
    routing::Routing,
};

/// What is so of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Routes {
    /// Who tells whom, and who does not and why, a line for all nodes of which the same is so.
    pub(crate) lines: Vec<String>,
    /// Why no peer is told, if that is so: the reason as the condition gives it, a sentence, what to do.
    pub(crate) problem: Option<(&'static str, String, &'static str)>,
    /// Whether the sessions are known, so that no problem means that there is none.
    pub(crate) is_known: bool,
}

/// What is so of an address of which the speakers were told this; `None` if no advertisement tells of it, or if that is not known.
pub(crate) fn routes(facts: &Facts, announcement: &Announcement) -> Option<Routes> {
    let Some(Known::Known(routing)) = &facts.routing else { return None };
    if announcement.routed_by.is_empty() {
        return None;
    }
    let fates = fates(routing, announcement)?;
    let speakers = facts.speakers.known();
    let links = links(&fates, speakers);
    let names: Vec<&str> = announcement.routed_by.iter().map(|by| by.name.as_str()).collect();
    let mut lines = telling(&links);
    lines.extend(silent(&fates, &names.join(", "), announcement.traffic_policy));
    let problem = problem(routing, announcement, &fates, &links, &names.join(", "));
    if problem.is_none() {
        lines.extend(untold(routing, announcement, &links));
    }
    let is_known = links.iter().all(|link| link.between != Between::Unknown);
    Some(Routes { lines, problem, is_known })
}

/// Who tells nobody, and why.
fn silent(fates: &BTreeMap<NodeName, Fate>, names: &str, policy: TrafficPolicy) -> Vec<String> {
    let mut groups = BTreeMap::<&Fate, Vec<&str>>::new();
    for (node, fate) in fates {
        groups.entry(fate).or_default().push(node.as_str());
    }
    let lines = groups.into_iter().filter_map(|(fate, nodes)| {
        let why = match (fate, policy) {
            (Fate::Tells(_), _) => return None,
            (Fate::Leaving(why), _) => why.clone(),
            (Fate::NoEndpoint, TrafficPolicy::Cluster) => "no endpoint of the Service is ready".into(),
            (Fate::NoEndpoint, TrafficPolicy::Local) => {
                "no endpoint is ready on the node (externalTrafficPolicy Local)".into()
            }
            (Fate::NoPeer, _) => format!("no BGPPeer of BGPAdvertisement {names} selects the node"),
            (Fate::Limited, _) => format!("left out by maxNodes of BGPAdvertisement {names}"),
            (Fate::NotSelected, _) => format!("not selected by BGPAdvertisement {names}"),
        };
        let tell = if nodes.len() > 1 { "tell" } else { "tells" };
        Some(format!("{} {tell} nobody: {why}", named(&nodes)))
    });
    lines.collect()
}

/// The peers that no node tells though advertisements are for them, where others are told.
fn untold(routing: &Routing, announcement: &Announcement, links: &[Link]) -> Option<String> {
    let by = || announcement.routed_by.iter().filter_map(|by| routing.advertisements.get(&by.name));
    let meant = routing.peers.keys().filter(|peer| by().any(|one| one.tells(peer)));
    let hears = |peer: &&String| {
        links.iter().any(|link| link.peer == **peer && !matches!(link.between, Between::Not(_)))
    };
    let untold: Vec<&str> = meant.filter(|peer| !hears(peer)).map(String::as_str).collect();
    (!untold.is_empty()).then(|| format!("no node tells {}", untold.join(", ")))
}

/// Why no peer is told, if that is so.
fn problem(
    routing: &Routing,
    announcement: &Announcement,
    fates: &BTreeMap<NodeName, Fate>,
    links: &[Link],
    names: &str,
) -> Option<(&'static str, String, &'static str)> {
    let any = |is: fn(&Fate) -> bool| fates.values().any(is);
    if any(|fate| matches!(fate, Fate::Tells(_))) {
        let not = links.iter().map(|link| match &link.between {
            Between::Not(why) => Some((&link.node, &link.peer, why)),
            Between::Told | Between::ToldWithoutPath(_) | Between::Unknown => None,
        });
        let not: Vec<_> = not.collect::<Option<_>>()?;
        let (node, peer, why) = not.first()?;
        return Some((
            "NoSession",
            format!("no session to a BGP peer is established; of node {node} with {peer}: {why}"),
            "kubectl ferrolb bgp peers  (every session and its last error)",
        ));
    }
    if any(|fate| matches!(fate, Fate::NoEndpoint)) {
        let ready = announcement.services.iter().filter_map(|id| routing.endpoints.get(id));
        let why = match ready.into_iter().any(|set| set.ready_anywhere) {
            true => {
                "no node that announces has a ready endpoint of the Service (externalTrafficPolicy Local)"
            }
            false => "no endpoint of the Service is ready",
        };
        let advice = "look at the Service's pods: kubectl get endpointslices shows which are ready";
        return Some(("NoReadyEndpoint", format!("{why}, so its route is withdrawn"), advice));
    }
    if any(|fate| matches!(fate, Fate::Leaving(_))) {
        let why =
            "every node that could tell a BGP peer is about to be taken away, or is to announce nothing";
        return Some(("NoEligibleNode", why.into(), "kubectl get nodes --show-labels"));
    }
    let why = match routing.peers.is_empty() {
        true => "there is no BGPPeer, so nobody is told of it".into(),
        false => format!("no node that BGPAdvertisement {names} selects has a BGPPeer of it"),
    };
    Some(("NoPeer", why, "kubectl get bgpadvertisements.ferrolb.io,bgppeers.ferrolb.io -o yaml"))
}

/// Lines of several addresses, in which those of which the same is so stand together.
pub(crate) fn together(all: Vec<(IpAddr, Vec<String>)>) -> Vec<String> {
    let mut groups: Vec<(Vec<String>, Vec<String>)> = Vec::new();
    for (address, lines) in all {
        match groups.iter_mut().find(|(_, known)| *known == lines) {
            Some((addresses, _)) => addresses.push(address.to_string()),
            None => groups.push((vec![address.to_string()], lines)),
        }
    }
    let of = |(addresses, lines): (Vec<String>, Vec<String>)| {
        let addresses = addresses.join(", ");
        lines.into_iter().map(move |line| format!("{addresses}: {line}")).collect::<Vec<_>>()
    };
    groups.into_iter().flat_map(of).collect()
}

/// Peers that the advertisements of these name and that do not exist, each after its advertisement.
pub(crate) fn unknown_peers<'a>(
    routing: &'a Routing,
    announcements: impl IntoIterator<Item = &'a Announcement>,
) -> BTreeSet<(&'a str, &'a str)> {
    let by = announcements.into_iter().flat_map(|one| &one.routed_by);
    let used = by.filter_map(|by| routing.advertisements.get(&by.name));
    let named = used.flat_map(|one| one.peers.iter().map(|peer| (one.name.as_str(), peer.as_str())));
    named.filter(|(_, peer)| !routing.peers.contains_key(*peer)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_which_the_same_is_so_stand_together() {
        let lines = |text: &str| vec![text.to_owned()];
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let all = vec![
            (ip("192.0.2.1"), lines("n1 tells tor")),
            (ip("192.0.2.2"), lines("n2 tells tor")),
            (ip("2001:db8::1"), lines("n1 tells tor")),
        ];
        assert_eq!(together(all), ["192.0.2.1, 2001:db8::1: n1 tells tor", "192.0.2.2: n2 tells tor"]);
    }
}
