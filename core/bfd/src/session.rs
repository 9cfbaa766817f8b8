//! One session (RFC 5880 §6.8). [`receive`] hears, [`transmit`] says; here is what else happens to it.

mod receive;
mod transmit;

use core::time::Duration;

use ferrolb_sansio::{Instant, Rng};

use crate::negotiation::{Negotiation, Pair};
use crate::remote::Remote;
use crate::session::transmit::Sending;
use crate::status::{Change, DownCause};
use crate::{Diagnostic, Discriminator, Interval, Path, PeerStatus, Profile, State, Status};

/// The own end of a session.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    local: Discriminator,
    profile: Profile,
    phase: Phase,
    since: Instant,
    diagnostic: Diagnostic,
    remote: Remote,
    negotiation: Negotiation,
    sending: Sending,
    hearing: Option<Hearing>,
    last_down: Option<(Instant, DownCause)>,
    received: u64,
    ups: u64,
    downs: u64,
}

/// bfd.SessionState, with what belongs to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Switched off: the peer is told until then.
    AdminDown {
        until: Instant,
    },
    Down,
    Init,
    Up,
}

impl Phase {
    fn state(self) -> State {
        match self {
            Self::AdminDown { .. } => State::AdminDown,
            Self::Down => State::Down,
            Self::Init => State::Init,
            Self::Up => State::Up,
        }
    }
}

/// When the peer was last heard.
#[derive(Clone, Copy, Debug)]
struct Hearing {
    at: Instant,
    /// Until when it may be silent because this end stood still.
    grace: Option<Instant>,
}

impl Session {
    pub(crate) fn new(now: Instant, local: Discriminator, profile: Profile, rng: &mut Rng) -> Self {
        Self {
            local,
            profile,
            phase: Phase::Down,
            since: now,
            diagnostic: Diagnostic::None,
            remote: Remote::UNHEARD,
            negotiation: Negotiation::new(slow(&profile)),
            sending: Sending::new(now, rng),
            hearing: None,
            last_down: None,
            received: 0,
            ups: 0,
            downs: 0,
        }
    }

    fn state(&self) -> State {
        self.phase.state()
    }

    /// Whether it is being switched off.
    pub(crate) fn is_ending(&self) -> bool {
        self.state() == State::AdminDown
    }

    pub(crate) fn discriminator(&self) -> Discriminator {
        self.local
    }

    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Takes another profile, and switches the session on again if it was off (RFC 5880 §6.8.16).
    pub(crate) fn handle_profile(&mut self, now: Instant, profile: Profile, rng: &mut Rng) {
        self.profile = profile;
        if self.is_ending() {
            self.enter(now, Phase::Down, Diagnostic::None);
        }
        let pair = self.pair();
        self.negotiation.want(pair, self.is_up());
        self.say_what_changed(now, rng);
    }

    /// Switches it off: a peer that counts on it is told for as long as it takes to be noticed (RFC 5880 §6.8.16).
    pub(crate) fn handle_admin_down(&mut self, now: Instant, rng: &mut Rng) {
        if self.is_ending() {
            return;
        }
        let counts_on_it = self.is_up() || matches!(self.remote.state, State::Init | State::Up);
        let until = if counts_on_it {
            now + self.transmit_interval() * u32::from(self.profile.multiplier.get())
        } else {
            now
        };
        self.negotiation.want_before_the_end(slow(&self.profile));
        (self.phase, self.since) = (Phase::AdminDown { until }, now);
        self.diagnostic = Diagnostic::AdministrativelyDown;
        self.say_what_changed(now, rng);
    }

    /// Whether it is switched off and the peer knows, or had time enough to.
    pub(crate) fn is_over(&self, now: Instant) -> bool {
        match self.phase {
            Phase::AdminDown { until } => {
                let heard_of = match self.remote.state {
                    State::AdminDown | State::Down => true,
                    State::Init | State::Up => false,
                };
                !self.sending.is_due() && (until <= now || heard_of)
            }
            Phase::Down | Phase::Init | Phase::Up => false,
        }
    }

    /// The deadline passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant, rng: &mut Rng) -> Option<Change> {
        let change = self.watch(now);
        if self.is_over(now) {
            return change;
        }
        if self.next_transmit().is_some_and(|at| at <= now) {
            self.send(now, rng);
        }
        self.say_what_changed(now, rng);
        change
    }

    /// When to call that.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let end = match self.phase {
            // What is still to be said comes before the end.
            Phase::AdminDown { until } => (!self.sending.is_due()).then_some(until),
            Phase::Down | Phase::Init | Phase::Up => None,
        };
        [self.next_transmit(), self.silent_until(), end].into_iter().flatten().min()
    }

    /// Whether the peer has been silent for the detection time (RFC 5880 §6.8.4), and what follows.
    fn watch(&mut self, now: Instant) -> Option<Change> {
        let deadline = self.silent_until().filter(|deadline| *deadline <= now)?;
        let pace = self.remote.pace(self.negotiation.in_force().rx);
        let hearing = self.hearing.as_mut()?;
        // Whoever comes so late to look stood still, and may have missed what was sent meanwhile: the peer gets the time to
        // send one more.
        if hearing.grace.is_none() && now.since(deadline) > pace {
            hearing.grace = Some(now + pace);
            return None;
        }
        let silence = now.since(hearing.at);
        (self.remote, self.hearing) = (Remote::UNHEARD, None);
        match self.phase {
            Phase::Init | Phase::Up => {
                self.go_down(now, Diagnostic::DetectionTimeExpired, DownCause::Silence(silence))
            }
            Phase::AdminDown { .. } | Phase::Down => None,
        }
    }

    /// Down, for a reason that is told if it was up.
    fn go_down(&mut self, now: Instant, diagnostic: Diagnostic, cause: DownCause) -> Option<Change> {
        let was_up = self.is_up();
        self.enter(now, Phase::Down, diagnostic);
        was_up.then(|| {
            self.downs += 1;
            self.last_down = Some((now, cause));
            Change::Down(cause)
        })
    }

    fn enter(&mut self, now: Instant, phase: Phase, diagnostic: Diagnostic) {
        (self.phase, self.since, self.diagnostic) = (phase, now, diagnostic);
        let pair = self.pair();
        self.negotiation.want(pair, self.is_up());
    }

    fn is_up(&self) -> bool {
        self.phase == Phase::Up
    }

    /// The intervals that belong to the state: nobody is fast who is not up (RFC 5880 §6.8.3).
    fn pair(&self) -> Pair {
        if self.is_up() {
            Pair { tx: self.profile.transmit, rx: self.profile.receive }
        } else {
            slow(&self.profile)
        }
    }

    /// Until when the peer may be silent.
    fn silent_until(&self) -> Option<Instant> {
        let hearing = self.hearing?;
        Some(hearing.grace.unwrap_or_else(|| hearing.at + self.detection_time()))
    }

    fn detection_time(&self) -> Duration {
        self.remote.detection_time(self.negotiation.in_force().rx)
    }

    pub(crate) fn status(&self, path: Path) -> Status {
        let remote = &self.remote;
        Status {
            path,
            discriminator: self.local,
            state: self.state(),
            since: self.since,
            diagnostic: self.diagnostic,
            last_down: self.last_down,
            peer: remote.discriminator.map(|discriminator| PeerStatus {
                discriminator,
                state: remote.state,
                diagnostic: remote.diagnostic,
                desired_min_tx: remote.min_tx,
                required_min_rx: remote.min_rx,
                multiplier: remote.multiplier,
                demand: remote.demand,
                independent: remote.independent,
            }),
            transmit_interval: self.sends_periodically().then(|| self.transmit_interval()),
            detection_time: self.hearing.map(|_| self.detection_time()),
            received: self.received,
            sent: self.sending.count(),
            ups: self.ups,
            downs: self.downs,
        }
    }
}

fn slow(profile: &Profile) -> Pair {
    Pair { tx: profile.transmit.max(Interval::SLOW), rx: profile.receive }
}
