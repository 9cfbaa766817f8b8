//! Whether the speakers were told of the addresses.

use std::net::IpAddr;

use ferrolb_model::NodeName;

use crate::{
    Link, LinkKind, State,
    facts::{Condition, Facts, Known, Subject},
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
    let details = addresses
        .iter()
        .filter_map(|address| {
            let told = announcements.get(address)?;
            let nodes: Vec<&str> = told.nodes.iter().map(NodeName::as_str).collect();
            let of = match (nodes.as_slice(), told.routed_by.as_slice()) {
                ([], []) => "no candidates".to_owned(),
                ([], by) => format!("by BGP ({})", by.join(", ")),
                (nodes, []) => format!("candidates {}", nodes.join(", ")),
                (nodes, by) => format!("candidates {}, and by BGP ({})", nodes.join(", "), by.join(", ")),
            };
            Some(format!("{address}: {of} (AnnouncementSlice {})", told.slice))
        })
        .collect();
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

/// Whether the reason of `Announced` says that nobody is to be told.
fn is_decided(reason: &str) -> bool {
    matches!(reason, "NoAdvertisement" | "NoEligibleNode")
}

fn advice(reason: &str) -> &'static str {
    match reason {
        "NoAdvertisement" => "kubectl get l2advertisements.ferrolb.io -o yaml",
        _ => "kubectl get nodes --show-labels; kubectl get l2advertisements.ferrolb.io -o yaml",
    }
}
