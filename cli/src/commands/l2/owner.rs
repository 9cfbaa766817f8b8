//! Who answers for a VIP, as far as the speakers' reports tell.
//!
//! A speaker lists only what is not as planned, so a VIP's owner is its first candidate unless somebody says otherwise; and
//! that counts only once the first candidate has reported that it knows the plan. A dead speaker's last report stays: of two
//! that both claim a VIP the later report is right, because whoever takes a VIP over reports it. The controller's condition
//! `Announced` follows the same rule.

use std::net::IpAddr;

use ferrolb_api::{Exception, ExceptionKind, SpeakerState, SpeakerStateStatus, VipAnnouncement};
use jiff::Timestamp;
use serde::Serialize;

/// Who answers for a VIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ownership {
    pub(crate) state: State,
    /// The node that answers, if one is known to.
    pub(crate) node: Option<String>,
    /// Where it answers; several if it does on several.
    pub(crate) interfaces: Vec<String>,
    /// Since when it is not as planned; speakers date nothing else.
    pub(crate) since: Option<Timestamp>,
    /// The ballot's term, where it is not as planned.
    pub(crate) term: Option<i64>,
    /// Why, a sentence.
    pub(crate) why: String,
    /// Other hosts that use the address, a sentence each.
    pub(crate) duplicates: Vec<String>,
}

/// How a VIP's owner stands to the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum State {
    /// The first candidate answers.
    AsPlanned,
    /// Another node answers.
    Taken,
    /// The first candidate does not answer, and no other node says that it does.
    Missing,
    /// The first candidate has not said yet.
    Unreported,
    /// The plan names no candidate for layer 2.
    NotPlanned,
}

/// Who answers for the VIP, which is in a slice of this resourceVersion.
pub(crate) fn owner(vip: &VipAnnouncement, slice_version: &str, speakers: &[SpeakerState]) -> Ownership {
    let mut ownership = undecided(vip, slice_version, speakers);
    ownership.duplicates = of_kind(vip, speakers, ExceptionKind::Duplicate)
        .map(|(speaker, exception)| format!("node {}: {}", name(speaker), exception.reason))
        .collect();
    ownership
}

fn undecided(vip: &VipAnnouncement, slice_version: &str, speakers: &[SpeakerState]) -> Ownership {
    let candidates = vip.layer2.as_ref().map(|layer2| layer2.nodes.as_slice()).unwrap_or_default();
    let Some(first) = candidates.first() else {
        return nobody(State::NotPlanned, None, "the plan names no candidate for it on layer 2".into());
    };
    let mut reported = speakers.iter().filter(|speaker| name(speaker) == first);
    let reported = reported.find_map(|speaker| Some((speaker, speaker.status.as_ref()?)));
    let planned = first_candidate(vip, first, slice_version, reported);
    let taken = of_kind(vip, speakers, ExceptionKind::Taken)
        .reduce(|one, other| if is_newer(version(other.0), version(one.0)) { other } else { one });
    match (planned, taken, reported) {
        // Whoever reported last is right.
        (Ok(planned), Some((speaker, _)), Some((own, _))) if is_newer(version(own), version(speaker)) => {
            planned
        }
        (_, Some((speaker, exception)), _) => {
            let own = of_kind(vip, speakers, ExceptionKind::Taken)
                .filter(|(other, _)| name(other) == name(speaker))
                .map(|(_, exception)| exception.interface.clone());
            Ownership {
                state: State::Taken,
                node: Some(name(speaker).to_owned()),
                interfaces: own.collect(),
                since: Some(exception.since),
                term: Some(exception.term),
                why: exception.reason.clone(),
                duplicates: Vec::new(),
            }
        }
        (Ok(planned), None, _) => planned,
        (Err(why_not), None, _) => *why_not,
    }
}

/// What follows from the first candidate's report alone.
fn first_candidate(
    vip: &VipAnnouncement,
    first: &str,
    slice_version: &str,
    reported: Option<(&SpeakerState, &SpeakerStateStatus)>,
) -> Result<Ownership, Box<Ownership>> {
    let refuse = |state, exception, why| Err(Box::new(nobody(state, exception, why)));
    let Some((_, status)) = reported else {
        return refuse(
            State::Unreported,
            None,
            format!("{first}, the first candidate, has not reported yet"),
        );
    };
    let mut own = status.exceptions.iter().filter(|exception| exception.ip == vip.ip);
    if let Some(missing) = own.find(|exception| exception.kind == ExceptionKind::Missing) {
        let why = format!("{first}, the first candidate, does not answer: {}", missing.reason);
        return refuse(State::Missing, Some(missing), why);
    }
    if is_newer(slice_version, &status.configuration.revision) {
        let why = format!("{first}, the first candidate, has not reported yet that it knows this plan");
        return refuse(State::Unreported, None, why);
    }
    if status.truncated {
        let why = format!("{first}, the first candidate, has more to report than a SpeakerState holds");
        return refuse(State::Unreported, None, why);
    }
    let address: Option<IpAddr> = vip.ip.parse().ok();
    let holds = |network: &String| {
        let network: Option<ipnet::IpNet> = network.parse().ok();
        network.zip(address).is_some_and(|(network, address)| network.contains(&address))
    };
    let interface = status.interfaces.iter().find(|interface| interface.addresses.iter().any(holds));
    Ok(Ownership {
        state: State::AsPlanned,
        node: Some(first.to_owned()),
        interfaces: interface.map(|interface| interface.name.clone()).into_iter().collect(),
        since: None,
        term: None,
        why: "it is the first candidate".into(),
        duplicates: Vec::new(),
    })
}

fn nobody(state: State, exception: Option<&Exception>, why: String) -> Ownership {
    Ownership {
        state,
        node: None,
        interfaces: Vec::new(),
        since: exception.map(|exception| exception.since),
        term: exception.map(|exception| exception.term),
        why,
        duplicates: Vec::new(),
    }
}

fn of_kind<'a>(
    vip: &'a VipAnnouncement,
    speakers: &'a [SpeakerState],
    kind: ExceptionKind,
) -> impl Iterator<Item = (&'a SpeakerState, &'a Exception)> {
    speakers.iter().flat_map(move |speaker| {
        let exceptions = speaker.status.iter().flat_map(|status| &status.exceptions);
        let about = exceptions.filter(move |one| one.ip == vip.ip && one.kind == kind);
        about.map(move |exception| (speaker, exception))
    })
}

/// The node's name.
pub(crate) fn name(speaker: &SpeakerState) -> &str {
    speaker.metadata.name.as_deref().unwrap_or_default()
}

fn version(speaker: &SpeakerState) -> &str {
    speaker.metadata.resource_version.as_deref().unwrap_or_default()
}

/// Whether one resourceVersion is newer than another: they are numbers that grow (KEP-5504). What is no number is taken for
/// newer than anything else.
fn is_newer(candidate: &str, known: &str) -> bool {
    match (candidate.parse::<u128>(), known.parse::<u128>()) {
        (Ok(candidate), Ok(known)) => candidate > known,
        (Ok(_) | Err(_), _) => candidate != known,
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_api::{Configuration, Interface, Layer2Announcement, SpeakerStateSpec};

    use super::*;

    const VIP: &str = "192.0.2.128";

    fn vip(nodes: &[&str]) -> VipAnnouncement {
        let nodes = nodes.iter().map(ToString::to_string).collect();
        VipAnnouncement {
            ip: VIP.into(),
            pool: "lan".into(),
            services: Vec::new(),
            traffic_policy: ferrolb_api::TrafficPolicy::Cluster,
            bgp: None,
            layer2: Some(Layer2Announcement { nodes, ..Layer2Announcement::default() }),
        }
    }

    fn speaker(name: &str, version: u32, knows: &str, exceptions: &[ExceptionKind]) -> SpeakerState {
        let mut state = SpeakerState::new(name, SpeakerStateSpec {});
        state.metadata.resource_version = Some(version.to_string());
        let exceptions = exceptions.iter().map(|kind| Exception {
            ip: VIP.into(),
            interface: "eth9".into(),
            kind: *kind,
            term: 4,
            since: "2026-11-22T12:00:00Z".parse().unwrap(),
            reason: "so it is".into(),
        });
        state.status = Some(SpeakerStateStatus {
            exceptions: exceptions.collect(),
            interfaces: vec![Interface {
                name: "eth0".into(),
                addresses: vec!["192.0.2.11/24".into()],
                carrier: true,
                segment: None,
            }],
            configuration: Configuration { revision: knows.into(), ..Configuration::default() },
            ..SpeakerStateStatus::default()
        });
        state
    }

    fn told(speakers: &[SpeakerState]) -> Ownership {
        owner(&vip(&["n1", "n2"]), "10", speakers)
    }

    #[test]
    fn the_first_candidate_answers_once_it_knows_the_plan() {
        assert_eq!(told(&[]).state, State::Unreported);
        let late = told(&[speaker("n1", 20, "9", &[])]);
        assert_eq!((late.state, late.node), (State::Unreported, None));
        let planned = told(&[speaker("n1", 21, "10", &[]), speaker("n2", 5, "10", &[])]);
        assert_eq!((planned.state, planned.node.as_deref()), (State::AsPlanned, Some("n1")));
        assert_eq!((planned.interfaces, planned.since), (vec!["eth0".to_owned()], None));
        let mut crowded = speaker("n1", 22, "10", &[]);
        crowded.status.as_mut().unwrap().truncated = true;
        assert_eq!(told(&[crowded]).state, State::Unreported, "what is not listed may be so or not");
        assert_eq!(owner(&vip(&[]), "10", &[speaker("n1", 21, "10", &[])]).state, State::NotPlanned);
    }

    #[test]
    fn who_took_it_over_is_named_with_term_and_date() {
        let missing = || speaker("n1", 22, "10", &[ExceptionKind::Missing]);
        let nobody = told(&[missing()]);
        assert_eq!((nobody.state, nobody.node, nobody.term), (State::Missing, None, Some(4)));
        assert_eq!(nobody.why, "n1, the first candidate, does not answer: so it is");
        let taken = told(&[missing(), speaker("n2", 21, "10", &[ExceptionKind::Taken])]);
        assert_eq!((taken.state, taken.node.as_deref()), (State::Taken, Some("n2")));
        assert_eq!(taken.interfaces, ["eth9"]);
        assert_eq!(taken.since.map(|since| since.to_string()).as_deref(), Some("2026-11-22T12:00:00Z"));
    }

    #[test]
    fn the_later_report_is_right_whoever_is_dead() {
        let dead = told(&[speaker("n1", 20, "10", &[]), speaker("n2", 21, "10", &[ExceptionKind::Taken])]);
        assert_eq!(dead.node.as_deref(), Some("n2"), "n1 died and says nothing any more");
        let back = told(&[speaker("n1", 22, "10", &[]), speaker("n2", 21, "10", &[ExceptionKind::Taken])]);
        assert_eq!((back.node.as_deref(), back.state), (Some("n1"), State::AsPlanned), "n2 died");
        let third = told(&[
            speaker("n3", 24, "10", &[ExceptionKind::Taken]),
            speaker("n2", 21, "10", &[ExceptionKind::Taken]),
        ]);
        assert_eq!(third.node.as_deref(), Some("n3"));
    }

    #[test]
    fn another_host_is_told_beside_the_owner() {
        let doubled = told(&[speaker("n1", 20, "10", &[ExceptionKind::Duplicate])]);
        assert_eq!(doubled.node.as_deref(), Some("n1"));
        assert_eq!(doubled.duplicates, ["node n1: so it is"]);
    }
}
