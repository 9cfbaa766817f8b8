//! BFD on the wire thread: the table of sessions, and the sockets that feed it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_bfd::{
    Counters, Discriminator, Event, Heard, Hops, MULTI_HOP_PORT, Path, Profile, SINGLE_HOP_PORT,
    SOURCE_PORTS, Status, Table,
};
use ferrolb_sansio::{Instant, Rng};

use super::message::SocketCounters;
use crate::sys::{self, Clocks, InBuffer, InSocket, OutSocket, Wakeups};

/// All BFD sessions of this speaker.
#[derive(Debug)]
pub(super) struct Bfd {
    table: Table,
    wanted: BTreeMap<Path, Wanted>,
    /// The sockets that sessions send from; those of sessions that are being switched off included.
    outs: BTreeMap<Discriminator, OutSocket>,
    /// The ports that some session needs.
    ports: Vec<Port>,
    buffer: InBuffer,
    counters: SocketCounters,
    rng: Rng,
    /// When to try again what could not be opened.
    retry: Option<Instant>,
}

#[derive(Debug)]
struct Wanted {
    profile: Profile,
    /// Why there is no session, and since when.
    problem: Option<(Instant, Arc<str>)>,
}

/// One of four ports: of single or several hops, for IPv4 or IPv6.
#[derive(Debug)]
struct Port {
    hops: Hops,
    v6: bool,
    socket: InSocket,
    lost: u32,
    /// Everything received before this moment has been heard.
    drained: Instant,
}

/// How BFD is.
#[derive(Clone, Debug, Default)]
pub struct BfdReport {
    /// All sessions.
    pub sessions: Vec<Status>,
    /// Sessions that cannot be.
    pub unusable: Vec<Unopened>,
    /// What was counted; none before there was a session.
    pub counters: Option<Counters>,
    /// What the sockets counted.
    pub socket: SocketCounters,
}

/// A session that cannot be.
#[derive(Clone, Debug)]
pub struct Unopened {
    /// Between whom.
    pub path: Path,
    /// Since when.
    pub since: Instant,
    /// Why, in words.
    pub problem: Arc<str>,
}

impl Bfd {
    pub(super) fn new(mut rng: Rng) -> Self {
        Self {
            table: Table::new(MAX_SESSIONS, Rng::new(rng.next())),
            wanted: BTreeMap::new(),
            outs: BTreeMap::new(),
            ports: Vec::new(),
            buffer: InBuffer::default(),
            counters: SocketCounters::default(),
            rng,
            retry: None,
        }
    }

    /// Wants a session, or another profile for it. Why it cannot be, if that is news.
    pub(super) fn want(&mut self, path: Path, profile: Profile, wakeups: &Wakeups) -> Option<Arc<str>> {
        let known = self.wanted.remove(&path).and_then(|wanted| wanted.problem);
        let failed =
            self.open(path, profile, wakeups).err().map(|error| (sys::now(), Arc::from(error.to_string())));
        let same = |(_, before): &(Instant, Arc<str>)| failed.as_ref().is_some_and(|(_, now)| now == before);
        let known = known.filter(same);
        let news = failed.as_ref().filter(|_| known.is_none()).map(|(_, problem)| Arc::clone(problem));
        let problem = known.or(failed);
        if problem.is_some() {
            self.retry.get_or_insert_with(|| sys::now() + RETRY);
        }
        self.wanted.insert(path, Wanted { profile, problem });
        news
    }

    /// The session is no longer wanted.
    pub(super) fn unwant(&mut self, path: &Path) {
        self.wanted.remove(path);
        self.table.unwant(sys::now(), path);
    }

    /// No session is wanted any more.
    pub(super) fn end(&mut self) {
        while let Some((path, _)) = self.wanted.pop_first() {
            self.table.unwant(sys::now(), &path);
        }
    }

    /// Whether every peer knows what it is to know.
    pub(super) fn has_ended(&self) -> bool {
        self.table.is_empty()
    }

    fn open(&mut self, path: Path, profile: Profile, wakeups: &Wakeups) -> Result<(), Unusable> {
        self.listen(path, wakeups)?;
        let discriminator = self.table.want(sys::now(), path, profile).map_err(Unusable::Full)?;
        if self.outs.contains_key(&discriminator) {
            return Ok(());
        }
        let peer = SocketAddr::new(path.peer(), port_of(path.hops()));
        let count = u64::from(SOURCE_PORTS.end() - SOURCE_PORTS.start()) + 1;
        let first = SOURCE_PORTS.start() + u16::try_from(self.rng.below(count)).unwrap_or(0);
        match OutSocket::open(peer, path.local(), path.interface(), SOURCE_PORTS, first) {
            Ok(out) => drop(self.outs.insert(discriminator, out)),
            Err(error) => {
                self.table.unwant(sys::now(), &path);
                return Err(Unusable::Source(path, error));
            }
        }
        Ok(())
    }

    fn listen(&mut self, path: Path, wakeups: &Wakeups) -> Result<(), Unusable> {
        let (hops, v6) = (path.hops(), path.peer().is_ipv6());
        if self.ports.iter().any(|port| port.hops == hops && port.v6 == v6) {
            return Ok(());
        }
        let open = || {
            let socket = InSocket::open(port_of(hops), v6)?;
            wakeups.add(&socket)?;
            Ok(socket)
        };
        let socket = open().map_err(|error| Unusable::Port(port_of(hops), error))?;
        self.ports.push(Port { hops, v6, socket, lost: 0, drained: sys::now() });
        Ok(())
    }

    /// Lets the table hear what arrived before `wake`, up to a limit for each port, so that no flood keeps timers from their
    /// turn, and sends its answers. Whether anything was heard.
    pub(super) fn drain(&mut self, wake: Instant) -> bool {
        let before = self.counters.received;
        for port in &mut self.ports {
            let mut behind = true;
            for _ in 0..BUDGET {
                let Ok(Some(datagram)) = port.socket.receive(&mut self.buffer) else {
                    behind = false;
                    break;
                };
                let clocks = Clocks::read();
                self.counters.received += 1;
                self.counters.lost += u64::from(datagram.lost.saturating_sub(port.lost));
                port.lost = datagram.lost;
                let at = datagram
                    .wall
                    .map_or_else(|| clocks.now(), |wall| clocks.boot_time_of(wall, port.drained));
                let heard = Heard {
                    hops: port.hops,
                    source: datagram.source,
                    destination: datagram.destination,
                    interface: datagram.interface,
                    ttl: datagram.ttl,
                };
                // What is discarded is counted.
                let _ = self.table.handle_packet(clocks.now(), at, &heard, self.buffer.payload(datagram));
                if at > wake {
                    behind = false;
                    break;
                }
            }
            if !behind {
                port.drained = wake;
            }
        }
        self.transmit();
        self.counters.received > before
    }

    /// Timers that are due; what could not be opened before. News of what cannot be goes to `tell`.
    pub(super) fn handle_timeout(
        &mut self,
        now: Instant,
        wakeups: &Wakeups,
        mut tell: impl FnMut(Path, Arc<str>),
    ) {
        self.table.handle_timeout(now);
        self.transmit();
        if self.retry.is_some_and(|at| at <= now) {
            self.retry = None;
            let failed = self.wanted.iter().filter(|(_, wanted)| wanted.problem.is_some());
            let failed: Vec<_> = failed.map(|(path, wanted)| (*path, wanted.profile)).collect();
            for (path, profile) in failed {
                if let Some(problem) = self.want(path, profile, wakeups) {
                    tell(path, problem);
                }
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.table.poll_timeout(), self.retry].into_iter().flatten().min()
    }

    pub(super) fn poll_event(&mut self) -> Option<Event> {
        self.table.poll_event()
    }

    fn transmit(&mut self) {
        while let Some(transmit) = self.table.poll_transmit() {
            match self.outs.get(&transmit.session).map(|out| out.send(&transmit.payload)) {
                Some(Ok(())) => self.counters.sent += 1,
                // A link that is down, or no way there: to the peer it is as if the packet were lost.
                Some(Err(_)) | None => self.counters.refused += 1,
            }
        }
    }

    /// Closes what no session needs any more. Done when somebody asks how things are, because nothing waits for it.
    fn tidy(&mut self) {
        let table = &self.table;
        if self.outs.len() > table.len() {
            let sessions: Vec<_> = table.sessions().map(|session| session.discriminator).collect();
            self.outs.retain(|discriminator, _| sessions.contains(discriminator));
        }
        self.ports.retain(|port| {
            table
                .sessions()
                .any(|session| session.path.hops() == port.hops && session.path.peer().is_ipv6() == port.v6)
        });
    }

    /// Fills in `report`, using the room it has.
    pub(super) fn report(&mut self, report: &mut BfdReport) {
        self.tidy();
        report.sessions.clear();
        report.sessions.extend(self.table.sessions());
        report.unusable.clear();
        let unusable = self.wanted.iter().filter_map(|(path, wanted)| {
            let (since, problem) = wanted.problem.clone()?;
            Some(Unopened { path: *path, since, problem })
        });
        report.unusable.extend(unusable);
        report.counters = Some(self.table.counters());
        report.socket = self.counters;
    }
}

fn port_of(hops: Hops) -> u16 {
    match hops {
        Hops::Single => SINGLE_HOP_PORT,
        Hops::Multi => MULTI_HOP_PORT,
    }
}

/// Why a session cannot be.
#[derive(Debug)]
enum Unusable {
    Port(u16, std::io::Error),
    Source(Path, std::io::Error),
    Full(ferrolb_bfd::Full),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port, error) if error.kind() == std::io::ErrorKind::AddrInUse => write!(
                f,
                "another program of this node has UDP port {port}: end its BFD (bfdd, BIRD, the CNI's), or take the profile off this peer"
            ),
            Self::Port(port, error) => write!(f, "UDP port {port} cannot be opened: {error}"),
            Self::Source(path, error) => {
                let local = path.local().map(|local| format!(" from {local}")).unwrap_or_default();
                write!(f, "nothing can be sent to {}{local}: {error}", path.peer())
            }
            Self::Full(full) => full.fmt(f),
        }
    }
}

/// As many as a speaker has.
const MAX_SESSIONS: usize = 512;
/// Datagrams heard from one port before timers get their turn.
const BUDGET: u32 = 1_024;
/// From one attempt to open a socket to the next.
const RETRY: Duration = Duration::from_secs(5);
