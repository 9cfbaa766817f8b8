use core::time::Duration;

use ferrolb_sansio::Instant;

use crate::machine::Machine;
use crate::outbox::{Content, Probe};
use crate::state::State;

/// VIPs that only others' claims tell of are kept this long.
const REMEMBER_VIP: Duration = Duration::from_secs(600);
/// Peers are kept this long after their last sign of life.
const REMEMBER_PEER: Duration = Duration::from_secs(600);
const REMEMBER_LOSS: Duration = Duration::from_secs(60);
const TIDY_INTERVAL: Duration = Duration::from_secs(1);
const WITNESS_INTERVAL: Duration = Duration::from_secs(1);

/// What is done because its time has come.
impl Machine {
    /// Does what is due.
    pub(crate) fn timeout(&mut self) {
        let now = self.now;
        if now < self.due() {
            return;
        }
        self.finish_join();
        self.note_connection();
        let mut next = self.due_repeats().min(self.due_of_peers());
        if now >= self.beat_at {
            self.beat();
        }
        self.take_stock();
        next = next.min(self.evaluate_restless());
        next = next.min(self.probe_suspects()).min(self.ask_witnesses());
        if let Some(join) = &self.join {
            next = next.min(join.ask);
            next = next.min(if join.until > now { join.until } else { Instant::MAX });
        }
        self.tell_isolation();
        self.flush();
        self.counters.sends_dropped = self.out.dropped();
        self.next = next.min(self.beat_at).min(self.out.next_repeat());
    }

    /// Applies the rules to all VIPs that do not rest; returns when to look again.
    fn evaluate_restless(&mut self) -> Instant {
        self.peers.iter_mut().for_each(|peer| peer.suspects = 0);
        let mut addresses = core::mem::take(&mut self.scratch);
        addresses.clear();
        if core::mem::take(&mut self.stirred) {
            addresses.extend(self.vips.keys());
        } else {
            addresses.extend(&self.restless);
        }
        self.restless.clear();
        self.edition += u64::from(!addresses.is_empty());
        let next = addresses.iter().fold(Instant::MAX, |next, &address| next.min(self.evaluate(address)));
        self.scratch = addresses;
        self.passed = self.now;
        debug_assert!(self.stirred || self.rest_is_justified());
        next
    }

    fn beat(&mut self) {
        let now = self.now;
        let speakers =
            1 + u32::try_from(self.peers.iter().filter(|peer| self.fresh(peer)).count()).unwrap_or(0);
        self.pace.beat(self.settings.timing.interval(speakers));
        let interval = self.pace.current;
        self.beat_at = now + interval * 95 / 100 + self.rng.jitter(interval / 10);
        if self.carrier && !self.is_shadowed() {
            if self.deaf() && self.pages.count() > 0 {
                // Requests for pages that got lost are not heard.
                self.out.frame(None, Content::PagesInTurn);
            }
            self.out.frame(None, Content::Heartbeat);
        }
        if now >= self.tidy_at {
            self.tidy_at = now + TIDY_INTERVAL;
            self.tidy();
        }
    }

    fn tidy(&mut self) {
        let now = self.now;
        self.pages.forget_lost(now - REMEMBER_LOSS);
        if self.peers.forget(now - REMEMBER_PEER) {
            // A forgotten peer's old frames must not prove anything again.
            self.nonce = self.rng.next();
            self.stir();
        }
        self.flapping.tidy(now);
        let known = self.vips.len();
        if known > self.planned.vips {
            let before = now - REMEMBER_VIP;
            self.vips.retain(|_, vip| vip.plan.is_some() || vip.owned() || vip.named >= before);
            self.edition += u64::from(self.vips.len() < known);
        }
    }

    /// Asks the witnesses: every second, and every T while their answer decides something.
    pub(crate) fn ask_witnesses(&mut self) -> Instant {
        let now = self.now;
        if now >= self.witness_at && self.carrier {
            self.out.probe(Probe::Witnesses);
            self.witness_at = now + WITNESS_INTERVAL;
        }
        let mut restless = self.restless.iter().filter_map(|address| self.vips.get(address));
        let waits = restless.any(|vip| match vip.state {
            State::Joining | State::Suspect { .. } | State::Mute => true,
            State::Owner | State::Ceding(_) | State::Backup { .. } => false,
        });
        let unlisted = || self.peers.iter().any(|peer| peer.unlisted.is_some() && self.fresh(peer));
        let decides = waits || self.pages.any_cut_off() || unlisted();
        if decides {
            self.witness_at = self.witness_at.min(now + self.pace.current);
        }
        self.witness_at.max(now + Duration::from_millis(1))
    }
}
