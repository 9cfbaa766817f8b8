//! One Service: what its status says, what it should say, and the request that makes it so.

use std::{net::IpAddr, time::Duration};

use ferrolb_model::ServiceId;
use ferrolb_runtime::kinds;
use jiff::Timestamp;

use super::{
    contest::Contest,
    observed::{News, Observed},
    pace::Pace,
    version,
};
use crate::write::{
    AnnouncedStatus, ServiceStatus, Verdict, Write, announced_patch, finalizer_patch, service_patch,
};

/// One Service.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) uid: String,
    version: String,
    observed: Observed,
    pub(super) wanted: Option<ServiceStatus>,
    announced: Option<AnnouncedStatus>,
    in_flight: Option<Box<InFlight>>,
    pub(super) pace: Pace,
    contest: Contest,
    /// Whether its deletion is to wait until it is announced nowhere any more.
    cleanup_finalizer: bool,
    /// Whether the finalizer that it has was found to be another load balancer's.
    has_others_finalizer: bool,
    /// The API server's last refusal, which is told once.
    refused: Option<String>,
}

/// The request in flight.
#[derive(Debug)]
struct InFlight {
    says: Says,
    /// What it was written from.
    from: Observed,
    from_version: String,
}

#[derive(Debug)]
enum Says {
    Addresses(ServiceStatus),
    Announced(AnnouncedStatus),
    Finalizer,
}

impl Record {
    pub(super) fn new(uid: &str, cleanup_finalizer: bool) -> Self {
        Self {
            uid: uid.into(),
            version: String::new(),
            observed: Observed::default(),
            wanted: None,
            announced: None,
            in_flight: None,
            pace: Pace::Free,
            contest: Contest::default(),
            cleanup_finalizer,
            has_others_finalizer: false,
            refused: None,
        }
    }

    /// The Service was seen. Returns false if a newer version is known, from the answer to a write. What a list says is
    /// believed all the same: the API server's storage may have been set back.
    pub(super) fn seen(&mut self, service: &kinds::Service, in_list: bool) -> bool {
        let seen = service.metadata.resource_version.clone().unwrap_or_default();
        if !in_list && !self.version.is_empty() && version::is_newer(&self.version, &seen) {
            return false;
        }
        self.version = seen;
        self.observed = Observed::of(service);
        self.has_others_finalizer &= self.observed.finalizer;
        self.pace.seen();
        true
    }

    /// Sets what its status should say; `None`: it is left as it is.
    pub(super) fn want(&mut self, status: Option<ServiceStatus>) {
        if self.wanted != status {
            self.contest = Contest::default();
            self.wanted = status;
        }
    }

    /// The addresses that it is meant to have and that the API server has as its.
    pub(super) fn settled_addresses(&self) -> Vec<IpAddr> {
        let Some(wanted) = &self.wanted else { return Vec::new() };
        wanted.addresses.iter().filter(|address| self.observed.addresses.contains(address)).copied().collect()
    }

    /// Sets what should be said about announcing. Returns whether that is not what is said. Nothing is said of a
    /// Service that has no address, unless something was said before.
    pub(super) fn want_announced(&mut self, status: AnnouncedStatus) -> bool {
        if self.settled_addresses().is_empty() && !self.observed.speaks_of_announcing() {
            self.announced = None;
            return false;
        }
        let differs = !self.observed.says_announced(&status);
        self.announced = Some(status);
        differs
    }

    /// The addresses that the API server has as given by us.
    pub(super) fn written_addresses(&self) -> &[IpAddr] {
        self.observed.written_addresses()
    }

    /// Whether the condition about announcing is to be written, once its addresses are.
    pub(super) fn is_due_to_announce(&self) -> bool {
        self.announced.as_ref().is_some_and(|wanted| !self.observed.says_announced(wanted))
    }

    /// Whether something was said about announcing.
    pub(super) fn speaks_of_announcing(&self) -> bool {
        self.observed.speaks_of_announcing()
    }

    /// Whether its addresses, or the finalizer, are to be written.
    pub(super) fn is_due(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| !self.observed.says(wanted)) || self.lacks_finalizer()
    }

    /// What was told of a refusal before a restart stays, as long as the reason is the same.
    pub(super) fn keep_told(&mut self) {
        if let Some(wanted) = &mut self.wanted
            && let Some(told) = self.observed.is_refused_alike(wanted)
        {
            wanted.message = told.to_owned();
        }
    }

    /// Whether the finalizer is to be added, which goes before the first address.
    fn lacks_finalizer(&self) -> bool {
        let gives = self.wanted.as_ref().is_some_and(|wanted| !wanted.addresses.is_empty());
        self.cleanup_finalizer && gives && !self.observed.finalizer
    }

    /// Whether a finalizer may be left of a time when finalizers were asked for; whose it is must be read.
    pub(super) fn may_have_our_finalizer(&self) -> bool {
        let served = !self.observed.written_addresses().is_empty();
        !self.cleanup_finalizer && self.observed.finalizer && served && !self.has_others_finalizer
    }

    /// It was read: what is ours is gone, or about to be seen gone.
    pub(super) fn finalizer_is_read(&mut self) {
        self.has_others_finalizer = true;
    }

    /// The request that writes its addresses, if one may go.
    pub(super) fn write(&mut self, id: &ServiceId, now: Duration, today: Timestamp) -> Option<Write> {
        if self.lacks_finalizer() && self.pace.allows(now) {
            let patch = finalizer_patch(&self.version, true);
            self.send(Says::Finalizer);
            return Some(Write::Finalizer { service: id.clone(), patch });
        }
        let wanted =
            self.wanted.clone().filter(|wanted| !self.observed.says(wanted) && self.pace.allows(now))?;
        if let Some(time) = self.contest.pause(now) {
            self.pace = Pace::Until { time, failures: 0 };
            return None;
        }
        let patch = service_patch(&self.version, &wanted, self.observed.since(&wanted, today));
        self.send(Says::Addresses(wanted));
        Some(Write::ServiceStatus { service: id.clone(), patch })
    }

    /// The request that writes the condition about announcing, if one may go: addresses go first.
    pub(super) fn write_announced(
        &mut self,
        id: &ServiceId,
        now: Duration,
        today: Timestamp,
    ) -> Option<Write> {
        if self.is_due() || !self.pace.allows(now) {
            return None;
        }
        let wanted = self.announced.clone().filter(|wanted| !self.observed.says_announced(wanted))?;
        let patch = announced_patch(&self.version, &wanted, self.observed.announced_since(&wanted, today));
        self.send(Says::Announced(wanted));
        Some(Write::ServiceStatus { service: id.clone(), patch })
    }

    /// The request's outcome. Returns the Event it deserves.
    pub(super) fn finished(&mut self, verdict: &Verdict, now: Duration, today: Timestamp) -> Option<News> {
        let InFlight { says, from: mut observed, from_version } = *self.in_flight.take()?;
        // After a restore of the API server's storage what was seen since may have an older version.
        let overtaken = self.version != from_version;
        self.pace.finished(verdict, overtaken, now);
        match verdict {
            Verdict::Done { resource_version } => {
                let news = match &says {
                    Says::Addresses(status) => {
                        self.contest.written(now);
                        observed.becomes(status, today)
                    }
                    Says::Announced(status) => observed.becomes_announced(status, today),
                    Says::Finalizer => {
                        observed.finalizer = true;
                        None
                    }
                };
                self.refused = None;
                // The watch may have been faster than the answer.
                if version::is_newer(resource_version, &self.version) {
                    self.version.clone_from(resource_version);
                    self.observed = observed;
                }
                news
            }
            Verdict::Refused(why) if self.refused.as_ref() == Some(why) => None,
            Verdict::Refused(why) => {
                self.refused = Some(why.clone());
                Some(News {
                    warning: true,
                    reason: "StatusRefused".to_owned(),
                    note: format!("The API server refuses what FerroLB writes to this Service: {why}"),
                })
            }
            // What is known is not what there is: whatever is seen next is nearer to it.
            Verdict::Conflict if !overtaken => {
                self.version.clear();
                None
            }
            Verdict::Conflict | Verdict::Gone | Verdict::Again { .. } => None,
        }
    }

    fn send(&mut self, says: Says) {
        self.pace.sent();
        let from = self.observed.clone();
        self.in_flight = Some(Box::new(InFlight { says, from, from_version: self.version.clone() }));
    }
}
