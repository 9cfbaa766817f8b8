//! Whether the speakers that may answer for an address hear each other.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_model::NodeName;

use crate::{
    Reason,
    facts::{ExceptionKind, Hearing, Speaker},
};

type Speakers = BTreeMap<NodeName, Speaker>;

/// What candidates of the VIP do not hear of each other.
pub(crate) fn unheard(speakers: &Speakers, address: IpAddr, candidates: &[NodeName]) -> Vec<String> {
    let mut told = Vec::new();
    let alone: Vec<&str> =
        candidates.iter().filter(|node| is_isolated(speakers, node, address)).map(NodeName::as_str).collect();
    if !alone.is_empty() {
        told.push(format!(
            "{address}: on {} no other speaker was ever heard, though a gateway answers: isolated ports, or no other speaker runs; \
             the address is left to its first candidate",
            alone.join(", ")
        ));
    }
    for node in candidates {
        for heard in hearing(speakers, node, address) {
            let filtered: Vec<&str> =
                heard.filtered.iter().filter(|one| candidates.contains(one)).map(NodeName::as_str).collect();
            if !filtered.is_empty() {
                told.push(format!(
                    "{address}: node {node} gets no heartbeats of {} on {}, though it gets answers: a switch filters multicast",
                    filtered.join(", "),
                    heard.interface.name
                ));
            }
        }
    }
    told
}

/// The first candidate's speaker is down, and the others leave the VIP to it.
pub(crate) fn left_to_nobody(
    speakers: &Speakers,
    address: IpAddr,
    candidates: &[NodeName],
) -> Option<(Reason, String, String)> {
    let is_ready = |node: &&NodeName| speakers.get(node).is_some_and(|speaker| speaker.ready == Some(true));
    let first = candidates.first().filter(|first| !is_ready(first))?;
    let ready: Vec<&NodeName> = candidates.iter().filter(is_ready).collect();
    let took_it = |node: &&NodeName| {
        let report = speakers.get(node).and_then(|speaker| speaker.report.as_ref());
        let mut exceptions = report.into_iter().flat_map(|report| &report.exceptions);
        exceptions.any(|(ip, kind, _)| *ip == address && *kind == ExceptionKind::Taken)
    };
    let waits = |node: &&NodeName| is_isolated(speakers, node, address) && !took_it(node);
    (!ready.is_empty() && ready.iter().all(waits)).then(|| {
        let names: Vec<&str> = ready.iter().map(|node| node.as_str()).collect();
        (
            Reason::SegmentIsolated,
            format!(
                "the speaker on {first}, the first candidate of {address}, is not ready, and the others ({}) hear no speaker, so \
                 they leave the address to it until a client has asked in vain",
                names.join(", ")
            ),
            format!("mend the speaker on {first}, and let the nodes' ports exchange frames"),
        )
    })
}

fn is_isolated(speakers: &Speakers, node: &NodeName, address: IpAddr) -> bool {
    hearing(speakers, node, address).any(|hearing| hearing.isolated)
}

/// What the node's speaker hears where the address is: on the interfaces whose networks hold it; on any, if none does.
fn hearing<'a>(
    speakers: &'a Speakers,
    node: &NodeName,
    address: IpAddr,
) -> impl Iterator<Item = &'a Hearing> + use<'a> {
    let report = speakers.get(node).and_then(|speaker| speaker.report.as_ref());
    let all = report.map(|report| report.hearing.as_slice()).unwrap_or_default();
    let holds = move |one: &&Hearing| one.interface.networks.iter().any(|network| network.contains(&address));
    let any = all.iter().any(|one| holds(&one));
    all.iter().filter(move |one| !any || holds(one))
}
