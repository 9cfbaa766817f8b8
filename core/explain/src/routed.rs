//! What the links of the chain say of BGP.

use std::net::IpAddr;

use ferrolb_model::{BgpAdvertisement, NodeName, Selector};

use crate::{
    facts::{Announcement, Facts, Known},
    routes::{routes, together},
    routing::{RoutedBy, Routing},
};

/// What is said of the addresses of a Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Routed {
    /// Who tells whom, and who does not and why.
    pub(crate) details: Vec<String>,
    /// Why an address that is announced by BGP alone is told to no peer: the reason, a sentence, what to do.
    pub(crate) problem: Option<(String, String, String)>,
    /// Whether all of it was found out, so that no condition need be believed.
    pub(crate) is_known: bool,
}

impl Routed {
    /// Of these addresses, as the speakers were told of them.
    pub(crate) fn of(facts: &Facts, told: &[(&IpAddr, &Announcement)]) -> Self {
        let mut routed = Self { is_known: true, ..Self::default() };
        let mut lines = Vec::new();
        for (address, announcement) in told.iter().filter(|(_, one)| !one.routed_by.is_empty()) {
            let Some(mut routes) = routes(facts, announcement) else {
                routed.is_known = false;
                continue;
            };
            routed.is_known &= routes.is_known;
            match routes.problem {
                Some((reason, why, advice)) if announcement.nodes.is_empty() => {
                    routed
                        .problem
                        .get_or_insert_with(|| (reason.into(), format!("{address}: {why}"), advice.into()));
                }
                // Speakers answer for it, which is what the condition says too.
                Some((_, why, _)) => routes.lines.push(format!("not by BGP: {why}")),
                None => {}
            }
            lines.push((**address, routes.lines));
        }
        routed.details = together(lines);
        let any = told.iter().any(|(_, one)| !one.routed_by.is_empty());
        if let (true, Some(Known::Unknown(why))) = (any, &facts.routing) {
            routed.details.push(format!("what nodes should tell BGP peers could not be read: {why}"));
        }
        routed
    }
}

/// By which advertisements peers are told of the addresses: what each of them says, once.
pub(crate) fn advertised<'a>(
    routing: &Routing,
    announcements: impl IntoIterator<Item = &'a Announcement>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for by in announcements.into_iter().flat_map(|one| &one.routed_by) {
        let line = advertisement(routing, by);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines
}

fn advertisement(routing: &Routing, by: &RoutedBy) -> String {
    let RoutedBy { name, nodes } = by;
    if let Some(why) = routing.invalid_advertisements.get(name) {
        return format!(
            "BGPAdvertisement {name} cannot be used as it is, and speakers keep what they had of it: {why}"
        );
    }
    let Some(advertisement) = routing.advertisements.get(name) else {
        return format!("BGPAdvertisement {name} does not exist any more");
    };
    let known = || routing.peers.keys().map(String::as_str).collect::<Vec<_>>();
    let peers = match (advertisement.peers.as_slice(), routing.peers.is_empty()) {
        ([], true) => "every BGPPeer, of which there is none".to_owned(),
        ([], false) => format!("every BGPPeer ({})", known().join(", ")),
        (named, _) => named.join(", "),
    };
    let selected = match advertisement.node_selectors.as_slice() {
        [] => "every node".to_owned(),
        selectors => format!("nodes with {}", alternatives(selectors)),
    };
    let from = match (nodes, advertisement.max_nodes) {
        (Some(nodes), Some(most)) => {
            let nodes: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
            format!("{} (maxNodes {most}, of {selected})", nodes.join(", "))
        }
        (Some(_), None) | (None, _) => selected,
    };
    format!("BGPAdvertisement {name} tells {peers}, from {from}")
}

/// What every BGPAdvertisement is for, where none selects the Service.
pub(crate) fn scopes(routing: &Routing) -> Vec<String> {
    if routing.advertisements.is_empty() && routing.invalid_advertisements.is_empty() {
        return vec!["there is no BGPAdvertisement".into()];
    }
    let invalid = routing.invalid_advertisements.iter();
    let invalid = invalid.map(|(name, why)| format!("BGPAdvertisement {name} cannot be used: {why}"));
    let scope = |one: &BgpAdvertisement| {
        let named: Vec<&str> = one.pools.iter().map(ferrolb_model::PoolName::as_str).collect();
        let pools = match (named.join(", "), one.pool_selectors.as_slice()) {
            (names, []) if names.is_empty() => "every pool".to_owned(),
            (names, []) => format!("pool {names}"),
            (names, selectors) if names.is_empty() => format!("pools with {}", alternatives(selectors)),
            (names, selectors) => format!("pool {names} and those with {}", alternatives(selectors)),
        };
        let services = match one.service_selectors.as_slice() {
            [] => "every Service".to_owned(),
            selectors => format!("Services with {}", alternatives(selectors)),
        };
        format!("BGPAdvertisement {} is for {pools}, {services}", one.name)
    };
    routing.advertisements.values().map(scope).chain(invalid).collect()
}

fn alternatives(selectors: &[Selector]) -> String {
    selectors.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
