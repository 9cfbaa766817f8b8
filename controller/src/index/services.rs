//! What each Service's status says, what it should say, and the write that makes it so.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::IpAddr,
    time::Duration,
};

use ferrolb_model::ServiceId;
use ferrolb_runtime::kinds;
use jiff::Timestamp;

use super::{observed::News, record::Record};
use crate::write::{AnnouncedStatus, ServiceEvent, ServiceStatus, Verdict, Write};

/// The status of every managed Service.
#[derive(Debug, Default)]
pub(crate) struct Services {
    /// In boxes: a tree leaves a third of its room empty.
    records: BTreeMap<ServiceId, Box<Record>>,
    /// Services whose status is to be compared, in the order in which they became so.
    dirty: VecDeque<ServiceId>,
    queued: BTreeSet<ServiceId>,
    /// Services that may be written from a time on, by that time.
    paused: BTreeSet<(Duration, ServiceId)>,
    /// Services whose status is being written.
    writing: BTreeSet<ServiceId>,
    /// Services whose condition about announcing is not as wanted.
    to_announce: BTreeSet<ServiceId>,
    events: VecDeque<ServiceEvent>,
    cleanup_finalizer: bool,
}

impl Services {
    /// No Service. `cleanup_finalizer`: whether deletions are to wait until nothing is announced any more.
    pub(crate) fn new(cleanup_finalizer: bool) -> Self {
        Self { cleanup_finalizer, ..Self::default() }
    }

    /// What was told of refusals before a restart stays, as long as the reasons are the same.
    pub(crate) fn keep_told(&mut self) {
        self.records.values_mut().for_each(|record| record.keep_told());
    }

    /// A Service was seen, in a list or by itself. Returns false if a newer version is known already, from the answer to
    /// a write.
    pub(crate) fn seen(&mut self, id: &ServiceId, service: &kinds::Service, in_list: bool) -> bool {
        let uid = service.metadata.uid.clone().unwrap_or_default();
        let new = || Box::new(Record::new(&uid, self.cleanup_finalizer));
        let record = self.records.entry(id.clone()).or_insert_with(new);
        if record.uid != uid {
            *record = new();
        }
        let is_news = record.seen(service, in_list);
        if is_news {
            self.touch(id);
        }
        is_news
    }

    /// A Service is gone.
    pub(crate) fn forget(&mut self, id: &ServiceId) {
        self.records.remove(id);
        self.to_announce.remove(id);
    }

    /// Whether a Service may have a finalizer of ours that is not asked for any more.
    pub(crate) fn may_have_our_finalizer(&self, id: &ServiceId) -> bool {
        self.record(id).is_some_and(Record::may_have_our_finalizer)
    }

    /// A Service's finalizer was read, and has gone if it was ours.
    pub(crate) fn finalizer_is_read(&mut self, id: &ServiceId) {
        if let Some(record) = self.records.get_mut(id) {
            record.finalizer_is_read();
        }
    }

    /// Every Service known.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &ServiceId> {
        self.records.keys()
    }

    /// The uid of a Service.
    pub(crate) fn uid(&self, id: &ServiceId) -> Option<&str> {
        self.record(id).map(|record| record.uid.as_str())
    }

    /// What a Service's status should say; `None`: it is left as it is.
    pub(crate) fn want(&mut self, id: &ServiceId, status: Option<ServiceStatus>) {
        if let Some(record) = self.records.get_mut(id) {
            record.want(status);
            self.touch(id);
        }
    }

    /// The status that a Service is to have; `None`: it is left as it is.
    pub(crate) fn wanted(&self, id: &ServiceId) -> Option<&ServiceStatus> {
        self.record(id)?.wanted.as_ref()
    }

    /// The addresses that the API server has as this Service's and that it is meant to have: those to announce.
    pub(crate) fn settled_addresses(&self, id: &ServiceId) -> Vec<IpAddr> {
        self.record(id).map(Record::settled_addresses).unwrap_or_default()
    }

    /// The addresses in a Service's status that our condition names.
    pub(crate) fn written_addresses(&self, id: &ServiceId) -> &[IpAddr] {
        self.record(id).map(Record::written_addresses).unwrap_or_default()
    }

    /// Whether a Service's status says anything about announcing.
    pub(crate) fn speaks_of_announcing(&self, id: &ServiceId) -> bool {
        self.record(id).is_some_and(Record::speaks_of_announcing)
    }

    /// What a Service's condition about announcing should say.
    pub(crate) fn want_announced(&mut self, id: &ServiceId, status: AnnouncedStatus) {
        if self.records.get_mut(id).is_some_and(|record| record.want_announced(status)) {
            self.to_announce.insert(id.clone());
        }
    }

    /// How many Services have all they asked for, and how many not.
    pub(crate) fn counts(&self) -> (usize, usize) {
        let wanted = self.records.values().filter_map(|record| record.wanted.as_ref());
        let (mut allocated, mut pending) = (0, 0);
        for status in wanted {
            if status.allocated { allocated += 1 } else { pending += 1 }
        }
        (allocated, pending)
    }

    /// The next status to write, if one may go.
    pub(crate) fn poll_write(&mut self, now: Duration, today: Timestamp) -> Option<Write> {
        self.wake_paused(now);
        while let Some(id) = self.dirty.pop_front() {
            self.queued.remove(&id);
            let Some(record) = self.records.get_mut(&id) else { continue };
            if let Some(write) = record.write(&id, now, today) {
                self.writing.insert(id);
                return Some(write);
            }
            if let Some(time) = record.pace.deadline().filter(|_| record.is_due()) {
                self.paused.insert((time, id));
            }
        }
        None
    }

    /// Whether the write of an address has not been answered yet.
    pub(crate) fn is_writing(&self) -> bool {
        !self.writing.is_empty()
    }

    /// The next thing to tell that no traffic depends on: a condition about announcing, then an Event.
    pub(crate) fn poll_telling(&mut self, now: Duration, today: Timestamp) -> Option<Write> {
        while let Some(id) = self.to_announce.pop_first() {
            let Some(record) = self.records.get_mut(&id) else { continue };
            let write = record.write_announced(&id, now, today);
            if write.is_some() {
                return write;
            }
            if let Some(time) = record.pace.deadline().filter(|_| record.is_due_to_announce()) {
                self.paused.insert((time, id));
            }
        }
        self.events.pop_front().map(|event| Write::Event(Box::new(event)))
    }

    /// Whether [`Self::poll_telling`] may have something.
    pub(crate) fn has_telling(&self) -> bool {
        !self.events.is_empty() || !self.to_announce.is_empty()
    }

    /// Tells something about a Service, unless it is gone; under this name, if others may tell the same.
    pub(crate) fn tell(&mut self, id: &ServiceId, name: Option<String>, news: News) {
        if let Some(record) = self.record(id) {
            let News { warning, reason, note } = news;
            let (service, uid) = (id.clone(), record.uid.clone());
            self.events.push_back(ServiceEvent { service, uid, warning, reason, note, name });
        }
    }

    /// When [`Self::poll_write`] will have something that it has not now.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.paused.first().map(|(time, _)| *time)
    }

    /// A request's outcome. Returns true if the Service's settled addresses may have changed.
    pub(crate) fn finished(
        &mut self,
        id: &ServiceId,
        verdict: &Verdict,
        now: Duration,
        today: Timestamp,
    ) -> bool {
        self.writing.remove(id);
        let Some(record) = self.records.get_mut(id) else { return false };
        if let Some(news) = record.finished(verdict, now, today) {
            self.tell(id, None, news);
        }
        self.touch(id);
        matches!(verdict, Verdict::Done { .. })
    }

    fn record(&self, id: &ServiceId) -> Option<&Record> {
        self.records.get(id).map(AsRef::as_ref)
    }

    fn touch(&mut self, id: &ServiceId) {
        if self.record(id).is_some_and(Record::is_due_to_announce) {
            self.to_announce.insert(id.clone());
        }
        if self.queued.insert(id.clone()) {
            self.dirty.push_back(id.clone());
        }
    }

    fn wake_paused(&mut self, now: Duration) {
        while let Some((time, _)) = self.paused.first()
            && *time <= now
            && let Some((_, id)) = self.paused.pop_first()
        {
            self.touch(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_api::condition::IP_ALLOCATED;
    use ferrolb_runtime::kinds::Ingress;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn id() -> ServiceId {
        ServiceId::new("default", "web")
    }

    fn today() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn service(version: &str, addresses: &[&str]) -> kinds::Service {
        let mut service = kinds::Service::default();
        service.metadata.uid = Some("u1".into());
        service.metadata.resource_version = Some(version.into());
        service.status.load_balancer.ingress = addresses
            .iter()
            .map(|ip| Ingress { ip: Some((*ip).into()), hostname: None, ip_mode: Some("VIP".into()) })
            .collect();
        service
    }

    fn condition(status: &ServiceStatus) -> k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition {
        use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
        Condition {
            type_: IP_ALLOCATED.into(),
            status: "True".into(),
            reason: status.reason.clone(),
            message: status.message.clone(),
            last_transition_time: Time(today()),
            observed_generation: None,
        }
    }

    fn status() -> ServiceStatus {
        ServiceStatus {
            addresses: vec!["192.0.2.128".parse().unwrap()],
            allocated: true,
            reason: "Allocated".into(),
            message: "192.0.2.128 from pool lan".into(),
        }
    }

    #[test]
    fn one_patch_and_its_echo_writes_nothing() {
        let mut services = Services::default();
        assert!(services.seen(&id(), &service("5", &[]), false));
        services.want(&id(), Some(status()));
        let Some(Write::ServiceStatus { patch, .. }) = services.poll_write(NOW, today()) else {
            panic!("no write")
        };
        assert_eq!(patch["metadata"]["resourceVersion"], "5");
        assert_eq!(patch["status"]["loadBalancer"]["ingress"][0]["ip"], "192.0.2.128");
        assert!(services.poll_write(NOW, today()).is_none(), "in flight");
        assert!(services.settled_addresses(&id()).is_empty(), "not yet written");

        assert!(services.finished(&id(), &Verdict::Done { resource_version: "6".into() }, NOW, today()));
        assert_eq!(services.settled_addresses(&id()), status().addresses);
        assert!(!services.seen(&id(), &service("5", &[]), false), "an older state is no news");
        let mut echo = service("6", &["192.0.2.128"]);
        echo.status.conditions = vec![condition(&status())];
        assert!(services.seen(&id(), &echo, false));
        assert!(services.poll_write(NOW, today()).is_none());
        assert!(
            matches!(services.poll_telling(NOW, today()), Some(Write::Event(event)) if event.reason == "IPAllocated")
        );
    }

    #[test]
    fn the_event_is_told_also_when_the_watch_is_faster_than_the_answer() {
        let mut services = Services::default();
        services.seen(&id(), &service("5", &[]), false);
        services.want(&id(), Some(status()));
        assert!(services.poll_write(NOW, today()).is_some());
        let mut echo = service("6", &["192.0.2.128"]);
        echo.status.conditions = vec![condition(&status())];
        services.seen(&id(), &echo, false);
        services.finished(&id(), &Verdict::Done { resource_version: "6".into() }, NOW, today());
        assert!(services.has_telling());
        assert!(services.poll_write(NOW, today()).is_none());
    }

    #[test]
    fn a_conflict_is_decided_again_from_the_newer_state() {
        let mut services = Services::default();
        services.seen(&id(), &service("5", &[]), false);
        services.want(&id(), Some(status()));
        assert!(services.poll_write(NOW, today()).is_some());
        services.finished(&id(), &Verdict::Conflict, NOW, today());
        assert!(services.poll_write(NOW, today()).is_none(), "the newer state is not here yet");
        services.seen(&id(), &service("7", &[]), false);
        let Some(Write::ServiceStatus { patch, .. }) = services.poll_write(NOW, today()) else {
            panic!("no write")
        };
        assert_eq!(patch["metadata"]["resourceVersion"], "7");
    }

    #[test]
    fn an_unknown_outcome_is_tried_again_after_a_pause() {
        let mut services = Services::default();
        services.seen(&id(), &service("5", &[]), false);
        services.want(&id(), Some(status()));
        assert!(services.poll_write(NOW, today()).is_some());
        services.finished(&id(), &Verdict::Again { after: None, why: "time-out".into() }, NOW, today());
        assert!(services.poll_write(NOW, today()).is_none());
        let deadline = services.deadline().unwrap();
        assert!(deadline > NOW);
        assert!(services.poll_write(deadline, today()).is_some());
    }

    #[test]
    fn a_status_edited_by_hand_is_put_right() {
        let mut services = Services::default();
        services.seen(&id(), &service("5", &["198.51.100.1"]), false);
        services.want(&id(), Some(status()));
        assert!(services.poll_write(NOW, today()).is_some());
    }

    #[test]
    fn a_service_made_anew_under_its_name_starts_over() {
        let mut services = Services::default();
        services.seen(&id(), &service("5", &[]), false);
        services.want(&id(), Some(status()));
        let mut other = service("9", &[]);
        other.metadata.uid = Some("u2".into());
        assert!(services.seen(&id(), &other, false));
        assert!(services.poll_write(NOW, today()).is_none(), "nothing is wanted of the new one yet");
    }
}
