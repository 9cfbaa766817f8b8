//! From what the API server has to what chains are made from.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_api::{
    AnnouncementSlice, ExceptionKind as ApiException, SpeakerState,
    condition::{ANNOUNCED, IP_ALLOCATED},
};
use ferrolb_explain::{
    Announcement, Condition, Controller, ExceptionKind, Facts, Hearing, Known, Report, Speaker, Subject,
};
use ferrolb_model::NodeName;
use ferrolb_runtime::kinds;
use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;

use crate::{
    cluster::Cluster,
    read::{Pod, ReadError},
};

impl Cluster {
    /// Everything that chains are made from.
    pub(crate) fn facts(&self) -> Facts {
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
        slice.spec.vips.clone().into_iter().filter_map(move |vip| {
            let routed_by = vip.bgp.into_iter().flat_map(|bgp| bgp.advertisements);
            let routed_by = routed_by.map(|by| by.name).collect();
            let nodes = vip.layer2.map(|layer2| layer2.nodes).unwrap_or_default();
            let nodes = nodes.into_iter().map(NodeName::from).collect();
            Some((vip.ip.parse().ok()?, Announcement { slice: name.clone(), nodes, routed_by }))
        })
    };
    slices.iter().flat_map(of).collect()
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
        exceptions: exceptions.collect(),
        problem: status.configuration.problem.clone(),
        stale: status.configuration.stale,
    }
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
