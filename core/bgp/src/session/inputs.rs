use core::time::Duration;

use ferrolb_sansio::Instant;

use super::event::{Accepted, Event, TransportId};
use super::link::{Link, Side, Timer};
use super::reason::Reason;
use super::state::{Phase, Rest};
use super::status::LastError;
use super::{Session, open};
use crate::policy::Addresses;
use crate::wire::{CeaseCode, ErrorCode, Notification};

/// RFC 4271 §8.2.2 suggests so much for the wait for an OPEN.
pub(super) const OPEN_HOLD: Duration = Duration::from_secs(4 * 60);

impl Session {
    /// A transport that was asked for is connected.
    pub fn handle_connected(&mut self, now: Instant, transport: TransportId, addresses: Addresses) {
        if self.links.side(transport) == Some(Side::Dialled)
            && let Some(mut link) = self.links.take(Side::Dialled)
        {
            match link.phase {
                Phase::Connect => self.send_open(now, &mut link, addresses),
                Phase::OpenSent | Phase::OpenConfirm(_) | Phase::Established { .. } => {}
            }
            self.links.put(Side::Dialled, link);
        }
        self.tell_state(now);
    }

    /// A transport has ended, or could not be connected: `failure` is why in words, `None` that the peer closed it in good
    /// order.
    pub fn handle_closed(&mut self, now: Instant, transport: TransportId, failure: Option<String>) {
        let Some(side) = self.links.side(transport) else { return };
        let Some(link) = self.links.take(side) else { return };
        let reason = match (&link.phase, failure) {
            (Phase::Connect, failure) => Reason::NotConnected(failure.unwrap_or_else(|| "it refuses".into())),
            (Phase::OpenSent | Phase::OpenConfirm(_) | Phase::Established { .. }, Some(why)) => {
                Reason::Failed(why)
            }
            (Phase::OpenSent | Phase::OpenConfirm(_) | Phase::Established { .. }, None) => Reason::Closed,
        };
        self.ended(now, &link, reason);
        self.tell_state(now);
    }

    /// The peer has connected. The caller knows by its address that it is this peer.
    pub fn handle_accepted(&mut self, now: Instant, addresses: Addresses) -> Accepted {
        let accepted = self.accept(now, addresses);
        self.tell_state(now);
        accepted
    }

    /// The peer has connected, but not where it should: `why` says that in words. What to write before that connection is
    /// closed.
    pub fn handle_misdirected(&mut self, now: Instant, why: String) -> Vec<u8> {
        let reason = Reason::Misdirected(why);
        // Of a session that is up it would say nothing.
        if self.links.established().is_none() && self.rest != Rest::Stopped {
            self.last_error = Some(LastError { at: now, text: reason.to_string() });
            self.events.push_back(Event::Ended { state: self.state_now(), reason });
        }
        rejection(CeaseCode::ConnectionRejected)
    }

    /// BFD says that the path to the peer is gone (RFC 9384).
    pub fn handle_bfd_down(&mut self, now: Instant) {
        if let Some(side) = self.links.established() {
            self.end(now, side, Reason::BfdDown);
        }
        self.tell_state(now);
    }

    fn accept(&mut self, now: Instant, addresses: Addresses) -> Accepted {
        // RFC 4271 §8.1.1 would take nobody while a session rests. That rest is there to spare the peer, who has begun by
        // itself now; and two speakers that refuse each other in turn would never meet.
        if self.rest == Rest::Stopped || self.leaving.is_some() || !self.settings.opening.listens() {
            return refuse(CeaseCode::ConnectionRejected);
        }
        if let Some(side) = self.links.established() {
            if !self.peer_restarts_gracefully(side) {
                self.probe(now, side);
                return refuse(CeaseCode::ConnectionCollisionResolution);
            }
            // RFC 4724 §4.2: the peer has restarted before we could notice.
            let accepted = self.take_on(now, addresses);
            if side == Side::Dialled {
                self.end(now, side, Reason::Replaced);
            }
            return accepted;
        }
        self.take_on(now, addresses)
    }

    fn take_on(&mut self, now: Instant, addresses: Addresses) -> Accepted {
        let transport = self.next_transport();
        let mut link = Link::new(transport);
        self.send_open(now, &mut link, addresses);
        self.rest = Rest::Trying { dial_at: None };
        // A peer that connects again has given up what it had.
        if let Some(mut former) = self.links.put(Side::Accepted, link) {
            self.close(&mut former, None);
            self.ended(now, &former, Reason::Replaced);
        }
        Accepted::Taken(transport)
    }

    fn send_open(&mut self, now: Instant, link: &mut Link, addresses: Addresses) {
        let open = open::ours(&self.settings, self.restart);
        let fits = link.outbox.write(|out| open.encode(out));
        debug_assert!(fits.is_ok(), "our capabilities have a few dozen octets");
        self.counters.sent.open += 1;
        link.addresses = addresses;
        link.phase = Phase::OpenSent;
        link.timers.stop(Timer::Connect as usize);
        link.timers.set(Timer::Hold as usize, now + OPEN_HOLD);
        link.watch_sending(now, false);
    }

    pub(super) fn peer_restarts_gracefully(&self, side: Side) -> bool {
        let peer = self.links.get(side).and_then(|link| link.phase.peer());
        peer.is_some_and(|peer| peer.graceful_restart.is_some())
    }

    /// A peer that connects again may have forgotten the session: if so its TCP answers whatever it hears with a reset. What
    /// waits to be sent already asks that, and must not become more with every connection.
    fn probe(&mut self, now: Instant, side: Side) {
        if self.links.get(side).is_some_and(|link| link.outbox.is_empty()) {
            self.keep_alive(now, side);
        }
    }

    /// Gives the peer a sign of life.
    pub(super) fn keep_alive(&mut self, now: Instant, side: Side) {
        let configured = self.settings.keepalive;
        if let Some(link) = self.links.get_mut(side) {
            link.send_keepalive(now, configured, &mut self.rng);
            self.counters.sent.keepalive += 1;
        }
    }
}

fn refuse(code: CeaseCode) -> Accepted {
    Accepted::Refused(rejection(code))
}

fn rejection(code: CeaseCode) -> Vec<u8> {
    let mut last = Vec::new();
    Notification::from(ErrorCode::Cease(code)).encode(&mut last);
    last
}
