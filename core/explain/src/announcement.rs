//! Whether a speaker answers for the addresses.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_model::NodeName;

use crate::{
    Link, LinkKind, Reason, State,
    facts::{Announcement, Condition, ExceptionKind, Facts, Known, Speaker, Subject},
    routed::Routed,
    segment,
};

pub(crate) fn link(facts: &Facts, subject: &Subject, addresses: &[IpAddr]) -> Link {
    let told: Vec<(&IpAddr, &Announcement)> = match &facts.announcements {
        Known::Known(all) => {
            addresses.iter().filter_map(|address| Some((address, all.get(address)?))).collect()
        }
        Known::Unknown(_) => Vec::new(),
    };
    let link = |state, sentence: String| Link::new(LinkKind::Announcement, state, sentence);
    if told.is_empty() && facts.announcements.known().is_some() {
        return link(State::Waiting, "it waits for the plan".into());
    }
    let mut details = Vec::new();
    let mut broken: Option<(String, String, String)> = None;
    match &facts.speakers {
        Known::Known(speakers) => {
            for (address, announcement) in &told {
                details.extend(exceptions(speakers, **address));
                details.extend(segment::unheard(speakers, **address, &announcement.nodes));
                broken = broken.or_else(|| {
                    let (reason, why, advice) = problem(speakers, **address, announcement)?;
                    Some((reason.into(), why, advice))
                });
            }
        }
        Known::Unknown(why) => details.push(format!("the speakers could not be read: {why}")),
    }
    let routed = Routed::of(facts, &told);
    details.extend(routed.details);
    broken = broken.or(routed.problem);
    if let Some((reason, sentence, advice)) = broken {
        return link(State::Broken, sentence).reason(reason).details(details).advice(advice);
    }
    if let Some(Condition { status: false, reason, message }) = &subject.announced
        && !routed.is_known
        && let Some(advice) = advice_on_routes(reason)
    {
        return link(State::Broken, message.clone()).reason(reason.clone()).details(details).advice(advice);
    }
    match &subject.announced {
        Some(Condition { status: true, reason, message }) => {
            let what = if reason == "BGP" { "BGP peers are told" } else { "speakers answer" };
            link(State::Ok, format!("{what}: {message}")).details(details)
        }
        Some(Condition { status: false, reason, message }) if reason == "Pending" => {
            link(State::Broken, message.clone())
                .reason(reason.clone())
                .details(details)
                .advice("kubectl -n ferrolb-system get pods -l app.kubernetes.io/component=speaker -o wide")
        }
        Some(Condition { status: false, reason, message })
            if reason == "Duplicate" && facts.speakers.known().is_none() =>
        {
            link(State::Broken, message.clone())
                .reason(reason.clone())
                .details(details)
                .advice("find that host and take the address from it, or exclude it in its pool")
        }
        // The plan says otherwise by now; the condition follows within a second or two.
        Some(Condition { status: false, reason, .. }) => {
            link(State::Waiting, format!("Announced is False ({reason}), which no longer holds: it follows"))
                .details(details)
        }
        None => link(State::Waiting, "no speaker has reported yet that it answers".into())
            .details(details)
            .advice("ask again in 5 s; by then the condition Announced says who answers, or why nobody does"),
    }
}

/// What to do about routes that peers are not told, if the reason of `Announced` is about these.
fn advice_on_routes(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "NoPeer" => "kubectl get bgpadvertisements.ferrolb.io,bgppeers.ferrolb.io -o yaml",
        "NoSession" => "kubectl ferrolb bgp peers  (every session and its last error)",
        "NoReadyEndpoint" => "look at the Service's pods: kubectl get endpointslices shows which are ready",
        _ => return None,
    })
}

/// What speakers report of the VIP that is not as planned.
fn exceptions(speakers: &BTreeMap<NodeName, Speaker>, address: IpAddr) -> Vec<String> {
    let of = |(node, speaker): (&NodeName, &Speaker)| -> Vec<String> {
        let exceptions = speaker.report.iter().flat_map(|report| &report.exceptions);
        exceptions
            .filter(|(ip, ..)| *ip == address)
            .map(|(ip, kind, reason)| {
                let what = match kind {
                    ExceptionKind::Taken => "answers though it is not the first candidate",
                    ExceptionKind::Missing => "is the first candidate and does not answer",
                    ExceptionKind::Duplicate => "hears another host answer",
                };
                format!("{ip}: node {node} {what}: {reason}")
            })
            .collect()
    };
    speakers.iter().flat_map(of).collect()
}

/// What keeps the VIP from being answered, or from being answered by one host only.
fn problem(
    speakers: &BTreeMap<NodeName, Speaker>,
    address: IpAddr,
    announcement: &Announcement,
) -> Option<(Reason, String, String)> {
    let duplicate = speakers.iter().find_map(|(node, speaker)| {
        let exceptions = &speaker.report.as_ref()?.exceptions;
        exceptions
            .iter()
            .find(|(ip, kind, _)| *ip == address && *kind == ExceptionKind::Duplicate)
            .map(|(_, _, reason)| (node, reason))
    });
    if let Some((node, reason)) = duplicate {
        return Some((
            Reason::Duplicate,
            format!("another host on the segment answers for {address}, says node {node}: {reason}"),
            format!("find that host and take {address} from it, or exclude the address in its pool"),
        ));
    }
    let candidates: Vec<&str> = announcement.nodes.iter().map(NodeName::as_str).collect();
    let is_down = |node: &NodeName| speakers.get(node).is_none_or(|speaker| speaker.ready != Some(true));
    if !candidates.is_empty() && announcement.nodes.iter().all(is_down) {
        return Some((
            Reason::NoSpeaker,
            format!("no speaker is ready on any candidate of {address}: {}", candidates.join(", ")),
            "kubectl -n ferrolb-system get pods -l app.kubernetes.io/component=speaker -o wide".into(),
        ));
    }
    segment::left_to_nobody(speakers, address, &announcement.nodes)
}
