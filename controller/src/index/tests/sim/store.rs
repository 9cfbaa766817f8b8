//! The API server's objects, and what it makes of a request.

use std::{collections::BTreeMap, time::Duration};

use ferrolb_api::{
    AnnouncementSlice, IPAddressPool, IPAddressPoolStatus, L2Advertisement, L2AdvertisementStatus,
    SpeakerState,
};
use ferrolb_model::ServiceId;
use ferrolb_runtime::{
    kinds::{self, Service},
    watch::Change,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, FieldsV1, ManagedFieldsEntry, Time};
use serde_json::{Value, json};

use super::super::super::Event;
use crate::write::{ConfigKind, FIELD_MANAGER, Found, Verdict, Write};

/// Every object, and the version of the newest.
#[derive(Clone, Default)]
pub(super) struct Store {
    pub(super) version: u64,
    pub(super) services: BTreeMap<ServiceId, Service>,
    pub(super) pools: BTreeMap<String, IPAddressPool>,
    pub(super) advertisements: BTreeMap<String, L2Advertisement>,
    pub(super) slices: BTreeMap<String, AnnouncementSlice>,
    pub(super) nodes: BTreeMap<String, kinds::Node>,
    pub(super) namespaces: BTreeMap<String, kinds::Namespace>,
    pub(super) speakers: BTreeMap<String, SpeakerState>,
    pub(super) endpoints: BTreeMap<String, kinds::EndpointSlice>,
    pub(super) lease: Lease,
}

/// The Lease.
#[derive(Clone, Default)]
pub(super) struct Lease {
    pub(super) holder: String,
    pub(super) version: u64,
}

/// What a request did.
pub(super) struct Applied {
    pub(super) verdict: Verdict,
    /// What watches see of it.
    pub(super) event: Option<Event>,
}

impl Applied {
    fn refused(verdict: Verdict) -> Self {
        Self { verdict, event: None }
    }
}

impl Store {
    pub(super) fn next_version(&mut self) -> String {
        self.version += 1;
        self.version.to_string()
    }

    /// Carries out a controller's request.
    pub(super) fn apply(&mut self, write: &Write) -> Applied {
        match write {
            Write::ServiceStatus { service, patch } => self.patch_service(service, patch),
            Write::Finalizer { service, patch } => self.patch_finalizer(service, patch),
            Write::ForgetService { service, cleanup_finalizer } => {
                self.forget_service(service, *cleanup_finalizer)
            }
            Write::CreateSlice(slice) => {
                let name = slice.metadata.name.clone().unwrap();
                match self.slices.contains_key(&name) {
                    true => Applied::refused(Verdict::Conflict),
                    false => self.put_slice(&name, slice),
                }
            }
            Write::ReplaceSlice(slice) => {
                let name = slice.metadata.name.clone().unwrap();
                match self.slices.get(&name) {
                    None => Applied::refused(Verdict::Gone),
                    Some(there) if there.metadata.resource_version != slice.metadata.resource_version => {
                        Applied::refused(Verdict::Conflict)
                    }
                    Some(there) if there.spec == slice.spec => done(there.metadata.resource_version.clone()),
                    Some(_) => self.put_slice(&name, slice),
                }
            }
            Write::DeleteSlice { name, resource_version } => match self.slices.get(name).cloned() {
                None => Applied::refused(Verdict::Gone),
                Some(there) if there.metadata.resource_version != *resource_version => {
                    Applied::refused(Verdict::Conflict)
                }
                Some(mut slice) => {
                    self.slices.remove(name);
                    slice.metadata.resource_version = Some(self.next_version());
                    Applied {
                        verdict: Verdict::Done { resource_version: String::new() },
                        event: Some(Event::Slices(Change::Deleted(slice))),
                    }
                }
            },
            Write::ObjectStatus { kind: ConfigKind::Pool, name, patch } => self.patch_pool(name, patch),
            Write::ObjectStatus { kind: ConfigKind::L2Advertisement, name, patch } => {
                self.patch_advertisement(name, patch)
            }
            Write::ObjectStatus { kind, name, patch: _ } => panic!("there is no {kind:?} {name}"),
            Write::Event(_) => Applied::refused(Verdict::Done { resource_version: String::new() }),
        }
    }

    fn put_slice(&mut self, name: &str, slice: &AnnouncementSlice) -> Applied {
        let mut slice = slice.clone();
        let version = self.next_version();
        slice.metadata.resource_version = Some(version.clone());
        self.slices.insert(name.into(), slice.clone());
        Applied {
            verdict: Verdict::Done { resource_version: version },
            event: Some(Event::Slices(Change::Applied(slice))),
        }
    }

    fn patch_service(&mut self, id: &ServiceId, patch: &Value) -> Applied {
        let Some(before) = self.services.get(id) else { return Applied::refused(Verdict::Gone) };
        if patch["metadata"]["resourceVersion"].as_str() != before.metadata.resource_version.as_deref() {
            return Applied::refused(Verdict::Conflict);
        }
        let mut after = before.clone();
        merge_status(&mut after, &patch["status"]);
        if after.spec.r#type != "LoadBalancer" && !after.status.load_balancer.ingress.is_empty() {
            return Applied::refused(Verdict::Refused(
                "may only be used when `spec.type` is LoadBalancer".into(),
            ));
        }
        self.put_service(id, after)
    }

    fn forget_service(&mut self, id: &ServiceId, cleanup_finalizer: bool) -> Applied {
        let Some(before) = self.services.get(id) else { return done(None) };
        let mut after = before.clone();
        let Service { metadata, spec, status } = before.clone();
        let remains = Found { metadata, spec, status }.remains(cleanup_finalizer);
        if remains.finalizer {
            manage_finalizer(&mut after, None, FIELD_MANAGER);
        }
        let waits = after.metadata.finalizers.as_ref().is_some_and(|all| !all.is_empty());
        if after.metadata.deletion_timestamp.is_some() && !waits {
            return self.delete_service(id);
        }
        if remains.conditions {
            after.status.conditions.retain(|one| !one.type_.starts_with("ferrolb.io/"));
        }
        self.put_service(id, after)
    }

    fn delete_service(&mut self, id: &ServiceId) -> Applied {
        let Some(mut service) = self.services.remove(id) else { return Applied::refused(Verdict::Gone) };
        let version = self.next_version();
        service.metadata.resource_version = Some(version.clone());
        let watched = service.spec.r#type == "LoadBalancer";
        let event = watched.then_some(Event::Services(Change::Deleted(service)));
        Applied { verdict: Verdict::Done { resource_version: version }, event }
    }

    /// The patch of a list of strings: one is added or removed. Who is being deleted and waits for nobody is gone.
    fn patch_finalizer(&mut self, id: &ServiceId, patch: &Value) -> Applied {
        let Some(before) = self.services.get(id) else { return Applied::refused(Verdict::Gone) };
        if patch["metadata"]["resourceVersion"].as_str() != before.metadata.resource_version.as_deref() {
            return Applied::refused(Verdict::Conflict);
        }
        let mut after = before.clone();
        let added = patch["metadata"]["finalizers"][0].as_str();
        manage_finalizer(&mut after, added, FIELD_MANAGER);
        if added.is_none() && after.metadata.deletion_timestamp.is_some() {
            return self.delete_service(id);
        }
        self.put_service(id, after)
    }

    /// A request that changes nothing makes no new version.
    fn put_service(&mut self, id: &ServiceId, mut after: Service) -> Applied {
        let before = &self.services[id];
        if same_status(before, &after) && before.metadata.finalizers == after.metadata.finalizers {
            return done(before.metadata.resource_version.clone());
        }
        after.metadata.resource_version = Some(self.next_version());
        let verdict = Verdict::Done { resource_version: self.version.to_string() };
        Applied { verdict, event: self.replace_service(id, after) }
    }

    /// Puts a Service in the place of what was there and says what a watch of load balancers sees of it.
    pub(super) fn replace_service(&mut self, id: &ServiceId, after: Service) -> Option<Event> {
        let before = self.services.insert(id.clone(), after.clone());
        let was = before.as_ref().is_some_and(|before| before.spec.r#type == "LoadBalancer");
        let is = after.spec.r#type == "LoadBalancer";
        if is {
            return Some(Event::Services(Change::Applied(after)));
        }
        // What leaves the selection is told as it was, with the version of its leaving.
        let mut left = before.filter(|_| was)?;
        left.metadata.resource_version = after.metadata.resource_version;
        Some(Event::Services(Change::Deleted(left)))
    }

    fn patch_pool(&mut self, name: &str, patch: &Value) -> Applied {
        let Some(pool) = self.pools.get_mut(name) else { return Applied::refused(Verdict::Gone) };
        let status: IPAddressPoolStatus = serde_json::from_value(patch["status"].clone()).unwrap();
        if pool.status.as_ref() == Some(&status) {
            return done(pool.metadata.resource_version.clone());
        }
        pool.status = Some(status);
        self.version += 1;
        pool.metadata.resource_version = Some(self.version.to_string());
        let event = Some(Event::Pools(Change::Applied(pool.clone())));
        Applied { verdict: Verdict::Done { resource_version: self.version.to_string() }, event }
    }

    fn patch_advertisement(&mut self, name: &str, patch: &Value) -> Applied {
        let Some(object) = self.advertisements.get_mut(name) else { return Applied::refused(Verdict::Gone) };
        let mut status: L2AdvertisementStatus = serde_json::from_value(patch["status"].clone()).unwrap();
        if let (true, Some(before)) = (status.rebalanced_for.is_empty(), &object.status) {
            // A merge patch leaves what it does not name.
            status.rebalanced_for.clone_from(&before.rebalanced_for);
        }
        if object.status.as_ref() == Some(&status) {
            return done(object.metadata.resource_version.clone());
        }
        object.status = Some(status);
        self.version += 1;
        object.metadata.resource_version = Some(self.version.to_string());
        let event = Some(Event::Advertisements(Change::Applied(object.clone())));
        Applied { verdict: Verdict::Done { resource_version: self.version.to_string() }, event }
    }
}

fn done(version: Option<String>) -> Applied {
    Applied::refused(Verdict::Done { resource_version: version.unwrap_or_default() })
}

/// A strategic merge: conditions by type, the ingress list whole; `ipMode` is filled in by the API server.
fn merge_status(service: &mut Service, status: &Value) {
    if let Some(ingress) = status["loadBalancer"]["ingress"].as_array() {
        let ingress = ingress.iter().map(|point| serde_json::from_value(point.clone()).unwrap());
        service.status.load_balancer.ingress = ingress.collect();
        for point in &mut service.status.load_balancer.ingress {
            point.ip_mode.get_or_insert_with(|| "VIP".into());
        }
    }
    for patch in status["conditions"].as_array().into_iter().flatten() {
        let text = |key: &str| patch[key].as_str().unwrap().to_owned();
        let mut condition = Condition {
            type_: text("type"),
            status: String::new(),
            reason: String::new(),
            message: String::new(),
            last_transition_time: Time(Timestamp::UNIX_EPOCH),
            observed_generation: None,
        };
        let there = service.status.conditions.iter().position(|one| one.type_ == condition.type_);
        if patch["$patch"] == "delete" {
            there.map(|at| service.status.conditions.remove(at));
            continue;
        }
        condition.status = text("status");
        condition.reason = text("reason");
        condition.message = text("message");
        condition.last_transition_time = Time(text("lastTransitionTime").parse().unwrap());
        match there {
            Some(at) => service.status.conditions[at] = condition,
            None => service.status.conditions.push(condition),
        }
    }
}

/// The finalizer, and who put it there.
pub(super) fn manage_finalizer(service: &mut Service, finalizer: Option<&str>, manager: &str) {
    service.metadata.finalizers = finalizer.map(|one| vec![one.to_owned()]);
    service.metadata.managed_fields = finalizer.map(|one| {
        let mut fields = json!({"f:metadata": {"f:finalizers": {}}});
        fields["f:metadata"]["f:finalizers"][format!("v:\"{one}\"")] = json!({});
        let fields_v1 = Some(FieldsV1(fields));
        vec![ManagedFieldsEntry { manager: Some(manager.into()), fields_v1, ..ManagedFieldsEntry::default() }]
    });
}

fn same_status(one: &Service, other: &Service) -> bool {
    one.status.load_balancer.ingress == other.status.load_balancer.ingress
        && one.status.conditions == other.status.conditions
}

/// The wall clock at a virtual time.
pub(super) fn wall_clock(now: Duration) -> Timestamp {
    let start: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    start + jiff::SignedDuration::try_from(now).unwrap()
}
