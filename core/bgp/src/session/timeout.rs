use ferrolb_sansio::Instant;

use super::Session;
use super::inputs::OPEN_HOLD;
use super::link::{Side, Timer};
use super::reason::Reason;
use super::state::Rest;

impl Session {
    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        for side in Side::ALL {
            for timer in Timer::ALL {
                if self.links.get_mut(side).is_some_and(|link| link.timers.expire(timer as usize, now)) {
                    self.expired(now, side, timer);
                }
            }
        }
        match self.rest {
            Rest::Damped { until } if until <= now => self.begin(now),
            Rest::Trying { dial_at: Some(at) } if at <= now => self.begin(now),
            Rest::Stopped | Rest::Damped { .. } | Rest::Trying { .. } => {}
        }
        self.advance_leaving(now);
        self.tell_state(now);
    }

    fn expired(&mut self, now: Instant, side: Side, timer: Timer) {
        match timer {
            Timer::Connect => self.end(now, side, Reason::ConnectTimeout(self.connect_time())),
            Timer::Hold => {
                let peer = self.links.get(side).and_then(|link| link.phase.peer());
                let time = peer.map_or(OPEN_HOLD, |peer| peer.hold_time);
                self.end(now, side, Reason::HoldTimerExpired(time));
            }
            Timer::Keepalive => self.probe(now, side),
            Timer::SendHold => self.end(now, side, Reason::SendHoldTimerExpired),
        }
    }
}
