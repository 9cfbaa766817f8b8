use core::time::Duration;

use ferrolb_sansio::{Instant, Rng};

use super::Session;
use crate::{Interval, Packet, State};

/// What is to be sent, and what was.
#[derive(Clone, Debug)]
pub(super) struct Sending {
    /// When a packet was last sent that moved the timer.
    at: Instant,
    /// The part of the interval that passes before the next one, of a thousand.
    part: u32,
    /// A packet is to be sent now; an answer is.
    due: bool,
    answer_due: bool,
    /// What the last packet said, but for its P and F bits.
    said: Option<Packet>,
    count: u64,
}

impl Sending {
    pub(super) fn new(now: Instant, rng: &mut Rng) -> Self {
        // Sessions made together do not begin together.
        let part = per_mille(rng, 0, 100);
        Self { at: now, part, due: false, answer_due: false, said: None, count: 0 }
    }

    /// A poll was heard.
    pub(super) fn answer(&mut self) {
        self.answer_due = true;
    }

    pub(super) fn is_due(&self) -> bool {
        self.due || self.answer_due
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }
}

impl Session {
    /// The next packet that is to leave now, if one is.
    pub(crate) fn poll_transmit(&mut self) -> Option<Packet> {
        let contents = self.contents();
        let answers = std::mem::take(&mut self.sending.answer_due);
        let packet = if answers {
            // RFC 5880 §6.5: never both bits.
            Packet { is_final: true, ..contents }
        } else if std::mem::take(&mut self.sending.due) {
            let poll = self.negotiation.polls();
            self.negotiation.sent_poll();
            Packet { poll, ..contents }
        } else {
            return None;
        };
        self.sending.said = Some(contents);
        self.sending.count += 1;
        Some(packet)
    }

    /// Whether anything is to leave now.
    pub(crate) fn has_to_send(&self) -> bool {
        self.sending.is_due()
    }

    /// Sends soon what differs from what was said last (RFC 5880 §6.8.7), asked to be answered where the peer has stopped the
    /// periodic packets (§6.6).
    pub(super) fn say_what_changed(&mut self, now: Instant, rng: &mut Rng) {
        if self.sending.due || !self.may_begin() || self.sending.said == Some(self.contents()) {
            return;
        }
        if self.sending.said.is_none() && self.remote.discriminator.is_none() {
            return;
        }
        if self.peer_demands() {
            self.negotiation.want_answer(self.is_up());
        }
        self.send(now, rng);
    }

    pub(super) fn send(&mut self, now: Instant, rng: &mut Rng) {
        // RFC 5880 §6.8.7: 75 to 100 % of the interval; with a multiplier of 1, at most 90 %.
        let most = if self.profile.multiplier.get() == 1 { 900 } else { 1_000 };
        let part = per_mille(rng, LEAST, most);
        (self.sending.at, self.sending.part, self.sending.due) = (now, part, true);
    }

    /// When the next periodic packet is due.
    pub(super) fn next_transmit(&self) -> Option<Instant> {
        let after = |part: u32| self.sending.at + self.transmit_interval() * part / 1_000;
        let part = self.sending.part;
        let due = together(after(part), self.transmit_interval() / PARTS).max(after(part.min(LEAST)));
        self.sends_periodically().then_some(due)
    }

    /// The slower of what this end wants to send and what the peer can receive (RFC 5880 §6.8.7), before jitter.
    pub(super) fn transmit_interval(&self) -> Duration {
        self.negotiation.in_force().tx.max(self.remote.min_rx).duration()
    }

    /// The three cases in which RFC 5880 §6.8.7 forbids periodic packets.
    pub(super) fn sends_periodically(&self) -> bool {
        let asked_not_to = self.peer_demands() && !self.negotiation.polls();
        self.may_begin() && !self.remote.min_rx.is_zero() && !asked_not_to
    }

    fn may_begin(&self) -> bool {
        !self.profile.passive || self.remote.discriminator.is_some()
    }

    /// Whether demand mode is active on the remote system.
    fn peer_demands(&self) -> bool {
        self.remote.demand && self.is_up() && self.remote.state == State::Up
    }

    /// What a packet says now (RFC 5880 §6.8.7).
    fn contents(&self) -> Packet {
        Packet {
            diagnostic: self.diagnostic,
            state: self.state(),
            poll: false,
            is_final: false,
            independent: false,
            authenticated: false,
            demand: false,
            multiplier: self.profile.multiplier,
            mine: self.local,
            yours: self.remote.discriminator,
            desired_min_tx: self.negotiation.told().tx,
            required_min_rx: self.negotiation.told().rx,
            required_min_echo_rx: Interval::from_micros(0),
        }
    }
}

/// A random number of thousandths, both ends included.
fn per_mille(rng: &mut Rng, least: u32, most: u32) -> u32 {
    let drawn = rng.below(u64::from(most - least) + 1);
    least + u32::try_from(drawn).unwrap_or(0)
}

/// The last multiple of `step`, so that packets of many sessions which are due within a step leave together and wake their
/// thread once.
fn together(due: Instant, step: Duration) -> Instant {
    let step = u64::try_from(step.as_nanos()).unwrap_or(u64::MAX).max(1);
    Instant::from_nanos(due.as_nanos() / step * step)
}

/// The least part of the interval between two packets, of a thousand (RFC 5880 §6.8.7).
const LEAST: u32 = 750;
/// Steps in an interval: enough for the jitter to be spread over sixteen.
const PARTS: u32 = 64;
