use ferrolb_sansio::Instant;

use super::Session;
use super::event::{Action, Event};
use super::link::{Link, Side};
use super::reason::Reason;
use super::state::{Phase, Rest};
use super::status::LastError;
use crate::wire::Notification;

impl Session {
    /// Ends a transport from our side; the peer is told what the reason says.
    pub(super) fn end(&mut self, now: Instant, side: Side, reason: Reason) {
        let Some(mut link) = self.links.take(side) else { return };
        let notification = self.farewell(&link, &reason);
        self.close(&mut link, notification.as_ref());
        self.ended(now, &link, reason);
    }

    /// Ends every transport, furthest first.
    pub(super) fn end_all(&mut self, now: Instant, reason: &Reason) {
        for side in Side::ALL {
            self.end(now, side, reason.clone());
        }
    }

    /// Has the caller close a transport that is no longer among the links.
    pub(super) fn close(&mut self, link: &mut Link, notification: Option<&Notification>) {
        self.counters.sent.notification += u64::from(notification.is_some());
        let last = core::mem::take(&mut link.outbox).last(notification);
        self.actions.push_back(Action::Close { transport: link.transport, last });
    }

    /// Notes the end of a transport that is no longer among the links, and decides what comes next if it was the last.
    pub(super) fn ended(&mut self, now: Instant, link: &Link, reason: Reason) {
        let up = match link.phase {
            Phase::Established { since, .. } => {
                self.routes.close();
                self.worst = None;
                Some(now.since(since))
            }
            Phase::Connect | Phase::OpenSent | Phase::OpenConfirm(_) => None,
        };
        if reason.is_error() {
            self.last_error = Some(LastError { at: now, text: reason.to_string() });
        }
        let kindred = reason.kindred();
        self.events.push_back(Event::Ended { state: link.phase.name(), reason });
        if !self.links.is_empty() || self.rest == Rest::Stopped {
            return;
        }
        if self.leaving.take().is_some() {
            self.stopped();
            return;
        }
        self.rest = self.retry.after(now, kindred, up, &self.settings, &mut self.rng);
    }

    pub(super) fn stopped(&mut self) {
        (self.rest, self.draining) = (Rest::Stopped, false);
        self.routes.set_silent(false);
        self.events.push_back(Event::Stopped);
    }

    /// What the peer is told at the end of a transport.
    fn farewell(&self, link: &Link, reason: &Reason) -> Option<Notification> {
        let peer = match &link.phase {
            Phase::Connect => return None,
            Phase::OpenSent => None,
            Phase::OpenConfirm(peer) | Phase::Established { peer, .. } => Some(peer),
        };
        let notification = reason.notification()?;
        let helper = peer.and_then(|peer| peer.graceful_restart.as_ref());
        let Some(helper) = helper.filter(|_| self.settings.graceful_restart.is_some()) else {
            return Some(notification);
        };
        // The peer keeps our routes only if it hears no word (RFC 4724 §4.2).
        if matches!(reason, Reason::Restarting(_)) {
            return None;
        }
        let hard = reason.is_hard() && helper.notification;
        Some(if hard { Notification::hard_reset(&notification) } else { notification })
    }
}
