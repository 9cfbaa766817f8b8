//! One announcement slice: as it is, as it is wanted, and what is on its way.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc, time::Duration};

use ferrolb_api::{AnnouncementSlice, AnnouncementSliceSpec, VipAnnouncement};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use super::{contest::Contest, pace::Pace, version};
use crate::write::Write;

/// A slice follows what it is written for by so much: those who watch a Service hear of its address before the API server has the
/// slice to work on, and of Services that come together one is no reason to write twice.
pub(super) const MOMENT: Duration = Duration::from_millis(3);
/// How long a slice that will change again soon gathers changes: since the last write, and since the first change after it.
const INTERVAL: Duration = Duration::from_millis(100);

/// A slice, known under its name.
#[derive(Debug, Default)]
pub(super) struct Slice {
    /// Its resourceVersion; `None` while it does not exist.
    pub(super) version: Option<String>,
    /// What is as wanted is the same piece of memory.
    pub(super) observed: Vec<Arc<VipAnnouncement>>,
    pub(super) wanted: BTreeMap<IpAddr, Arc<VipAnnouncement>>,
    /// What the request in flight says, and the version it was written from.
    pub(super) sent: Vec<Arc<VipAnnouncement>>,
    pub(super) sent_from: Option<String>,
    pub(super) pace: Pace,
    pub(super) last_sent: Option<Duration>,
    /// When what is wanted was first seen to differ from what was sent.
    pub(super) differs_since: Option<Duration>,
    /// Somebody else wrote it last. Another leader that does not know yet that it leads no more would undo at once what is undone
    /// at once.
    pub(super) foreign: bool,
    /// How often in a row what somebody else wrote was undone.
    contest: Contest,
}

impl Slice {
    /// What counts against the limit: before everything is wanted that will be, also what is there.
    pub(super) fn occupied(&self) -> usize {
        self.wanted.len().max(self.observed.len())
    }

    /// When it may be written; at once, if nothing is said.
    pub(super) fn rests_until(&self, busy: bool) -> Option<Duration> {
        let follows = self.differs_since.map(|time| time + MOMENT);
        let gathers = self.last_sent.max(self.differs_since).filter(|_| busy);
        let undone = self.last_sent.filter(|_| self.foreign);
        let undone_again = self.contest.pauses_until().filter(|_| self.foreign);
        follows.max(gathers.max(undone).map(|time| time + INTERVAL)).max(undone_again)
    }

    pub(super) fn in_step(&self) -> bool {
        self.observed.len() == self.wanted.len() && self.observed.iter().eq(self.wanted.values())
    }

    pub(super) fn is_older_than(&self, version: &str) -> bool {
        self.version.as_deref().is_some_and(|known| version::is_newer(version, known))
    }

    /// What the API server has by now.
    pub(super) fn observe(&mut self, vips: Vec<VipAnnouncement>) {
        let Self { wanted, observed, .. } = self;
        let known =
            |vip: &VipAnnouncement| wanted.get(&vip.ip.parse().ok()?).filter(|known| ***known == *vip);
        *observed =
            vips.into_iter().map(|vip| known(&vip).cloned().unwrap_or_else(|| Arc::new(vip))).collect();
    }

    pub(super) fn write(&mut self, name: String, now: Duration) -> Write {
        self.pace.sent();
        self.sent_from.clone_from(&self.version);
        self.last_sent = Some(now);
        self.differs_since = None;
        if std::mem::take(&mut self.foreign) {
            self.contest.written(now);
        }
        self.sent = self.wanted.values().cloned().collect();
        if self.sent.is_empty() {
            return Write::DeleteSlice { name, resource_version: self.version.clone() };
        }
        let vips = self.sent.iter().map(|vip| VipAnnouncement::clone(vip)).collect();
        let mut object = AnnouncementSlice::new(&name, AnnouncementSliceSpec { vips });
        object.metadata.resource_version = self.version.clone();
        match self.version {
            Some(_) => {
                // One empty entry takes away the API server's record of who wrote which field, and it begins no other. A slice
                // has one writer, and the record costs the API server a fifth of each write.
                object.metadata.managed_fields = Some(vec![ManagedFieldsEntry::default()]);
                Write::ReplaceSlice(Box::new(object))
            }
            None => Write::CreateSlice(Box::new(object)),
        }
    }
}
