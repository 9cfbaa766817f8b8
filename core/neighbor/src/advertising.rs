//! Router advertisements (RFC 4861 §6) on one interface: how a node and a router find each other that have no address in
//! common, so that they can speak BGP. What is sent when, and who is believed.

mod message;

use core::time::Duration;
use std::net::Ipv6Addr;

use ferrolb_sansio::{BoundedQueue, Instant, Rng, TimerTable, TokenBucket};

use crate::Mac;
use message::{RouterMessage, read, write_advertisement, write_solicitation};

/// An interface on which this node advertises itself ("advertising interface", RFC 4861 §6.2.2) and hears the router at its
/// other end.
///
/// One router is believed, the one heard last. While there is a session with it nobody takes its place: of two routers on one
/// network each would otherwise end the other's session with every advertisement.
#[derive(Debug)]
pub struct AdvertisingInterface {
    mac: Mac,
    addresses: Vec<Ipv6Addr>,
    timers: TimerTable<TIMERS>,
    /// When all nodes were last told.
    advertised: Option<Instant>,
    /// Who is answered next.
    answers: BoundedQueue<Ipv6Addr>,
    answer_limit: TokenBucket,
    outbox: BoundedQueue<Outgoing>,
    /// How often routers are still asked for.
    solicitations: u32,
    heard: Option<Heard>,
    /// Who was told of last as the router.
    told: Option<Ipv6Addr>,
    event: Option<Event>,
    session: bool,
    rng: Rng,
}

/// What [`AdvertisingInterface::poll_event`] tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// This is the router now, by its link-local address.
    Router(Ipv6Addr),
    /// The router has not been heard for the lifetime that it gave itself.
    Silent,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    router: Ipv6Addr,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Outgoing {
    Advertisement(Ipv6Addr),
    Solicitation,
}

#[derive(Clone, Copy, Debug)]
enum Timer {
    /// To all nodes.
    Advertise,
    /// To those who asked.
    Answer,
    Solicit,
    /// Whoever was heard knows this node by now.
    Settle,
    /// The lifetime of whoever was heard is over.
    Expire,
}

impl AdvertisingInterface {
    /// How often all nodes are told at most and at least (RFC 4861 §6.2.1: MaxRtrAdvInterval and, a third of that,
    /// MinRtrAdvInterval). Ten seconds is what FRR has for such interfaces.
    const INTERVALS: [Duration; 2] = [Duration::from_millis(3_300), Duration::from_secs(10)];

    /// Speaks from now on for an interface with this hardware address and these link-local ones.
    pub fn new(now: Instant, mac: Mac, addresses: Vec<Ipv6Addr>, seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let mut timers = TimerTable::new();
        timers.set(Timer::Advertise as usize, now);
        // After the first advertisement: whoever answers knows this node already.
        timers.set(Timer::Solicit as usize, now + rng.jitter(SOLICITATION_DELAY));
        Self {
            mac,
            addresses,
            timers,
            advertised: None,
            answers: BoundedQueue::new(ANSWERS as usize),
            answer_limit: TokenBucket::full(),
            outbox: BoundedQueue::new(OUTBOX),
            solicitations: SOLICITATIONS,
            heard: None,
            told: None,
            event: None,
            session: false,
            rng,
        }
    }

    /// Takes an ICMPv6 message with a good checksum that came by this interface. What is not valid is ignored.
    pub fn handle_message(&mut self, now: Instant, source: Ipv6Addr, hop_limit: u8, message: &[u8]) {
        if self.addresses.contains(&source) {
            return;
        }
        match read(source, hop_limit, message) {
            // Who has no address is answered with everybody.
            Some(RouterMessage::Solicitation) if source.is_unspecified() => self.hasten(now),
            Some(RouterMessage::Solicitation) => {
                let delay = self.rng.jitter(ANSWER_DELAY);
                self.answer(now, source, delay);
            }
            Some(RouterMessage::Advertisement { lifetime }) => self.hear(now, source, lifetime),
            None => {}
        }
    }

    /// Whether the session with the router stands. As long as it does, the router stays who it is.
    pub fn set_session(&mut self, now: Instant, stands: bool) {
        if self.session != stands {
            self.session = stands;
            self.decide(now);
        }
    }

    /// What was written last could not be sent to all: it is tried again soon. The interface may have its address only since
    /// a moment ago.
    pub fn handle_unsent(&mut self, now: Instant) {
        self.timers.set_earlier(Timer::Advertise as usize, now + AGAIN);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let mut due = |timer: Timer| self.timers.expire(timer as usize, now);
        let (advertise, answer, solicit) = (due(Timer::Advertise), due(Timer::Answer), due(Timer::Solicit));
        let decide = due(Timer::Settle) | due(Timer::Expire);
        if advertise {
            self.advertised = Some(now);
            self.outbox.push(Outgoing::Advertisement(ALL_NODES));
            let [least, most] = Self::INTERVALS;
            self.timers.set(Timer::Advertise as usize, now + least + self.rng.jitter(most - least));
        }
        while answer && let Some(asker) = self.answers.pop() {
            self.outbox.push(Outgoing::Advertisement(asker));
        }
        if solicit {
            self.outbox.push(Outgoing::Solicitation);
            self.solicitations -= 1;
            if self.solicitations > 0 {
                self.timers.set(Timer::Solicit as usize, now + SOLICITATION_INTERVAL);
            }
        }
        if decide {
            self.decide(now);
        }
    }

    /// When [`Self::handle_timeout`] wants to be called next.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Writes the next ICMPv6 message, its checksum left out; the answer is whom to send it to, from a link-local address and
    /// with a hop limit of 255.
    pub fn poll_transmit(&mut self, message: &mut Vec<u8>) -> Option<Ipv6Addr> {
        Some(match self.outbox.pop()? {
            Outgoing::Advertisement(to) => {
                write_advertisement(message, self.mac);
                to
            }
            Outgoing::Solicitation => {
                write_solicitation(message, self.mac);
                ALL_ROUTERS
            }
        })
    }

    /// What is new of the router.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.event.take()
    }

    fn hear(&mut self, now: Instant, router: Ipv6Addr, lifetime: Duration) {
        let lifetime = if lifetime.is_zero() { UNTOLD_LIFETIME } else { lifetime };
        let until = now + lifetime;
        self.heard = Some(Heard { router, until });
        self.timers.stop(Timer::Solicit as usize);
        self.timers.set(Timer::Expire as usize, until);
        if !self.session {
            // It may have been started a moment ago and would refuse a connection of somebody whom it does not know.
            self.answer(now, router, Duration::ZERO);
        }
        if self.told == Some(router) {
            self.timers.stop(Timer::Settle as usize);
        } else {
            self.timers.set_earlier(Timer::Settle as usize, now + SETTLED);
        }
    }

    /// Answers one station (RFC 4861 §6.2.6), or all of them where one asks too often.
    fn answer(&mut self, now: Instant, asker: Ipv6Addr, delay: Duration) {
        let has_room = self.answers.len() < ANSWERS as usize;
        if has_room && self.answer_limit.take(now, ANSWER_INTERVAL, ANSWERS) {
            self.answers.push(asker);
            self.timers.set_earlier(Timer::Answer as usize, now + delay);
        } else {
            self.hasten(now);
        }
    }

    /// Tells all nodes soon, though never more often than RFC 4861 §6.2.6 has it.
    fn hasten(&mut self, now: Instant) {
        let soon = now + self.rng.jitter(ANSWER_DELAY);
        let at = self.advertised.map_or(soon, |last| soon.max(last + MIN_DELAY_BETWEEN));
        self.timers.set_earlier(Timer::Advertise as usize, at);
    }

    /// Tells of the router if it is another than was told, and nothing hinders that now.
    fn decide(&mut self, now: Instant) {
        if self.session || self.timers.get(Timer::Settle as usize).is_some() {
            return;
        }
        let believed = self.heard.filter(|heard| heard.until > now).map(|heard| heard.router);
        if believed != self.told {
            self.told = believed;
            self.event = Some(believed.map_or(Event::Silent, Event::Router));
        }
    }
}

const TIMERS: usize = Timer::Expire as usize + 1;
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// MIN_DELAY_BETWEEN_RAS (RFC 4861 §10).
const MIN_DELAY_BETWEEN: Duration = Duration::from_secs(3);
/// MAX_RA_DELAY_TIME (RFC 4861 §10).
const ANSWER_DELAY: Duration = Duration::from_millis(500);
/// MAX_RTR_SOLICITATION_DELAY, RTR_SOLICITATION_INTERVAL and MAX_RTR_SOLICITATIONS (RFC 4861 §10).
const SOLICITATION_DELAY: Duration = Duration::from_secs(1);
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
const SOLICITATIONS: u32 = 3;
/// Answers to single stations: as many at once, and then one in this time.
const ANSWERS: u32 = 4;
const ANSWER_INTERVAL: Duration = Duration::from_secs(1);
/// All answers, one message to all nodes and one to routers; what would be more is sent later anyway.
const OUTBOX: usize = ANSWERS as usize + 2;
/// So long a router takes to tell its BGP of a neighbour it has heard.
const SETTLED: Duration = Duration::from_millis(200);
/// For routers that are no default routers, as this node is none: AdvDefaultLifetime (RFC 4861 §6.2.1).
const UNTOLD_LIFETIME: Duration = Duration::from_secs(1_800);
const AGAIN: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
