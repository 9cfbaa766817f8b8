use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_bgp::session::{Accepted, Action, Event, StateName};
use ferrolb_sansio::{Instant, Rng};

use crate::check::Checks;
use crate::fault::{Fault, What};
use crate::host::{Host, addresses, route, vip};
use crate::reader::changes;
use crate::scene::Scene;
use crate::table::Table;
use crate::tcp::{Segment, Tcp, WINDOW};

/// Two speakers and what is between them.
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) hosts: [Host; 2],
    pub(crate) tcp: Tcp,
    pub(crate) checks: Checks,
    pub(crate) verbose: bool,
    scene: Scene,
    agenda: BTreeMap<(Instant, usize), Todo>,
    entries: usize,
}

#[derive(Clone, Copy, Debug)]
enum Todo {
    Begin(What),
    Mend(usize),
    NoLoss,
    Boot(usize),
    Thaw(usize),
    Hear(usize),
}

/// How often a SYN is repeated, and after what.
const SYNS: u32 = 6;

impl World {
    pub(crate) fn new(scene: Scene, faults: Vec<Fault>) -> Self {
        let now = Instant::ZERO;
        let hosts = [Host::new(&scene, 0, now), Host::new(&scene, 1, now)];
        let tcp = Tcp::new(Rng::new(scene.seed ^ 0xBEEF));
        let (checks, agenda) = (Checks::default(), BTreeMap::new());
        let mut world = Self { now, hosts, tcp, checks, verbose: false, scene, agenda, entries: 0 };
        faults.into_iter().for_each(|fault| world.plan(fault.at, Todo::Begin(fault.what)));
        (0..2).for_each(|host| world.run_host(host));
        world
    }

    pub(crate) fn run(&mut self, end: Instant) {
        while let Some(next) = self.next().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.step();
            self.check();
        }
        self.now = self.now.max(end);
        self.check();
    }

    fn next(&self) -> Option<Instant> {
        let segment = self.tcp.queue.first_key_value().map(|((at, _), _)| *at);
        let todo = self.agenda.first_key_value().map(|((at, _), _)| *at);
        let timers = self
            .hosts
            .iter()
            .filter_map(|host| host.session.as_ref()?.poll_timeout().map(|at| at.max(host.frozen)));
        segment.into_iter().chain(todo).chain(timers).min()
    }

    fn step(&mut self) {
        if let Some(entry) = self.agenda.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let todo = entry.remove();
            return self.carry_out(todo);
        }
        if let Some(entry) = self.tcp.queue.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (id, to, segment) = entry.remove();
            return self.arrive(id, to, segment);
        }
        for host in 0..2 {
            let due = self.hosts[host].session.as_ref().and_then(|session| session.poll_timeout());
            if due.is_some_and(|due| due <= self.now) && self.hosts[host].runs(self.now) {
                self.hosts[host].session.as_mut().unwrap().handle_timeout(self.now);
                self.run_host(host);
            }
        }
    }

    fn plan(&mut self, at: Instant, todo: Todo) {
        self.entries += 1;
        self.agenda.insert((at, self.entries), todo);
    }

    fn carry_out(&mut self, todo: Todo) {
        let (now, seed) = (self.now, self.scene.seed);
        self.tell(|| format!("{todo:?}"));
        match todo {
            Todo::Begin(what) => self.begin(what),
            Todo::Mend(host) => self.tcp.mend(now, host),
            Todo::NoLoss => self.tcp.loss_percent = 0,
            Todo::Boot(host) => {
                if self.hosts[host].session.is_none() {
                    self.hosts[host].boot(now, seed);
                    self.run_host(host);
                }
            }
            Todo::Thaw(host) | Todo::Hear(host) => {
                self.hosts[host].deaf = false;
                if self.hosts[host].runs(now) {
                    self.read_all(host);
                    self.hosts[host].session.as_mut().unwrap().handle_timeout(now);
                    self.run_host(host);
                }
            }
        }
    }

    fn begin(&mut self, what: What) {
        let now = self.now;
        match what {
            What::Cut { host, time } => {
                self.tcp.cut[host] = true;
                self.plan(now + time, Todo::Mend(host));
            }
            What::Loss { percent, time } => {
                self.tcp.loss_percent = percent;
                self.plan(now + time, Todo::NoLoss);
            }
            What::Reset => {
                for (id, at, _) in [self.tcp.of(0), self.tcp.of(1)].concat() {
                    self.arrive(id, at, Segment::Reset);
                }
            }
            What::Kill { host, time } => {
                for (id, at, _) in self.tcp.of(host) {
                    self.tcp.send(now, id, 1 - at, Segment::Reset);
                    self.forget(id, at);
                }
                self.hosts[host].session = None;
                self.plan(now + time, Todo::Boot(host));
            }
            What::PowerLoss { host, time } => {
                for (id, at, _) in self.tcp.of(host) {
                    self.forget(id, at);
                }
                (self.hosts[host].session, self.hosts[host].off) = (None, true);
                self.plan(now + time, Todo::Boot(host));
            }
            What::Freeze { host, time } => {
                self.hosts[host].frozen = now + time;
                self.plan(now + time, Todo::Thaw(host));
            }
            What::Deaf { host, time } => {
                self.hosts[host].deaf = true;
                self.plan(now + time, Todo::Hear(host));
            }
            What::Reset1 { host } => {
                if self.hosts[host].runs(now) {
                    self.hosts[host].session.as_mut().unwrap().reset(now, "by hand");
                    self.run_host(host);
                }
            }
            What::Route { host, n, med } => {
                self.hosts[host].set(vip(host, n), med.map(route));
                if self.hosts[host].runs(now) {
                    self.run_host(host);
                }
            }
        }
    }

    /// The kernel of the receiving host takes a segment.
    fn arrive(&mut self, id: usize, to: usize, segment: Segment) {
        let now = self.now;
        let Some(end) = self.tcp.end(id, to) else { return };
        let host = end.host;
        if self.hosts[host].off {
            if let Segment::Syn { attempt } = segment {
                self.repeat_syn(id, attempt);
            }
            return;
        }
        let known = end.transport.is_some();
        match segment {
            Segment::Syn { attempt } => self.accept(id, attempt),
            Segment::SynAck if known => {
                let transport = end.transport.unwrap();
                (end.connected, end.heard) = (true, now);
                self.tell(|| format!("{host}: {transport:?} is connected"));
                // A process that stands still learns of it later, which is the same as a slow network.
                if let Some(session) = &mut self.hosts[host].session {
                    session.handle_connected(now, transport, addresses(host));
                }
                self.run_host(host);
            }
            Segment::Data(octets) if known => {
                end.unread.extend_from_slice(&octets);
                self.read(id, to);
            }
            Segment::Fin if known => {
                end.finished = true;
                self.read(id, to);
            }
            Segment::Ack(count) if known => {
                end.in_flight = end.in_flight.saturating_sub(count);
                self.run_host(host);
            }
            Segment::Reset => self.closed(id, to, Some("connection reset")),
            Segment::SynAck | Segment::Data(_) => self.tcp.send(now, id, 1 - to, Segment::Reset),
            Segment::Fin | Segment::Ack(_) => {}
        }
    }

    fn repeat_syn(&mut self, id: usize, attempt: u32) {
        let dialled = self.tcp.end(id, 0).is_some_and(|end| end.transport.is_some());
        if attempt < SYNS && dialled {
            let later = self.now + Duration::from_secs(1 << attempt);
            self.tcp.send(later, id, 1, Segment::Syn { attempt: attempt + 1 });
        }
    }

    fn accept(&mut self, id: usize, attempt: u32) {
        let now = self.now;
        let Some(end) = self.tcp.end(id, 1) else { return };
        let host = end.host;
        if !self.hosts[host].runs(now) && self.hosts[host].session.is_some() {
            return self.repeat_syn(id, attempt);
        }
        let Some(session) = self.hosts[host].session.as_mut() else {
            return self.tcp.send(now, id, 0, Segment::Reset);
        };
        if session.settings().opening == ferrolb_bgp::session::Opening::Active {
            return self.tcp.send(now, id, 0, Segment::Reset);
        }
        let accepted = session.handle_accepted(now, addresses(host));
        self.tell(|| format!("{host}: {accepted:?}"));
        self.tcp.send(now, id, 0, Segment::SynAck);
        match accepted {
            Accepted::Taken(transport) => {
                let end = self.tcp.end(id, 1).unwrap();
                (end.transport, end.connected, end.heard) = (Some(transport), true, now);
            }
            Accepted::Refused(last) => {
                self.tcp.send(now, id, 0, Segment::Data(last));
                self.tcp.send(now, id, 0, Segment::Fin);
            }
        }
        self.run_host(host);
    }

    fn read_all(&mut self, host: usize) {
        self.tcp.of(host).into_iter().for_each(|(id, at, _)| self.read(id, at));
    }

    /// The process reads what its kernel has.
    fn read(&mut self, id: usize, at: usize) {
        let now = self.now;
        let Some(end) = self.tcp.end(id, at) else { return };
        let (host, Some(transport)) = (end.host, end.transport) else { return };
        if !self.hosts[host].runs(now) || self.hosts[host].deaf {
            return;
        }
        let octets = core::mem::take(&mut end.unread);
        let finished = end.finished;
        if !octets.is_empty() {
            let whole = whole_messages(&mut end.partial, &octets);
            if !whole.is_empty() {
                end.heard = now;
            }
            self.tcp.send(now, id, 1 - at, Segment::Ack(octets.len()));
            self.hosts[host].session.as_mut().unwrap().handle_received(now, transport, &octets);
            for change in changes(&whole) {
                self.hosts[host].table.apply(&change);
            }
        }
        if finished {
            self.closed(id, at, None);
        }
        self.run_host(host);
    }

    fn closed(&mut self, id: usize, at: usize, failure: Option<&str>) {
        let Some(end) = self.tcp.end(id, at) else { return };
        let host = end.host;
        if let Some(transport) = self.forget(id, at)
            && let Some(session) = &mut self.hosts[host].session
        {
            session.handle_closed(self.now, transport, failure.map(Into::into));
            self.run_host(host);
        }
    }

    fn forget(&mut self, id: usize, at: usize) -> Option<ferrolb_bgp::session::TransportId> {
        let gone = self.tcp.end(id, at)?.transport.take();
        if self.tcp.connections[&id].ends.iter().all(|end| end.transport.is_none()) {
            self.tcp.connections.remove(&id);
        }
        gone
    }

    /// Carries out what a session wants, and takes from it what its transports take.
    fn run_host(&mut self, host: usize) {
        if !self.hosts[host].runs(self.now) {
            return;
        }
        loop {
            while let Some(action) = self.hosts[host].session.as_mut().unwrap().poll_action() {
                self.tell(|| format!("{host}: {action:?}"));
                self.act(host, action);
            }
            let wrote = self.tcp.of(host).into_iter().any(|(id, at, _)| self.write(id, at));
            while let Some(event) = self.hosts[host].session.as_mut().unwrap().poll_event() {
                self.note(host, event);
            }
            if !wrote {
                break;
            }
        }
    }

    fn act(&mut self, host: usize, action: Action) {
        let now = self.now;
        match action {
            Action::Connect(transport) => {
                self.hosts[host].dials.push(now);
                self.tcp.dial(now, host, transport);
            }
            Action::Close { transport, last } => {
                let found = self.tcp.of(host).into_iter().find(|(_, _, known)| *known == transport);
                let Some((id, at, _)) = found else { return };
                if self.tcp.end(id, at).is_some_and(|end| end.connected) {
                    if !last.is_empty() {
                        self.tcp.send(now, id, 1 - at, Segment::Data(last));
                    }
                    self.tcp.send(now, id, 1 - at, Segment::Fin);
                }
                self.forget(id, at);
            }
        }
    }

    fn write(&mut self, id: usize, at: usize) -> bool {
        let now = self.now;
        let Some(end) = self.tcp.end(id, at) else { return false };
        let (host, Some(transport)) = (end.host, end.transport) else { return false };
        let room = WINDOW.saturating_sub(end.in_flight);
        if !end.connected || room == 0 {
            return false;
        }
        let session = self.hosts[host].session.as_mut().unwrap();
        let octets = session.poll_transmit(now, transport);
        let octets = octets[..octets.len().min(room)].to_vec();
        if octets.is_empty() {
            return false;
        }
        session.handle_sent(now, transport, octets.len());
        let established = session.state() == StateName::Established;
        let end = self.tcp.end(id, at).unwrap();
        end.in_flight += octets.len();
        // Whoever sends more than OPEN and KEEPALIVE has a session here.
        end.told |= established && octets.len() > 19 && octets[18] == 2;
        self.tcp.send(now, id, 1 - at, Segment::Data(octets));
        true
    }

    fn note(&mut self, host: usize, event: Event) {
        self.tell(|| format!("{host}: {event:?}"));
        if let Event::Ended { state: StateName::Established, .. } = &event {
            self.hosts[host].table = Table::default();
        }
        self.hosts[host].events.push((self.now, event));
    }

    fn tell(&self, what: impl FnOnce() -> String) {
        if self.verbose {
            println!("{:?} {}", self.now, what());
        }
    }
}

/// Cuts whole messages off a stream, and keeps the rest.
fn whole_messages(partial: &mut Vec<u8>, octets: &[u8]) -> Vec<u8> {
    partial.extend_from_slice(octets);
    let mut end = 0;
    while let Some(&[high, low]) = partial.get(end + 16..end + 18) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        if partial.len() < end + length {
            break;
        }
        end += length;
    }
    partial.drain(..end).collect()
}
