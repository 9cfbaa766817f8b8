//! Everything the controller knows and decides: events in, writes out, no awaiting and no clock of its own.
//!
//! ```text
//!  Event -> Index -> Allocator -> Services (statuses)  -+
//!                 -> Placement -> Slices (announcements)-+-> poll_write() -> Writer -> finished()
//!                 -> Objects (conditions, counters)     -+
//! ```
//!
//! To follow one Service: `apply_services` hands it to the allocator, `settle_changes` says what its status should
//! become, [`Services`] writes that, and once it is written `announce` hands its addresses to placement.

mod advertised;
mod announce;
mod announced;
mod audit;
mod bgp;
mod calm;
mod complete;
mod contest;
mod endpoints;
mod event;
mod left;
mod moves;
mod next;
mod objects;
mod observed;
mod ownership;
mod pace;
mod pools;
mod publish;
mod record;
mod routed;
mod services;
mod sessions;
mod settle;
mod settling;
mod slice;
mod slices;
mod standing;
mod status;
mod telling;
mod verdict;
mod version;

pub(crate) use complete::Kind;
pub(crate) use event::Event;
pub(crate) use left::{has_finalizer, has_our_condition};

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use ferrolb_config::Class;
use ferrolb_ipam::{Allocator, Change as Decision};
use ferrolb_model::{Labels, ServiceId};
use ferrolb_runtime::{kinds, watch::Change};
use jiff::Timestamp;

use self::{
    announce::Announcements, announced::Announced, calm::Calm, complete::Complete, left::Left,
    objects::Objects, pools::Pools, services::Services,
};
use crate::write::{Outcome, Target, Verdict};

/// The controller's state.
#[derive(Debug)]
pub(crate) struct Index {
    default_class: bool,
    cleanup_finalizer: bool,
    complete: Complete,
    allocator: Allocator,
    services: Services,
    pools: Pools,
    namespaces: BTreeMap<String, Labels>,
    announcements: Announcements,
    announced: Announced,
    objects: Objects,
    /// Whether counters and conditions of our own objects are to be compared.
    stale_objects: bool,
    left: Left,
    calm: Calm,
    /// The name of the last Event in which this process told of a Service that its ingress is another's.
    told_foreign: BTreeMap<ServiceId, String>,
}

impl Index {
    /// An index that knows nothing. `default_class`: whether Services without a class are served. `cleanup_finalizer`:
    /// whether a Service stays until its addresses are announced nowhere any more.
    pub(crate) fn new(default_class: bool, cleanup_finalizer: bool) -> Self {
        Self {
            default_class,
            cleanup_finalizer,
            complete: Complete::default(),
            allocator: Allocator::new(),
            services: Services::new(cleanup_finalizer),
            pools: Pools::default(),
            namespaces: BTreeMap::new(),
            announcements: Announcements::default(),
            announced: Announced::default(),
            objects: Objects::default(),
            stale_objects: true,
            left: Left::default(),
            calm: Calm::default(),
            told_foreign: BTreeMap::new(),
        }
    }

    /// The kinds that are not known whole yet; nothing is decided before they are.
    pub(crate) fn missing(&self) -> Vec<Kind> {
        self.complete.missing()
    }

    /// Whether EndpointSlices matter: some Service keeps traffic on its nodes.
    pub(crate) fn needs_endpoints(&self) -> bool {
        self.announcements.needs_endpoints()
    }

    /// Services that have what they asked for, and others.
    pub(crate) fn service_counts(&self) -> (usize, usize) {
        self.services.counts()
    }

    /// The pools' counters, for metrics.
    pub(crate) fn pool_counts(&self) -> Vec<(String, objects::Counts)> {
        self.pools.counts(&self.allocator)
    }

    /// Takes what a watch saw.
    pub(crate) fn apply(&mut self, event: Event) {
        let kind = event.kind();
        let decisions = match event {
            Event::Services(change) => self.apply_services(change),
            Event::Pools(change) => self.apply_pools(change),
            Event::Namespaces(change) => self.apply_namespaces(change),
            Event::Nodes(change) => {
                self.stale_objects = true;
                let readdressed = self.announcements.apply_nodes(change);
                self.learn_node_addresses(readdressed)
            }
            Event::Speakers(change) => {
                let readdressed = self.announcements.apply_speakers(change);
                self.announced.heard();
                self.learn_node_addresses(readdressed)
            }
            Event::Advertisements(change) => {
                self.stale_objects = true;
                self.announcements.apply_advertisements(change, &mut self.objects);
                Vec::new()
            }
            Event::BgpAdvertisements(change) => {
                self.stale_objects = true;
                self.announcements.apply_bgp_advertisements(change, &mut self.objects);
                Vec::new()
            }
            Event::BgpPeers(change) => {
                self.stale_objects = true;
                self.announcements.apply_bgp_peers(change, &mut self.objects);
                Vec::new()
            }
            Event::BfdProfiles(change) => {
                self.stale_objects = true;
                self.announcements.apply_bfd_profiles(change, &mut self.objects);
                Vec::new()
            }
            Event::Communities(change) => {
                self.stale_objects = true;
                self.announcements.apply_communities(change, &mut self.objects);
                Vec::new()
            }
            Event::Endpoints(change) => {
                if matches!(change, Change::All(_)) {
                    self.announced.heard();
                }
                self.announcements.apply_endpoints(change);
                Vec::new()
            }
            Event::Left(service) => {
                if self.services.uid(&service).is_none() {
                    self.left.insert(service);
                }
                Vec::new()
            }
            Event::Slices(change) => {
                let one = match &change {
                    Change::All(_) => None,
                    Change::Applied(slice) | Change::Deleted(slice) => slice.metadata.name.clone(),
                };
                self.announcements.apply_slices(change);
                match one {
                    Some(name) => self.announcements.touch_slice(&name),
                    None => self.announced.heard(),
                }
                Vec::new()
            }
        };
        let waiting = !self.complete.missing().is_empty();
        if let Some(kind) = kind {
            self.complete.listed(kind);
        }
        match self.complete.missing().is_empty() {
            true if waiting => self.start(),
            true => self.settle_changes(decisions),
            false => {}
        }
        self.follow();
    }

    /// Takes what became of a request.
    pub(crate) fn finished(&mut self, outcome: &Outcome, now: Duration, today: Timestamp) {
        match &outcome.target {
            Target::Service(service) => {
                if self.services.finished(service, &outcome.verdict, now, today) {
                    self.announce(service);
                }
            }
            Target::Slice(name) => {
                self.announcements.slices.finished(name, &outcome.verdict, now);
                self.announcements.touch_slice(name);
            }
            Target::Object(kind, name) => self.objects.finished(*kind, name, &outcome.verdict, now),
            Target::LeftService(service) => {
                if matches!(outcome.verdict, Verdict::Done { resource_version: _ }) {
                    self.services.finalizer_is_read(service);
                }
                self.left.finished(service, &outcome.verdict, now);
            }
            Target::Event => {}
        }
        self.follow();
    }

    fn apply_services(&mut self, change: Change<kinds::Service>) -> Vec<Decision> {
        self.stale_objects = true;
        match change {
            Change::All(services) => {
                let present: BTreeSet<ServiceId> = services.iter().map(ferrolb_config::service_id).collect();
                let known = self.services.ids().chain(self.allocator.bystanders().keys());
                let gone: BTreeSet<ServiceId> = known.filter(|id| !present.contains(*id)).cloned().collect();
                let mut decisions = Vec::new();
                for id in gone {
                    let ours = self.services.uid(&id).is_some();
                    decisions.extend(self.remove_service(&id));
                    if ours {
                        self.left.insert(id);
                    }
                }
                // One after the other makes room for what is kept of the next.
                decisions
                    .extend(services.into_iter().flat_map(|service| self.upsert_service(&service, true)));
                decisions
            }
            Change::Applied(service) => self.upsert_service(&service, false),
            Change::Deleted(service) => {
                let id = ferrolb_config::service_id(&service);
                // Out of the selection is not out of the cluster: it may have another type now.
                if self.services.uid(&id).is_some() || has_our_condition(&service) {
                    self.left.insert(id.clone());
                }
                self.remove_service(&id)
            }
        }
    }

    fn upsert_service(&mut self, object: &kinds::Service, in_list: bool) -> Vec<Decision> {
        let id = ferrolb_config::service_id(object);
        let is_ours = ferrolb_config::class(object, self.default_class) == Class::Ours;
        let managed = is_ours && object.metadata.deletion_timestamp.is_none();
        if !managed || !self.services.may_have_our_finalizer(&id) {
            self.left.remove(&id);
        }
        if left::waits_for_us(object, is_ours && self.cleanup_finalizer) {
            self.left.insert(id.clone());
        }
        if !managed {
            // Whoever serves it, what its status names is not ours to give.
            self.forget_service(&id);
            return self.allocator.set_bystander(&id, ferrolb_config::service(object).ingress.addresses());
        }
        if !self.services.seen(&id, object, in_list) {
            return Vec::new();
        }
        if self.services.may_have_our_finalizer(&id) {
            self.left.insert_once(&id);
        }
        let decisions = self.allocator.upsert_service(ferrolb_config::service(object));
        if decisions.iter().all(|decision| decision.service != id) {
            // Nothing else is decided for it, but this may be another Service under the same name.
            if let Some(outcome) = self.allocator.outcome(&id) {
                self.services.want(&id, status::status_for(&outcome));
            }
            self.announce(&id);
        }
        decisions
    }

    fn remove_service(&mut self, id: &ServiceId) -> Vec<Decision> {
        self.forget_service(id);
        self.allocator.remove_service(id)
    }

    fn forget_service(&mut self, id: &ServiceId) {
        self.services.forget(id);
        self.told_foreign.remove(id);
        self.announced.forget(id);
    }

    fn apply_pools(&mut self, change: Change<ferrolb_api::IPAddressPool>) -> Vec<Decision> {
        self.stale_objects = true;
        if !self.pools.apply(change, &mut self.objects) {
            return Vec::new();
        }
        self.announcements.set_pool_labels(self.pools.labels(), self.pools.all_labels());
        let mut decisions = self.allocator.set_pools(self.pools.parsed());
        decisions.extend(self.allocator.set_invalid_pools(self.pools.invalid()));
        decisions
    }

    fn learn_node_addresses(&mut self, readdressed: bool) -> Vec<Decision> {
        match readdressed {
            true => self.allocator.set_node_addresses(self.announcements.node_addresses()),
            false => Vec::new(),
        }
    }

    fn apply_namespaces(&mut self, change: Change<kinds::Namespace>) -> Vec<Decision> {
        let name = |namespace: &kinds::Namespace| namespace.metadata.name.clone().unwrap_or_default();
        let labels = |namespace: &kinds::Namespace| namespace.metadata.labels.as_ref().into();
        match change {
            Change::All(namespaces) => {
                self.namespaces =
                    namespaces.iter().map(|namespace| (name(namespace), labels(namespace))).collect();
            }
            Change::Applied(namespace) => {
                self.namespaces.insert(name(&namespace), labels(&namespace));
            }
            Change::Deleted(namespace) => {
                self.namespaces.remove(&name(&namespace));
            }
        }
        self.stale_objects = true;
        self.allocator.set_namespaces(self.namespaces.clone())
    }

    /// Everything is known for the first time: replay what statuses say, then decide.
    fn start(&mut self) {
        self.announcements.replay();
        self.announcements.look_at_sessions();
        self.allocator.recall(self.announcements.slices.announced());
        let decisions = self.allocator.settle();
        self.settle_changes(decisions);
        self.services.keep_told();
        self.announcements.start();
    }
}

#[cfg(test)]
mod tests;
