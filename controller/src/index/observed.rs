//! A Service's status as it was seen, compared with what it should say.

use std::net::IpAddr;

use ferrolb_api::{
    CLEANUP_FINALIZER,
    condition::{ANNOUNCED, IP_ALLOCATED, announced},
};
use ferrolb_runtime::kinds;
use jiff::Timestamp;

use crate::write::{AnnouncedStatus, ServiceStatus};

/// A Service's status as the API server has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Observed {
    pub(super) addresses: Vec<IpAddr>,
    /// Whether the ingress holds nothing but addresses of mode VIP.
    plain: bool,
    allocated: Option<Condition>,
    announced: Option<Condition>,
    /// Whether it waits for us before it is deleted.
    pub(super) finalizer: bool,
}

/// A condition that the Service has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Condition {
    holds: bool,
    reason: String,
    message: String,
    since: Timestamp,
}

/// An Event that a change deserves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct News {
    pub(super) warning: bool,
    pub(super) reason: String,
    pub(super) note: String,
}

impl Observed {
    pub(super) fn of(service: &kinds::Service) -> Self {
        let ingress = &service.status.load_balancer.ingress;
        Self {
            addresses: ingress.iter().filter_map(|point| point.ip.as_deref()?.parse().ok()).collect(),
            plain: ingress.iter().all(|point| {
                point.hostname.is_none() && point.ip_mode.as_deref().is_none_or(|mode| mode == "VIP")
            }),
            allocated: Condition::find(service, IP_ALLOCATED),
            announced: Condition::find(service, ANNOUNCED),
            finalizer: service
                .metadata
                .finalizers
                .as_ref()
                .is_some_and(|all| all.iter().any(|one| one == CLEANUP_FINALIZER)),
        }
    }

    /// Whether the addresses and their condition are as wanted.
    pub(super) fn says(&self, status: &ServiceStatus) -> bool {
        let condition = self
            .allocated
            .as_ref()
            .is_some_and(|condition| condition.says(status.allocated, &status.reason, &status.message));
        condition && self.addresses == status.addresses && (self.plain || self.addresses.is_empty())
    }

    /// Whether it was refused for this reason already. The sentence may be another by now, because other pools have no
    /// room today; that alone is not worth a write.
    pub(super) fn is_refused_alike(&self, status: &ServiceStatus) -> Option<&str> {
        let condition = self.allocated.as_ref()?;
        let alike = !condition.holds && !status.allocated && condition.reason == status.reason;
        alike.then_some(condition.message.as_str())
    }

    /// Whether the condition about announcing is as wanted.
    pub(super) fn says_announced(&self, status: &AnnouncedStatus) -> bool {
        let condition = self.announced.as_ref();
        condition.is_some_and(|condition| condition.says(status.announced, &status.reason, &status.message))
    }

    /// The addresses, if our condition says that they are given.
    pub(super) fn written_addresses(&self) -> &[IpAddr] {
        if self.allocated.as_ref().is_some_and(|condition| condition.holds) { &self.addresses } else { &[] }
    }

    /// Whether anything was ever said about announcing.
    pub(super) fn speaks_of_announcing(&self) -> bool {
        self.announced.is_some()
    }

    /// When the condition's value last flipped, once `status` is written `today`; with an address that it did not have,
    /// the Service begins anew, because of two that have one address the earlier keeps it.
    pub(super) fn since(&self, status: &ServiceStatus, today: Timestamp) -> Timestamp {
        match status.addresses.iter().all(|address| self.addresses.contains(address)) {
            true => flipped(self.allocated.as_ref(), status.allocated, today),
            false => today,
        }
    }

    /// The same for the condition about announcing.
    pub(super) fn announced_since(&self, status: &AnnouncedStatus, today: Timestamp) -> Timestamp {
        flipped(self.announced.as_ref(), status.announced, today)
    }

    /// `status` was written. Returns the Event that this deserves, if it changed anything that a user sees.
    pub(super) fn becomes(&mut self, status: &ServiceStatus, today: Timestamp) -> Option<News> {
        let news = self.news(status);
        let since = self.since(status, today);
        self.addresses.clone_from(&status.addresses);
        self.plain = true;
        self.allocated = Some(Condition {
            holds: status.allocated,
            reason: status.reason.clone(),
            message: status.message.clone(),
            since,
        });
        news
    }

    /// The same for the condition about announcing.
    pub(super) fn becomes_announced(&mut self, status: &AnnouncedStatus, today: Timestamp) -> Option<News> {
        let since = self.announced_since(status, today);
        let condition = Condition {
            holds: status.announced,
            reason: status.reason.clone(),
            message: status.message.clone(),
            since,
        };
        self.announced = Some(condition);
        let is_well = status.announced && status.reason != announced::DUPLICATE;
        Some(News {
            warning: !is_well,
            reason: if is_well { "Announced".to_owned() } else { status.reason.clone() },
            note: status.message.clone(),
        })
    }

    fn news(&self, status: &ServiceStatus) -> Option<News> {
        let same_reason = self.allocated.as_ref().is_some_and(|condition| {
            condition.holds == status.allocated && condition.reason == status.reason
        });
        if same_reason && self.addresses == status.addresses {
            return None;
        }
        let reason = if status.allocated { "IPAllocated".to_owned() } else { status.reason.clone() };
        Some(News { warning: !status.allocated, reason, note: status.message.clone() })
    }
}

impl Condition {
    fn find(service: &kinds::Service, kind: &str) -> Option<Self> {
        let condition = service.status.conditions.iter().find(|condition| condition.type_ == kind)?;
        Some(Self {
            holds: condition.status == "True",
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since: condition.last_transition_time.0,
        })
    }

    fn says(&self, holds: bool, reason: &str, message: &str) -> bool {
        self.holds == holds && self.reason == reason && self.message == message
    }
}

fn flipped(condition: Option<&Condition>, holds: bool, today: Timestamp) -> Timestamp {
    condition.filter(|condition| condition.holds == holds).map_or(today, |condition| condition.since)
}
