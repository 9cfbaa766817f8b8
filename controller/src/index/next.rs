//! What to send next, and when to ask again.

use std::time::Duration;

use jiff::Timestamp;

use super::Index;
use crate::write::Write;

impl Index {
    /// The next request to send: addresses first, then announcements, then counters and conditions, then Events.
    pub(crate) fn poll_write(&mut self, now: Duration, today: Timestamp) -> Option<Write> {
        if !self.complete.missing().is_empty() {
            return None;
        }
        if self.announcements.settling.is_due(now) {
            self.announcements.look_at_sessions();
            self.stale_objects = true;
        }
        if let Some(write) = self.services.poll_write(now, today) {
            self.calm.disturbed(now);
            return Some(write);
        }
        self.look_at_announcements(now);
        if let Some(write) = self.announcements.poll_write(now, self.services.is_writing()) {
            return Some(write);
        }
        let slices = &self.announcements.slices;
        if let Some(write) = self.left.poll_write(now, self.cleanup_finalizer, |id| !slices.name(id)) {
            return Some(write);
        }
        if !self.calm.is_at(now) {
            return None;
        }
        if std::mem::take(&mut self.stale_objects) {
            self.pools.refresh(&self.allocator, &self.namespaces, &mut self.objects);
            self.announcements.refresh_objects(&mut self.objects);
            self.announcements.refresh_bgp(&mut self.objects);
        }
        self.objects.poll_write(now, today)
    }

    /// The next thing to tell that no traffic depends on: `Announced` conditions, Events. Asked for only when nothing
    /// more urgent waits.
    pub(crate) fn poll_telling(&mut self, now: Duration, today: Timestamp) -> Option<Write> {
        if !self.calm.is_at(now) {
            return None;
        }
        self.services.poll_telling(now, today)
    }

    /// Whether no addresses are being given, so that there is time for what can wait.
    pub(crate) fn is_calm(&self, now: Duration) -> bool {
        self.calm.is_at(now)
    }

    /// When [`Self::poll_telling`] may have something, if nothing else happens.
    pub(crate) fn telling_deadline(&self) -> Option<Duration> {
        self.services.has_telling().then(|| self.calm.returns().unwrap_or_default())
    }

    /// When [`Self::poll_write`] will have something that it has not now, if nothing else happens.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        [
            self.services.deadline(),
            self.announcements.deadline(self.services.is_writing()),
            self.objects_deadline(),
            self.announced.deadline(),
            self.left.deadline(),
            self.announcements.settling.deadline(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn objects_deadline(&self) -> Option<Duration> {
        let calm = self.calm.returns();
        let compare = calm.filter(|_| self.stale_objects);
        let write = self.objects.deadline().map(|time| time.max(calm.unwrap_or_default()));
        [compare, write].into_iter().flatten().min()
    }
}
