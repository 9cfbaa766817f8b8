//! Whether the speakers were told of the addresses.

use std::net::IpAddr;

use ferrolb_model::NodeName;

use crate::{
    Link, LinkKind, Reason, State,
    facts::{Announcement, Condition, Facts, Known, Subject},
    routed::{advertised, scopes},
    routes::unknown_peers,
    routing::Routing,
};

pub(crate) fn link(facts: &Facts, subject: &Subject, addresses: &[IpAddr]) -> Link {
    let announcements = match &facts.announcements {
        Known::Known(announcements) => announcements,
        Known::Unknown(why) => {
            return Link::new(
                LinkKind::Plan,
                State::Unknown,
                format!("AnnouncementSlices could not be read: {why}"),
            );
        }
    };
    let missing: Vec<String> = addresses
        .iter()
        .filter(|address| !announcements.contains_key(address))
        .map(ToString::to_string)
        .collect();
    let told: Vec<(&IpAddr, &Announcement)> =
        addresses.iter().filter_map(|address| Some((address, announcements.get(address)?))).collect();
    let mut details: Vec<String> = told.iter().map(|(address, told)| line(**address, told)).collect();
    let routing = facts.routing.as_ref().and_then(Known::known);
    let told = || told.iter().map(|(_, told)| *told);
    details.extend(routing.map(|routing| advertised(routing, told())).unwrap_or_default());
    if let Some((sentence, advice)) = routing.and_then(|routing| unknown_peer(routing, told())) {
        return Link::new(LinkKind::Plan, State::Broken, sentence)
            .reason(Reason::UnknownPeer)
            .details(details)
            .advice(advice);
    }
    if missing.is_empty() {
        let answered = |address: &IpAddr| {
            announcements.get(address).is_some_and(|told| told.routed_by.is_empty() || !told.nodes.is_empty())
        };
        let sentence = match addresses.iter().all(answered) {
            true => "the speakers were told who may answer",
            false => "the speakers were told what to tell BGP peers",
        };
        return Link::new(LinkKind::Plan, State::Ok, sentence).details(details);
    }
    let missing = missing.join(" and ");
    match &subject.announced {
        Some(Condition { status: false, reason, message }) if is_decided(reason) => {
            if reason == "NoAdvertisement" {
                details.extend(routing.map(scopes).unwrap_or_default());
            }
            Link::new(LinkKind::Plan, State::Broken, message.clone())
                .reason(reason.clone())
                .details(details)
                .advice(advice(reason))
        }
        _ => Link::new(LinkKind::Plan, State::Waiting, format!("no AnnouncementSlice names {missing} yet"))
            .details(details)
            .advice("ask again in a second; the controller writes slices soon after an address"),
    }
}

/// Who was told of the address, and where.
fn line(address: IpAddr, told: &Announcement) -> String {
    let nodes: Vec<&str> = told.nodes.iter().map(NodeName::as_str).collect();
    let by: Vec<&str> = told.routed_by.iter().map(|by| by.name.as_str()).collect();
    let of = match (nodes.as_slice(), by.as_slice()) {
        ([], []) => "no candidates".to_owned(),
        ([], by) => format!("by BGP ({})", by.join(", ")),
        (nodes, []) => format!("candidates {}", nodes.join(", ")),
        (nodes, by) => format!("candidates {}, and by BGP ({})", nodes.join(", "), by.join(", ")),
    };
    format!("{address}: {of} (AnnouncementSlice {})", told.slice)
}

/// What is wrong with the peers that advertisements name, and what to do.
fn unknown_peer<'a>(
    routing: &'a Routing,
    announcements: impl Iterator<Item = &'a Announcement>,
) -> Option<(String, &'static str)> {
    let unknown = unknown_peers(routing, announcements);
    if unknown.is_empty() {
        return None;
    }
    let names = unknown.iter().map(|(by, peer)| format!("BGPAdvertisement {by} names BGPPeer {peer}"));
    let known: Vec<&str> = routing.peers.keys().map(String::as_str).collect();
    let known = match known.as_slice() {
        [] => "there is no BGPPeer at all".to_owned(),
        [one] => format!("there is only {one}"),
        some => format!("there are {}", some.join(", ")),
    };
    let sentence = format!("{}, which does not exist; {known}", names.collect::<Vec<_>>().join(" and "));
    Some((sentence, "create the BGPPeer, or mend spec.peers: kubectl edit bgpadvertisements.ferrolb.io"))
}

/// Whether the reason of `Announced` says that nobody is to be told.
fn is_decided(reason: &str) -> bool {
    matches!(reason, "NoAdvertisement" | "NoEligibleNode")
}

fn advice(reason: &str) -> &'static str {
    match reason {
        "NoAdvertisement" => "kubectl get l2advertisements.ferrolb.io,bgpadvertisements.ferrolb.io -o yaml",
        _ => "kubectl get nodes --show-labels; kubectl get l2advertisements.ferrolb.io -o yaml",
    }
}
