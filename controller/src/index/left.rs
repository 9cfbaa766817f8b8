//! Services that are no longer ours to serve: what is ours on them is to go.

use std::{collections::BTreeMap, time::Duration};

use ferrolb_api::{CLEANUP_FINALIZER, condition::IP_ALLOCATED};
use ferrolb_model::ServiceId;
use ferrolb_runtime::kinds;

use super::pace::Pace;
use crate::write::{Verdict, Write};

/// Services that have left, and when each may be written.
#[derive(Debug, Default)]
pub(crate) struct Left(BTreeMap<ServiceId, Pace>);

impl Left {
    /// A Service has left our selection, or is being deleted.
    pub(crate) fn insert(&mut self, service: ServiceId) {
        // It may have been another object of this name that a request in flight is about.
        self.0.insert(service, Pace::Free);
    }

    /// A Service that we serve has something on it that may be ours and is not asked for any more.
    pub(crate) fn insert_once(&mut self, service: &ServiceId) {
        if !self.0.contains_key(service) {
            self.insert(service.clone());
        }
    }

    /// It is ours again.
    pub(crate) fn remove(&mut self, service: &ServiceId) {
        self.0.remove(service);
    }

    /// The next request, if one may go; with `cleanup_finalizer` only about Services that are announced nowhere, which
    /// `silent` says.
    pub(crate) fn poll_write(
        &mut self,
        now: Duration,
        cleanup_finalizer: bool,
        silent: impl Fn(&ServiceId) -> bool,
    ) -> Option<Write> {
        let mut allowed = self.0.iter_mut().filter(|(_, pace)| pace.allows(now));
        let (service, pace) = allowed.find(|(service, _)| !cleanup_finalizer || silent(service))?;
        pace.sent();
        Some(Write::ForgetService { service: service.clone(), cleanup_finalizer })
    }

    /// When [`Self::poll_write`] will have something that it has not now.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.0.values().filter_map(Pace::deadline).min()
    }

    /// A request's outcome.
    pub(crate) fn finished(&mut self, service: &ServiceId, verdict: &Verdict, now: Duration) {
        let Some(pace) = self.0.get_mut(service) else { return };
        // Each request reads the Service first, so a conflict needs nothing but another try.
        let again = Verdict::Again { after: None, why: String::new() };
        match verdict {
            Verdict::Done { resource_version: _ } | Verdict::Gone
                if matches!(pace, Pace::InFlight { .. }) =>
            {
                self.0.remove(service);
            }
            Verdict::Done { resource_version: _ } | Verdict::Gone => {}
            Verdict::Conflict => pace.finished(&again, false, now),
            Verdict::Refused(_) | Verdict::Again { .. } => pace.finished(verdict, false, now),
        }
    }
}

/// Whether a Service that is being deleted waits for us. The finalizer may be another load balancer's: then neither our
/// condition is on it, nor is it one that we put finalizers on.
pub(crate) fn waits_for_us(service: &kinds::Service, gets_finalizers: bool) -> bool {
    service.metadata.deletion_timestamp.is_some()
        && has_finalizer(service)
        && (gets_finalizers || has_our_condition(service))
}

/// Whether FerroLB has said anything about its address.
pub(crate) fn has_our_condition(service: &kinds::Service) -> bool {
    service.status.conditions.iter().any(|condition| condition.type_ == IP_ALLOCATED)
}

/// Whether its deletion waits for a load balancer.
pub(crate) fn has_finalizer(service: &kinds::Service) -> bool {
    let finalizers = service.metadata.finalizers.as_deref().unwrap_or_default();
    finalizers.iter().any(|finalizer| finalizer == CLEANUP_FINALIZER)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> ServiceId {
        ServiceId::new("default", "web")
    }

    fn at(milliseconds: u64) -> Duration {
        Duration::from_millis(10_000 + milliseconds)
    }

    #[test]
    fn what_fails_is_tried_again_and_not_at_once() {
        let mut left = Left::default();
        left.insert(id());
        assert!(left.poll_write(at(0), true, |_| true).is_some());
        assert!(left.poll_write(at(0), true, |_| true).is_none(), "in flight");
        left.finished(&id(), &Verdict::Conflict, at(1));
        assert!(left.poll_write(at(2), true, |_| true).is_none());
        assert_eq!(left.deadline(), Some(at(201)));
        assert!(left.poll_write(at(201), true, |_| true).is_some());
        left.finished(&id(), &Verdict::Done { resource_version: "7".into() }, at(210));
        assert_eq!(left.deadline(), None);
        assert!(left.poll_write(at(300), true, |_| true).is_none());
    }

    #[test]
    fn one_that_leaves_again_while_a_request_is_in_flight_is_asked_about_again() {
        let mut left = Left::default();
        left.insert(id());
        assert!(left.poll_write(at(0), true, |_| true).is_some());
        left.insert(id());
        left.finished(&id(), &Verdict::Done { resource_version: "7".into() }, at(1));
        assert!(left.poll_write(at(2), true, |_| true).is_some());
    }

    #[test]
    fn nothing_goes_before_it_is_nowhere_announced() {
        let mut left = Left::default();
        left.insert(id());
        assert!(left.poll_write(at(0), true, |_| false).is_none());
        assert!(left.poll_write(at(0), true, |_| true).is_some());
    }
}
