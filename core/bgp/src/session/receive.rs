use ferrolb_sansio::Instant;

use super::event::{Event, TransportId};
use super::link::Side;
use super::reason::Reason;
use super::state::Phase;
use super::{Session, open};
use crate::wire::{self, Fault, Message, Open, RefreshKind, RouteRefresh, Update};

impl Session {
    /// The peer sent these octets. No more than one message of them is kept, so that the caller decides by how much it reads
    /// at a time for how long this takes.
    pub fn handle_received(&mut self, now: Instant, transport: TransportId, mut octets: &[u8]) {
        while let Some(side) = self.links.side(transport)
            && let Some(link) = self.links.get_mut(side)
        {
            let negotiated = link.negotiated();
            let mut left = octets;
            let message = match link.inbox.next(&mut left) {
                Ok(None) => break,
                Ok(Some(frame)) => wire::decode(frame, &negotiated),
                Err(error) => Err(error.into()),
            };
            octets = octets.get(octets.len() - left.len()..).unwrap_or_default();
            match message {
                Ok(message) => self.handle_message(now, side, message),
                Err(error) => self.end(now, side, Reason::Malformed(error)),
            }
        }
        self.tell_state(now);
    }

    fn handle_message(&mut self, now: Instant, side: Side, message: Message) {
        let Some(link) = self.links.get_mut(side) else { return };
        self.counters.received.count(message.kind());
        let (kind, state) = (message.kind(), link.phase.name());
        match (&link.phase, message) {
            (_, Message::Notification(notification)) => self.end(now, side, Reason::Heard(notification)),
            (Phase::OpenSent, Message::Open(open)) => self.handle_open(now, side, &open),
            (Phase::OpenConfirm(_), Message::Keepalive) => self.establish(now, side),
            (Phase::Established { .. }, Message::Keepalive) => link.restart_hold(now),
            (Phase::Established { .. }, Message::Update(update)) => {
                link.restart_hold(now);
                self.handle_update(now, side, update);
            }
            (Phase::Established { .. }, Message::RouteRefresh(refresh)) => {
                link.restart_hold(now);
                self.handle_refresh(refresh);
            }
            (Phase::Established { .. }, Message::Open(_))
            | (Phase::OpenConfirm(_), Message::Open(_) | Message::Update(_) | Message::RouteRefresh(_))
            | (Phase::OpenSent, Message::Keepalive | Message::Update(_) | Message::RouteRefresh(_))
            | (Phase::Connect, _) => self.end(now, side, Reason::Unexpected { kind, state }),
        }
    }

    fn handle_open(&mut self, now: Instant, side: Side, theirs: &Open) {
        let ours = open::ours(&self.settings, self.restart);
        let peer = match open::agree(&self.settings, &ours, theirs) {
            Ok(peer) => peer,
            Err(refusal) => return self.end(now, side, Reason::Refused(refusal)),
        };
        if !self.resolve_collision(now, side, &peer) {
            return;
        }
        let Some(link) = self.links.get_mut(side) else { return };
        // RFC 8654 §4, §5: what this side has said of itself decides what it takes. The peer's word decides what it is sent.
        if self.settings.extended_messages {
            link.inbox.extend();
        }
        link.phase = Phase::OpenConfirm(peer);
        link.restart_hold(now);
        link.send_keepalive(now, self.settings.keepalive, &mut self.rng);
        self.counters.sent.keepalive += 1;
    }

    fn establish(&mut self, now: Instant, side: Side) {
        // Whatever else is on its way is one too many.
        self.end(now, side.other(), Reason::Collision);
        let Some(mut link) = self.links.take(side) else { return };
        link.phase = match link.phase {
            Phase::OpenConfirm(peer) => Phase::Established { peer, since: now },
            other @ (Phase::Connect | Phase::OpenSent | Phase::Established { .. }) => other,
        };
        link.restart_hold(now);
        if let (Some(policy), Some(peer)) = (self.policy(&link), link.phase.peer()) {
            self.routes.open(policy, peer.negotiated);
        }
        self.links.put(side, link);
        self.restart.restarted = false;
        self.counters.established += 1;
        self.counters.announced_now = [0; 2];
    }

    /// Routes of peers are counted and forgotten: nothing is accepted (RFC 8212 asks for that where no policy is
    /// configured, and there is none to configure).
    fn handle_update(&mut self, now: Instant, side: Side, update: Update) {
        self.counters.count_routes(&update);
        let Some(fault) = update.fault else { return };
        self.counters.count_fault(&fault);
        match fault.action {
            wire::Action::Reset => self.end(now, side, Reason::Fault(fault)),
            wire::Action::Discard | wire::Action::Withdraw => self.note_fault(fault),
        }
    }

    /// Keeps the worst of a session's faults, so that what is told of them is bounded.
    fn note_fault(&mut self, fault: Fault) {
        if self.worst.as_ref().is_none_or(|worst| worst.action < fault.action) {
            self.events.push_back(Event::Fault(fault.clone()));
            self.worst = Some(fault);
        }
    }

    /// Beginning and end of an answer are nothing to us, who never ask; unknown kinds are ignored (RFC 7313 §5), and so are
    /// families that were not agreed on (RFC 2918 §4).
    fn handle_refresh(&mut self, refresh: RouteRefresh) {
        match (refresh.kind, refresh.family.family()) {
            (RefreshKind::Request, Some(family)) => self.routes.refresh(family),
            (RefreshKind::Request, None)
            | (RefreshKind::Begin | RefreshKind::End | RefreshKind::Unknown(_), _) => {}
        }
    }
}
