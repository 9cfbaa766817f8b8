use ferrolb_sansio::Instant;

use super::link::Side;
use super::open;
use super::reason::Reason;
use super::settings::Settings;
use super::state::{Peer, Rest};
use super::{Effect, Session};

impl Session {
    /// Another configuration of the same peer holds from now on. Only what two OPENs have agreed on makes a session begin
    /// again, and only if the agreement would be another one. Whoever waits because of a refusal tries at once: this may be
    /// what mends it.
    pub fn reconfigure(&mut self, now: Instant, settings: Settings) -> Effect {
        if settings == self.settings {
            return Effect::Unchanged;
        }
        let before = core::mem::replace(&mut self.settings, settings);
        let mut effect = Effect::InPlace;
        for side in Side::ALL {
            if self.links.get(side).is_some_and(|link| !self.still_agreed(&before, link.phase.peer())) {
                effect = Effect::Reset;
                self.end(now, side, Reason::Reconfigured);
            }
        }
        self.apply_policy();
        if effect == Effect::InPlace {
            self.retry_now(now);
        } else {
            self.tell_state(now);
        }
        effect
    }

    /// Tries again at once if nothing is being tried: what kept the peer away may be another thing now, such as a password.
    pub fn retry_now(&mut self, now: Instant) {
        if self.links.is_empty() && self.rest != Rest::Stopped {
            self.begin(now);
        }
        self.tell_state(now);
    }

    /// Whether a transport would have come to where it is under the new settings too.
    fn still_agreed(&self, before: &Settings, peer: Option<&Peer>) -> bool {
        let (old, mut new) = (open::ours(before, self.restart), open::ours(&self.settings, self.restart));
        if let Some(peer) = peer {
            // The lesser of two hold times holds: a proposal that never counted may change.
            let lesser = |ours: u16| peer.offered_hold_time.as_secs().min(ours.into());
            if lesser(old.hold_time) == lesser(new.hold_time) {
                new.hold_time = old.hold_time;
            }
            if open::check(&self.settings, peer.asn, peer.identifier, peer.negotiated.families).is_err() {
                return false;
            }
        }
        old == new
    }
}
