//! From what the API server has to what chains are made from.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_api::{
    AnnouncementSlice, BfdSessionState, BgpSession, BgpSessionState, ExceptionKind as ApiException,
    SpeakerState, VipAnnouncement,
    condition::{ANNOUNCED, IP_ALLOCATED},
};
use ferrolb_explain::{
    Announcement, Condition, Controller, ExceptionKind, Facts, Hearing, Known, Report, RoutedBy, Session,
    SessionState, Speaker, Subject,
};
use ferrolb_model::{NodeName, ServiceId, TrafficPolicy};
use ferrolb_runtime::kinds;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

use crate::{
    cluster::Cluster,
    read::{Pod, ReadError},
    routing::Routing,
};

impl Cluster {
    /// Everything that chains are made from; with what says which nodes tell which BGP peers, if that is given.
    pub(crate) fn facts(&self, routing: Option<&Result<Routing, ReadError>>) -> Facts {
        let (snapshot, invalid_pools) = self.snapshot();
        Facts {
            now: self.now.as_second(),
            allocator: snapshot.allocator(),
            invalid_pools,
            default_class: self.default_class(),
            controller: match &self.lease {
                Ok(lease) => Known::Known(controller(lease.as_ref(), self.now)),
                Err(error) => Known::Unknown(error.to_string()),
            },
            announcements: known(&self.slices, |slices| announcements(slices)),
            speakers: match (&self.speakers, &self.pods) {
                (Ok(states), Ok(_)) => Known::Known(speakers(states, &self.pods_of("speaker"))),
                (Err(error), _) | (_, Err(error)) => Known::Unknown(error.to_string()),
            },
            routing: routing.map(|routing| known(routing, |routing| routing.facts(&self.nodes))),
        }
    }
}

/// A Service as it is explained.
pub(crate) fn subject(object: &kinds::Service) -> Subject {
    let condition = |name: &str| {
        let found = object.status.conditions.iter().find(|one| one.type_ == name)?;
        Some(Condition {
            status: found.status == "True",
            reason: found.reason.clone(),
            message: found.message.clone(),
        })
    };
    Subject {
        service: ferrolb_config::service(object),
        kind: object.spec.r#type.clone(),
        class: object.spec.load_balancer_class.clone(),
        allocated: condition(IP_ALLOCATED),
        announced: condition(ANNOUNCED),
    }
}

/// The controller as its lease shows it.
pub(crate) fn controller(lease: Option<&Lease>, now: Timestamp) -> Controller {
    let Some(spec) = lease.and_then(|lease| lease.spec.as_ref()) else { return Controller::Never };
    let holder = spec.holder_identity.clone().unwrap_or_default();
    if holder.is_empty() {
        return Controller::Released;
    }
    let renewed =
        spec.renew_time.as_ref().map_or(i64::MAX, |time| (now.as_second() - time.0.as_second()).max(0));
    let lasts = i64::from(spec.lease_duration_seconds.unwrap_or(DEFAULT_LEASE));
    if renewed > lasts {
        Controller::Lapsed { holder, renewed }
    } else {
        Controller::Leads { holder, renewed }
    }
}

/// How long a lease lasts that does not say so, in seconds.
const DEFAULT_LEASE: i32 = 15;

fn announcements(slices: &[AnnouncementSlice]) -> BTreeMap<IpAddr, Announcement> {
    let of = |slice: &AnnouncementSlice| {
        let name = slice.metadata.name.clone().unwrap_or_default();
        slice
            .spec
            .vips
            .clone()
            .into_iter()
            .filter_map(move |vip| Some((vip.ip.parse().ok()?, announcement(name.clone(), vip))))
    };
    slices.iter().flat_map(of).collect()
}

fn announcement(slice: String, vip: VipAnnouncement) -> Announcement {
    let nodes = |names: Vec<String>| names.into_iter().map(NodeName::from).collect();
    let routed_by = vip.bgp.into_iter().flat_map(|bgp| bgp.advertisements);
    let services = vip.services.into_iter().map(|one| ServiceId::new(one.namespace, one.name));
    Announcement {
        slice,
        nodes: vip.layer2.map(|layer2| nodes(layer2.nodes)).unwrap_or_default(),
        services: services.collect(),
        traffic_policy: match vip.traffic_policy {
            ferrolb_api::TrafficPolicy::Cluster => TrafficPolicy::Cluster,
            ferrolb_api::TrafficPolicy::Local => TrafficPolicy::Local,
        },
        routed_by: routed_by.map(|by| RoutedBy { name: by.name, nodes: by.nodes.map(nodes) }).collect(),
    }
}

fn speakers(states: &[SpeakerState], pods: &[&Pod]) -> BTreeMap<NodeName, Speaker> {
    let mut speakers: BTreeMap<NodeName, Speaker> = BTreeMap::new();
    for state in states {
        let name = state.metadata.name.as_deref().unwrap_or_default();
        speakers.entry(name.into()).or_default().report =
            state.status.as_ref().map(|status| report(state, status));
    }
    for pod in pods {
        let Some(node) = pod.spec.node_name.as_deref() else { continue };
        let speaker = speakers.entry(node.into()).or_default();
        // While one pod replaces another the node has two.
        speaker.ready = Some(speaker.ready == Some(true) || pod.is_ready());
    }
    speakers
}

fn report(state: &SpeakerState, status: &ferrolb_api::SpeakerStateStatus) -> Report {
    let exceptions = status.exceptions.iter().filter_map(|one| {
        let kind = match one.kind {
            ApiException::Taken => ExceptionKind::Taken,
            ApiException::Missing => ExceptionKind::Missing,
            ApiException::Duplicate => ExceptionKind::Duplicate,
        };
        Some((one.ip.parse().ok()?, kind, one.reason.clone()))
    });
    let interfaces = ferrolb_config::interfaces(state).unwrap_or_default();
    let hearing = interfaces.into_iter().zip(&status.interfaces).filter_map(|(interface, reported)| {
        let segment = reported.segment.as_ref()?;
        let filtered = segment.multicast_filtered.iter().map(|node| node.as_str().into());
        Some(Hearing { interface, filtered: filtered.collect(), isolated: segment.isolated })
    });
    Report {
        hearing: hearing.collect(),
        sessions: sessions(status),
        exceptions: exceptions.collect(),
        problem: status.configuration.problem.clone(),
        stale: status.configuration.stale,
    }
}

fn sessions(status: &ferrolb_api::SpeakerStateStatus) -> BTreeMap<String, Session> {
    let path_lost = |session: &BgpSession| {
        let state = session.bfd.filter(|state| *state != BfdSessionState::Up)?;
        let path = status.bfd.iter().find(|path| path.peer == session.peer);
        Some((format!("{state:?}"), path.map(|path| path.last_error.clone()).unwrap_or_default()))
    };
    let of = |session: &BgpSession| Session {
        state: match session.state {
            BgpSessionState::Established => SessionState::Established,
            BgpSessionState::Idle
            | BgpSessionState::Connect
            | BgpSessionState::Active
            | BgpSessionState::OpenSent
            | BgpSessionState::OpenConfirm => {
                SessionState::Down { name: format!("{:?}", session.state), why: session.last_error.clone() }
            }
        },
        path_lost: path_lost(session),
    };
    status.bgp.iter().map(|session| (session.peer.clone(), of(session))).collect()
}

fn known<T, U>(read: &Result<T, ReadError>, f: impl Fn(&T) -> U) -> Known<U> {
    match read {
        Ok(value) => Known::Known(f(value)),
        Err(error) => Known::Unknown(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{api::coordination::v1::LeaseSpec, apimachinery::pkg::apis::meta::v1::MicroTime};

    use super::*;

    #[test]
    fn what_a_speaker_hears_goes_with_the_interface() {
        let interface = |name: &str, segment| ferrolb_api::Interface {
            name: name.into(),
            addresses: vec!["192.0.2.11/24".into()],
            carrier: true,
            segment,
        };
        let segment = ferrolb_api::Segment {
            multicast_filtered: vec!["n2".into()],
            isolated: true,
            ..ferrolb_api::Segment::default()
        };
        let mut state = SpeakerState::new("n1", ferrolb_api::SpeakerStateSpec {});
        state.status.get_or_insert_default().interfaces =
            vec![interface("eth0", None), interface("eth1", Some(segment))];
        let told = report(&state, state.status.as_ref().unwrap()).hearing;
        assert_eq!((told.len(), told[0].interface.name.as_str()), (1, "eth1"));
        assert_eq!(told[0].filtered, [NodeName::from("n2")]);
        assert!(told[0].isolated);
    }

    #[test]
    fn sessions_are_told_with_the_path_that_bfd_lost() {
        let session = |peer: &str, state, error: &str, bfd| BgpSession {
            peer: peer.into(),
            address: String::new(),
            state,
            since: Timestamp::default(),
            last_error: error.into(),
            announced: ferrolb_api::PrefixCounts::default(),
            received: ferrolb_api::PrefixCounts::default(),
            capabilities: Vec::new(),
            hold_time_seconds: 0,
            bfd,
        };
        let path = ferrolb_api::BfdSession {
            peer: "tor".into(),
            address: String::new(),
            state: BfdSessionState::Down,
            since: Timestamp::default(),
            last_error: "nothing was heard".into(),
            detection_milliseconds: 0,
        };
        let status = ferrolb_api::SpeakerStateStatus {
            bgp: vec![
                session("spine", BgpSessionState::Established, "an older error", Some(BfdSessionState::Up)),
                session("tor", BgpSessionState::Active, "connection refused", Some(BfdSessionState::Down)),
            ],
            bfd: vec![path],
            ..ferrolb_api::SpeakerStateStatus::default()
        };
        let told = sessions(&status);
        assert_eq!(told["spine"], Session { state: SessionState::Established, path_lost: None });
        let down = SessionState::Down { name: "Active".into(), why: "connection refused".into() };
        let lost = Some(("Down".to_owned(), "nothing was heard".to_owned()));
        assert_eq!(told["tor"], Session { state: down, path_lost: lost });
    }

    #[test]
    fn a_lease_tells_who_leads() {
        let now: Timestamp = "2026-01-01T00:01:00Z".parse().unwrap();
        let lease = |holder: &str, renewed: &str| Lease {
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.into()),
                renew_time: Some(MicroTime(renewed.parse().unwrap())),
                lease_duration_seconds: Some(15),
                ..LeaseSpec::default()
            }),
            ..Lease::default()
        };
        assert_eq!(controller(None, now), Controller::Never);
        assert_eq!(controller(Some(&lease("", "2026-01-01T00:00:59Z")), now), Controller::Released);
        let leads = Controller::Leads { holder: "a".into(), renewed: 2 };
        assert_eq!(controller(Some(&lease("a", "2026-01-01T00:00:58Z")), now), leads);
        let lapsed = Controller::Lapsed { holder: "a".into(), renewed: 40 };
        assert_eq!(controller(Some(&lease("a", "2026-01-01T00:00:20Z")), now), lapsed);
    }
}
