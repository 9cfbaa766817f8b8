//! The session with one peer: RFC 4271 §8, without sockets and without a clock.
//!
//! [`Session`] is told what happens to transports and says what to do with them: [`Session::poll_action`] opens and closes
//! them, [`Session::poll_transmit`] is what to write. What the peer should hear of is in [`Session::routes`].
//!
//! A peer has at most two transports, one that was dialled and one that was accepted. Each goes through the states of the
//! RFC by itself (`receive.rs`), until one of them is kept (`collision.rs`) or ends (`end.rs`).

mod collision;
mod counters;
mod effect;
mod end;
mod event;
mod inputs;
mod leave;
mod link;
mod links;
mod open;
mod outbox;
mod reason;
mod receive;
mod reconfigure;
mod retry;
mod settings;
mod state;
mod status;
mod timeout;
mod transmit;

use std::collections::VecDeque;

use ferrolb_sansio::{Instant, Rng};

pub use counters::{Counters, Messages};
pub use effect::Effect;
pub use event::{Accepted, Action, Event, TransportId};
pub use leave::Stop;
pub use open::Refusal;
pub use reason::Reason;
pub use settings::{GracefulSettings, Opening, PeerAs, Settings};
pub use state::{Peer, StateName};
pub use status::LastError;

use leave::Leaving;
use link::{Link, Side, Timer};
use links::Links;
use retry::Retry;
use state::Rest;

use crate::policy::Policy;
use crate::rib_out::RibOut;
use crate::wire::Fault;

/// The session with one configured peer.
///
/// After each call: carry out every [`Action`], write what `poll_transmit` gives, read every [`Event`], and wake up when
/// `poll_timeout` says. Before `handle_timeout` hand in what has arrived, so that own lateness is not taken for silence of
/// the peer.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    rng: Rng,
    rest: Rest,
    links: Links,
    retry: Retry,
    leaving: Option<Leaving>,
    /// Routes are told as everybody's last choice.
    draining: bool,
    restart: Restart,
    routes: RibOut,
    /// What was last told of the state, and since when it is so.
    state: StateName,
    since: Instant,
    last_error: Option<LastError>,
    /// The worst UPDATE of this session.
    worst: Option<Fault>,
    counters: Counters,
    transports: u64,
    actions: VecDeque<Action>,
    events: VecDeque<Event>,
}

/// How this speaker came to run, as far as peers that keep routes must know (RFC 4724 §3).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Restart {
    /// It was running before. Said until a session has come up, or [`Session::forget_restart`].
    pub restarted: bool,
    /// And packets have found their way all the time.
    pub forwarding: bool,
}

impl Session {
    /// One that is stopped.
    pub fn new(now: Instant, settings: Settings, restart: Restart, rng: Rng) -> Self {
        Self {
            settings,
            rng,
            rest: Rest::Stopped,
            links: Links::default(),
            retry: Retry::new(),
            leaving: None,
            draining: false,
            restart,
            routes: RibOut::new(),
            state: StateName::Idle,
            since: now,
            last_error: None,
            worst: None,
            counters: Counters::default(),
            transports: 0,
            actions: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Begins, or takes back a `stop` that has not come to its end.
    pub fn start(&mut self, now: Instant) {
        if self.leaving.take().is_some() {
            self.routes.set_silent(false);
            self.set_draining(false);
        }
        match self.rest {
            Rest::Stopped => self.begin(now),
            Rest::Damped { .. } | Rest::Trying { .. } => {}
        }
        self.tell_state(now);
    }

    /// What the peer should hear of. Changes go out with the next `poll_transmit`.
    pub fn routes(&mut self) -> &mut RibOut {
        &mut self.routes
    }

    /// Says whether this speaker is about to leave, so that its routes should be everybody's last choice (RFC 8326).
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
        self.apply_policy();
    }

    /// This speaker has been running for so long that its restart concerns nobody any more: later OPENs do not speak of it.
    pub fn forget_restart(&mut self) {
        self.restart = Restart::default();
    }

    /// The next thing to do with a transport.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing to know.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call `handle_timeout`.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let rest = match self.rest {
            Rest::Stopped => None,
            Rest::Damped { until } => Some(until),
            Rest::Trying { dial_at } => dial_at,
        };
        let leaving = self.leaving.as_ref().map(Leaving::until);
        let links = self.links.iter().filter_map(|link| link.timers.next()).min();
        [rest, leaving, links].into_iter().flatten().min()
    }

    /// Dials or listens, now.
    fn begin(&mut self, now: Instant) {
        self.rest = Rest::Trying { dial_at: None };
        if self.settings.opening.dials() && self.links.get(Side::Dialled).is_none() {
            self.dial(now);
        }
    }

    fn dial(&mut self, now: Instant) {
        let transport = self.next_transport();
        let mut link = Link::new(transport);
        let time = self.connect_time();
        link.timers.set(Timer::Connect as usize, now + time - self.rng.jitter(time / 4));
        self.links.put(Side::Dialled, link);
        self.rest = Rest::Trying { dial_at: None };
        self.counters.attempts += 1;
        self.actions.push_back(Action::Connect(transport));
    }

    fn connect_time(&self) -> core::time::Duration {
        self.settings.connect_time.max(Settings::LEAST_CONNECT_TIME)
    }

    fn next_transport(&mut self) -> TransportId {
        self.transports += 1;
        TransportId(self.transports)
    }

    /// Tells the routes as they should look by now, if a session is up.
    fn apply_policy(&mut self) {
        let established = self.links.iter().find(|link| link.is_established());
        if let Some(policy) = established.and_then(|link| self.policy(link)) {
            self.routes.change_policy(policy);
        }
    }

    /// What routes look like on a transport whose peer is known.
    fn policy(&self, link: &Link) -> Option<Policy> {
        let negotiated = link.phase.peer()?.negotiated;
        Some(Policy {
            local_as: self.settings.local_as,
            internal: negotiated.internal,
            next_hops: crate::policy::NextHops::choose(
                &link.addresses,
                &self.settings.next_hops,
                negotiated.extended_next_hop,
            ),
            draining: self.draining,
        })
    }

    /// Notes that the state is another one, if it is.
    fn tell_state(&mut self, now: Instant) {
        let state = self.state_now();
        if state != self.state {
            self.events.push_back(Event::State { from: self.state, to: state });
            (self.state, self.since) = (state, now);
        }
    }

    fn state_now(&self) -> StateName {
        let furthest = self.links.iter().map(|link| link.phase.name()).max();
        furthest.unwrap_or(match self.rest {
            Rest::Stopped | Rest::Damped { .. } => StateName::Idle,
            Rest::Trying { .. } => StateName::Active,
        })
    }
}
