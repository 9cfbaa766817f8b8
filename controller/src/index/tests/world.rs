//! An API server in memory, as far as the index can tell: versions, conflicts, echoes.

use std::{collections::BTreeMap, time::Duration};

use ferrolb_api::{
    AnnouncementSlice, BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement,
    SpeakerState,
};
use ferrolb_model::ServiceId;
use ferrolb_runtime::{kinds, watch::Change};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use serde_json::{Value, json};

use super::super::{Event, Index};
use crate::write::{ConfigKind, Outcome, ServiceEvent, Target, Verdict, Write};

/// The objects, and how many writes changed them.
#[derive(Default)]
pub(super) struct World {
    version: u64,
    now: Duration,
    pub(super) services: BTreeMap<ServiceId, kinds::Service>,
    pub(super) slices: BTreeMap<String, AnnouncementSlice>,
    pub(super) pools: BTreeMap<String, IPAddressPool>,
    pub(super) advertisements: BTreeMap<String, L2Advertisement>,
    pub(super) bgp_advertisements: BTreeMap<String, BGPAdvertisement>,
    pub(super) peers: BTreeMap<String, BGPPeer>,
    pub(super) profiles: BTreeMap<String, BFDProfile>,
    pub(super) communities: BTreeMap<String, Community>,
    /// The conditions written to objects of ours.
    pub(super) conditions: BTreeMap<(ConfigKind, String), Value>,
    /// What the speakers report, by node.
    pub(super) speakers: BTreeMap<String, SpeakerState>,
    /// Events about Services.
    pub(super) events: Vec<ServiceEvent>,
    /// Writes to Services and slices that took effect.
    pub(super) writes: usize,
    /// Those to Services.
    pub(super) status_writes: usize,
    /// Those to configuration objects.
    pub(super) object_writes: usize,
}

impl World {
    /// A pool `lan` of 192.0.2.128 to 192.0.2.131, advertised, and nodes n1 and n2.
    pub(super) fn new() -> Self {
        let mut world = Self { now: Duration::from_secs(100), ..Self::default() };
        world.set_pool("lan", &["192.0.2.128-192.0.2.131"]);
        world
            .advertisements
            .insert("all".into(), L2Advertisement::new("all", ferrolb_api::L2AdvertisementSpec::default()));
        world
    }

    /// Makes or edits a pool.
    pub(super) fn set_pool(&mut self, name: &str, addresses: &[&str]) {
        let spec = json!({"addresses": addresses});
        let mut pool = IPAddressPool::new(name, serde_json::from_value(spec).unwrap());
        pool.metadata.generation = Some(i64::try_from(self.next_version()).unwrap());
        self.pools.insert(name.into(), pool);
    }

    /// Makes a Service of type LoadBalancer.
    pub(super) fn add_service(&mut self, name: &str) -> ServiceId {
        let id = ServiceId::new("default", name);
        let version = self.next_version().to_string();
        let mut service = kinds::Service::default();
        service.metadata.namespace = Some("default".into());
        service.metadata.name = Some(name.into());
        service.metadata.uid = Some(format!("uid-{version}"));
        service.metadata.resource_version = Some(version);
        service.spec.r#type = "LoadBalancer".into();
        service.spec.cluster_ips = vec!["10.96.0.1".into()];
        service.spec.ports = vec![kinds::ServicePort { protocol: Some("TCP".into()), port: 80 }];
        self.services.insert(id.clone(), service);
        id
    }

    /// Changes a Service as a user would.
    pub(super) fn edit(&mut self, id: &ServiceId, edit: impl FnOnce(&mut kinds::Service)) -> Event {
        let version = self.next_version().to_string();
        let service = self.services.get_mut(id).unwrap();
        edit(service);
        service.metadata.resource_version = Some(version);
        Event::Services(Change::Applied(service.clone()))
    }

    /// An index that has listed everything.
    pub(super) fn controller(&self) -> Index {
        self.controller_of(true)
    }

    /// The same, of a controller that does or does not serve Services without a class.
    pub(super) fn controller_of(&self, default_class: bool) -> Index {
        let mut index = Index::new(default_class, false);
        for event in self.lists() {
            index.apply(event);
        }
        index
    }

    /// Lists of every kind.
    pub(super) fn lists(&self) -> Vec<Event> {
        let node = |name: &str| {
            let mut node = kinds::Node::default();
            node.metadata.name = Some(name.into());
            node.status.conditions = vec![kinds::NodeCondition {
                r#type: "Ready".into(),
                status: "True".into(),
                ..Default::default()
            }];
            node
        };
        vec![
            Event::Services(Change::All(self.services.values().cloned().collect())),
            Event::Pools(Change::All(self.pools.values().cloned().collect())),
            Event::Namespaces(Change::All(Vec::new())),
            Event::Nodes(Change::All(vec![node("n1"), node("n2")])),
            Event::Advertisements(Change::All(self.advertisements.values().cloned().collect())),
            Event::BgpAdvertisements(Change::All(self.bgp_advertisements.values().cloned().collect())),
            Event::BgpPeers(Change::All(self.peers.values().cloned().collect())),
            Event::BfdProfiles(Change::All(self.profiles.values().cloned().collect())),
            Event::Communities(Change::All(self.communities.values().cloned().collect())),
            Event::Speakers(Change::All(self.speakers.values().cloned().collect())),
            Event::Slices(Change::All(self.slices.values().cloned().collect())),
        ]
    }

    /// Carries out what the index wants until it wants nothing more for some seconds.
    pub(super) fn run(&mut self, index: &mut Index) {
        self.run_for(index, Duration::from_secs(10));
    }

    /// The same for another time.
    pub(super) fn run_for(&mut self, index: &mut Index, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += Duration::from_millis(50);
            while let Some(write) =
                index.poll_write(self.now, today()).or_else(|| index.poll_telling(self.now, today()))
            {
                let outcome = Outcome { target: Target::of(&write), verdict: self.write(&write) };
                index.finished(&outcome, self.now, today());
            }
        }
    }

    /// One write, as the API server would take it.
    pub(super) fn write(&mut self, write: &Write) -> Verdict {
        let version = self.next_version().to_string();
        match write {
            Write::ServiceStatus { service, patch } => {
                let Some(object) = self.services.get_mut(service) else { return Verdict::Gone };
                if patch["metadata"]["resourceVersion"].as_str()
                    != object.metadata.resource_version.as_deref()
                {
                    return Verdict::Conflict;
                }
                merge_status(object, &patch["status"]);
                self.status_writes += 1;
                object.metadata.resource_version = Some(version.clone());
            }
            Write::CreateSlice(slice) | Write::ReplaceSlice(slice) => {
                let mut slice = (**slice).clone();
                slice.metadata.resource_version = Some(version.clone());
                self.slices.insert(slice.metadata.name.clone().unwrap(), slice);
            }
            Write::DeleteSlice { name, .. } => {
                self.slices.remove(name);
            }
            Write::ObjectStatus { kind: ConfigKind::L2Advertisement, name, patch } => {
                if let Some(advertisement) = self.advertisements.get_mut(name) {
                    advertisement.status = serde_json::from_value(patch["status"].clone()).unwrap();
                }
                return Verdict::Done { resource_version: version };
            }
            Write::ObjectStatus { kind, name, patch } => {
                self.object_writes += 1;
                self.conditions.insert((*kind, name.clone()), patch["status"]["conditions"].clone());
                return Verdict::Done { resource_version: version };
            }
            Write::Event(event) => {
                self.events.push((**event).clone());
                return Verdict::Done { resource_version: version };
            }
            Write::ForgetService { .. } | Write::Finalizer { .. } => {
                return Verdict::Done { resource_version: version };
            }
        }
        self.writes += 1;
        Verdict::Done { resource_version: version }
    }

    /// A Service's addresses.
    pub(super) fn addresses(&self, id: &ServiceId) -> Vec<String> {
        let ingress = &self.services[id].status.load_balancer.ingress;
        ingress.iter().filter_map(|point| point.ip.clone()).collect()
    }

    /// The reason of a Service's condition.
    pub(super) fn reason(&self, id: &ServiceId, kind: &str) -> Option<String> {
        let conditions = &self.services[id].status.conditions;
        conditions.iter().find(|condition| condition.type_ == kind).map(|condition| condition.reason.clone())
    }

    pub(super) fn next_version(&mut self) -> u64 {
        self.version += 1;
        self.version
    }
}

fn merge_status(object: &mut kinds::Service, status: &Value) {
    if let Some(ingress) = status["loadBalancer"]["ingress"].as_array() {
        object.status.load_balancer.ingress =
            ingress.iter().map(|point| serde_json::from_value(point.clone()).unwrap()).collect();
    }
    for patch in status["conditions"].as_array().into_iter().flatten() {
        let text = |key: &str| patch[key].as_str().unwrap().to_owned();
        object.status.conditions.retain(|condition| condition.type_ != text("type"));
        object.status.conditions.push(Condition {
            type_: text("type"),
            status: text("status"),
            reason: text("reason"),
            message: text("message"),
            last_transition_time: Time(text("lastTransitionTime").parse().unwrap()),
            observed_generation: None,
        });
    }
}

pub(super) fn today() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}
