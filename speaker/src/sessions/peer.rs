use std::sync::Arc;
use std::time::Duration;

use ferrolb_bgp::policy::Route;
use ferrolb_bgp::session::{Accepted, Action, Event, Restart, Session, StateName, Stop, TransportId};
use ferrolb_bgp::{Family, Prefix};
use ferrolb_sansio::{Instant, Rng};

use super::addresses::around;
use super::line::{Line, words};
use super::message::{PeerReport, PeerSetup, Remote};
use crate::sys::tcp::{Connection, Dial};
use crate::sys::{Poller, Ready};

/// One peer: the session with it, and its connections.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) plan: PeerSetup,
    session: Session,
    lines: Vec<Line>,
    /// Everything is done that a stop asked for.
    stopped: bool,
}

/// What a line has to know of its peer.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeerAt<'a> {
    pub(super) remote: &'a Remote,
    pub(super) poller: &'a Poller,
}

/// What all peers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) poller: Poller,
    /// The last number under which a connection was known to the poller.
    pub(super) number: u64,
    /// Where all of them read into, one after the other.
    pub(super) buffer: Box<[u8; BUFFER]>,
}

impl Shared {
    fn next_number(&mut self) -> u64 {
        self.number += 1;
        self.number
    }
}

impl Peer {
    /// One whose session has begun.
    pub(super) fn new(now: Instant, plan: PeerSetup, restart: Restart, rng: Rng) -> Self {
        let mut session = Session::new(now, plan.settings.clone(), restart, rng);
        session.start(now);
        Self { plan, session, lines: Vec::new(), stopped: false }
    }

    /// Says what the peer should be told of each prefix.
    pub(super) fn set_routes(&mut self, changes: Vec<(Prefix, Option<Arc<Route>>)>) {
        let routes = self.session.routes();
        changes.into_iter().for_each(|(prefix, route)| routes.set(prefix, route));
    }

    /// The same as another was told.
    pub(super) fn take_routes(&mut self, other: &Self) {
        let routes = self.session.routes();
        other
            .session
            .rib_out()
            .routes()
            .for_each(|(prefix, route)| routes.set(prefix, Some(Arc::clone(route))));
    }

    /// All that should be told has been known for so long. Once that is the time for which the peer would keep routes over a
    /// restart, it hears no more of one.
    pub(super) fn forget_restart(&mut self, complete: Duration) {
        if self.plan.settings.graceful_restart.is_some_and(|graceful| complete >= graceful.restart_time) {
            self.session.forget_restart();
        }
    }

    pub(super) fn set_complete(&mut self) {
        self.session.routes().set_complete(true);
    }

    pub(super) fn set_draining(&mut self, draining: bool) {
        self.session.set_draining(draining);
    }

    pub(super) fn path_down(&mut self, now: Instant) {
        self.session.handle_bfd_down(now);
    }

    pub(super) fn stop(&mut self, now: Instant, stop: Stop) {
        self.session.stop(now, stop);
    }

    pub(super) fn is_established(&self) -> bool {
        self.session.state() == StateName::Established
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.stopped
    }

    /// Whether `plan` needs other connections than those that there are.
    pub(super) fn moves(&self, plan: &PeerSetup) -> bool {
        let place = |plan: &PeerSetup| (plan.remote.clone(), plan.port, plan.source);
        place(&self.plan) != place(plan)
    }

    /// Takes another configuration of the same place. What is signed otherwise from now on, is on connections that go on too.
    pub(super) fn change(&mut self, now: Instant, plan: PeerSetup) {
        let (password, hops) = (self.plan.password != plan.password, self.plan.hops != plan.hops);
        for line in &self.lines {
            // Where the kernel refuses that, the hold timer ends what can go on no more.
            if password {
                let _ = line.connection.sign(plan.password.as_ref());
            }
            if hops {
                let _ = line.connection.limit(plan.hops);
            }
        }
        self.session.reconfigure(now, plan.settings.clone());
        if password || hops {
            self.session.retry_now(now);
        }
        self.plan = plan;
    }

    /// Does what can be done with the line of this number; whether it is one of this peer's.
    pub(super) fn ready(&mut self, now: Instant, ready: Ready, shared: &mut Shared) -> bool {
        let Some(place) = self.lines.iter().position(|line| line.number == ready.number) else {
            return false;
        };
        let at = PeerAt { remote: &self.plan.remote, poller: &shared.poller };
        if let Some(line) = self.lines.get_mut(place)
            && let Err(failure) = line.ready(now, &at, &mut self.session, ready, shared.buffer.as_mut_slice())
        {
            self.lost(now, place, failure);
        }
        true
    }

    /// Lets the timers of the session expire, after it has heard what came before.
    pub(super) fn expire(&mut self, now: Instant, shared: &mut Shared) {
        if self.session.poll_timeout().is_none_or(|due| due > now) {
            return;
        }
        for place in (0..self.lines.len()).rev() {
            if let Some(line) = self.lines.get_mut(place).filter(|line| !line.is_connecting())
                && let Err(failure) = line.read(now, &mut self.session, shared.buffer.as_mut_slice())
            {
                self.lost(now, place, failure);
            }
        }
        self.session.handle_timeout(now);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    /// Carries out what the session decided and sends what it has to say.
    pub(super) fn advance(&mut self, now: Instant, shared: &mut Shared) {
        loop {
            // What is written may be the last thing before an end, which is the next action then.
            self.write(now, shared);
            match self.session.poll_action() {
                Some(action) => self.act(now, action, shared),
                None => return,
            }
        }
    }

    fn act(&mut self, now: Instant, action: Action, shared: &mut Shared) {
        match action {
            Action::Connect(transport) => self.connect(now, transport, shared),
            Action::Close { transport, last } => self.close(transport, &last),
        }
    }

    fn write(&mut self, now: Instant, shared: &Shared) {
        for place in (0..self.lines.len()).rev() {
            if let Some(line) = self.lines.get_mut(place)
                && let Err(failure) = line.write(now, &mut self.session, &shared.poller)
            {
                self.lost(now, place, failure);
            }
        }
    }

    /// Takes a connection that the peer has made.
    pub(super) fn accept(&mut self, now: Instant, connection: Connection, shared: &mut Shared) {
        let local = connection.limit(self.plan.hops).and_then(|()| connection.local());
        let Ok(local) = local else { return };
        if let Some(source) = self.plan.source.filter(|source| *source != local) {
            let why = format!("it came to {local}, and sourceAddress says {source}");
            return connection.close(&self.session.handle_misdirected(now, why), false);
        }
        match self.session.handle_accepted(now, around(local, &self.plan.remote)) {
            Accepted::Taken(transport) => {
                match Line::accepted(transport, connection, shared.next_number(), &shared.poller) {
                    Ok(line) => self.lines.push(line),
                    Err(error) => self.session.handle_closed(now, transport, Some(words(&error))),
                }
            }
            Accepted::Refused(last) => connection.close(&last, false),
        }
    }

    /// What happened since the last call.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        let event = self.session.poll_event()?;
        self.stopped |= event == Event::Stopped;
        Some(event)
    }

    pub(super) fn report(&self, obstacle: Option<String>) -> PeerReport {
        let routes = self.session.rib_out();
        let mut unsent = routes.routes().filter_map(|(prefix, _)| {
            let reason = routes.not_sent(&prefix)?;
            Some(format!("{prefix} is not told: {reason}"))
        });
        let first = unsent.next();
        PeerReport {
            name: Arc::clone(&self.plan.name),
            remote: self.plan.remote.clone(),
            state: self.session.state(),
            since: self.session.since(),
            last_error: self.session.last_error().cloned(),
            obstacle,
            introduced: self.session.peer().cloned(),
            told: Family::ALL.map(|family| routes.told(family)),
            owed: routes.owed(),
            unsent: (usize::from(first.is_some()) + unsent.count(), first),
            counters: *self.session.counters(),
        }
    }

    fn connect(&mut self, now: Instant, transport: TransportId, shared: &mut Shared) {
        let PeerSetup { remote, port, source, password, hops, .. } = &self.plan;
        let dial = Dial {
            address: remote.address,
            port: *port,
            link: remote.link.as_ref().map(|(index, name)| (*index, &**name)),
            source: *source,
            password: password.as_ref(),
            hops: *hops,
        };
        let line = Connection::dial(&dial).and_then(|connection| {
            Line::dialled(transport, connection, shared.next_number(), &shared.poller)
        });
        match line {
            Ok(line) => self.lines.push(line),
            Err(error) => self.session.handle_closed(now, transport, Some(words(&error))),
        }
    }

    fn close(&mut self, transport: TransportId, last: &[u8]) {
        if let Some(place) = self.lines.iter().position(|line| line.transport == transport) {
            let line = self.lines.swap_remove(place);
            let abort = line.is_full() && last.is_empty();
            line.connection.close(last, abort);
        }
    }

    /// A line has ended by itself.
    fn lost(&mut self, now: Instant, place: usize, failure: Option<String>) {
        let line = self.lines.swap_remove(place);
        self.session.handle_closed(now, line.transport, failure);
    }
}

/// Octets read from one peer in a turn.
const BUFFER: usize = 64 << 10;
