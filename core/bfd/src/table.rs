//! All sessions of a node. [`receive`] finds the one that a datagram belongs to.

mod receive;

use std::collections::{BTreeMap, VecDeque};

use ferrolb_sansio::{BoundedQueue, Instant, Rng};

use crate::deadlines::Deadlines;
use crate::session::Session;
use crate::status::Change;
use crate::{Counters, Discriminator, Event, Packet, Path, Profile, Status};

/// All sessions of a node, found by discriminator or by path, with one timer for all of them.
///
/// A packet costs one search and one place in a heap, however many sessions there are; memory is taken when sessions are
/// added, and not for packets.
#[derive(Debug)]
pub struct Table {
    entries: Vec<Option<Entry>>,
    by_discriminator: BTreeMap<Discriminator, usize>,
    by_path: BTreeMap<Path, usize>,
    deadlines: Deadlines,
    /// Places of sessions that have something to send, each once.
    ready: VecDeque<usize>,
    events: BoundedQueue<Event>,
    counters: Counters,
    rng: Rng,
    now: Instant,
}

#[derive(Debug)]
struct Entry {
    path: Path,
    session: Session,
    /// Whether its place is in `ready`.
    is_ready: bool,
}

/// A datagram to be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Transmit {
    /// To whom.
    pub path: Path,
    /// Which session's source port it leaves from.
    pub session: Discriminator,
    /// The payload.
    pub payload: [u8; Packet::LEN],
}

impl Table {
    /// No sessions yet, and never more than `limit`. Discriminators and jitter come from `rng`.
    pub fn new(limit: usize, rng: Rng) -> Self {
        let mut entries = Vec::new();
        entries.resize_with(limit, || None);
        Self {
            entries,
            by_discriminator: BTreeMap::new(),
            by_path: BTreeMap::new(),
            deadlines: Deadlines::default(),
            ready: VecDeque::with_capacity(limit),
            events: BoundedQueue::new(limit.saturating_mul(EVENTS_PER_SESSION)),
            counters: Counters::default(),
            rng,
            now: Instant::ZERO,
        }
    }

    /// Wants a session on this path, or another profile for the one that there is. An end that was being switched off is
    /// switched on again.
    ///
    /// # Errors
    /// There are as many as there may be.
    pub fn want(&mut self, now: Instant, path: Path, profile: Profile) -> Result<Discriminator, Full> {
        self.now = now;
        if let Some(&place) = self.by_path.get(&path)
            && let Some(entry) = &mut self.entries[place]
        {
            let discriminator = entry.session.discriminator();
            if *entry.session.profile() != profile || entry.session.is_ending() {
                entry.session.handle_profile(now, profile, &mut self.rng);
                self.settle(place);
            }
            return Ok(discriminator);
        }
        let place = self.entries.iter().position(Option::is_none).ok_or(Full(self.entries.len()))?;
        let discriminator = self.unused_discriminator();
        let session = Session::new(now, discriminator, profile, &mut self.rng);
        self.entries[place] = Some(Entry { path, session, is_ready: false });
        self.by_discriminator.insert(discriminator, place);
        self.by_path.insert(path, place);
        self.settle(place);
        Ok(discriminator)
    }

    /// The session on this path is no longer wanted: the peer is told that it is switched off for as long as it takes to be
    /// noticed, at most a detection time, and then it is forgotten.
    pub fn unwant(&mut self, now: Instant, path: &Path) {
        self.now = now;
        if let Some(&place) = self.by_path.get(path)
            && let Some(entry) = &mut self.entries[place]
        {
            entry.session.handle_admin_down(now, &mut self.rng);
            self.settle(place);
        }
    }

    /// The deadline passed. Datagrams that waited meanwhile must be heard before.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        // Each session's next deadline is in the future once it was called.
        while let Some(place) = self.deadlines.due(now) {
            let Some(entry) = &mut self.entries[place] else {
                self.deadlines.set(place, None);
                continue;
            };
            let change = entry.session.handle_timeout(now, &mut self.rng);
            self.tell(now, place, change);
            self.settle(place);
        }
    }

    /// When to call that.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadlines.next()
    }

    /// The next datagram to send, if there is one.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        while let Some(place) = self.ready.pop_front() {
            let Some(entry) = &mut self.entries[place] else { continue };
            entry.is_ready = false;
            let packet = entry.session.poll_transmit();
            let (path, session) = (entry.path, entry.session.discriminator());
            self.settle(place);
            if let Some(packet) = packet {
                self.counters.sent += 1;
                return Some(Transmit { path, session, payload: packet.emit() });
            }
        }
        None
    }

    /// What happened next, for those who depend on it.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// How all sessions are, those that are being switched off included.
    pub fn sessions(&self) -> impl Iterator<Item = Status> {
        self.entries.iter().flatten().map(|entry| entry.session.status(entry.path))
    }

    /// How one session is.
    pub fn session(&self, path: &Path) -> Option<Status> {
        let entry = self.entries.get(*self.by_path.get(path)?)?.as_ref()?;
        Some(entry.session.status(entry.path))
    }

    /// How many sessions there are, those that are being switched off included.
    pub fn len(&self) -> usize {
        self.by_path.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_path.is_empty()
    }

    /// What was counted.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.events_dropped = self.events.dropped();
        counters
    }

    /// After anything happened to a session: its deadline, its place in the queue, its end.
    fn settle(&mut self, place: usize) {
        let Some(entry) = &mut self.entries[place] else { return };
        if entry.session.is_over(self.now) {
            self.by_discriminator.remove(&entry.session.discriminator());
            self.by_path.remove(&entry.path);
            self.entries[place] = None;
            self.deadlines.set(place, None);
            return;
        }
        if entry.session.has_to_send() && !entry.is_ready {
            entry.is_ready = true;
            self.ready.push_back(place);
        }
        self.deadlines.set(place, entry.session.poll_timeout());
    }

    fn tell(&mut self, at: Instant, place: usize, change: Option<Change>) {
        if let (Some(change), Some(entry)) = (change, &self.entries[place]) {
            self.events.push(Event { at, path: entry.path, change });
        }
    }

    fn unused_discriminator(&mut self) -> Discriminator {
        loop {
            let [a, b, c, d, ..] = self.rng.next().to_be_bytes();
            if let Some(drawn) = Discriminator::new(u32::from_be_bytes([a, b, c, d]))
                && !self.by_discriminator.contains_key(&drawn)
            {
                return drawn;
            }
        }
    }
}

/// There are as many sessions as there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there are {0} BFD sessions, which is as many as a speaker has; the others are not made")]
pub struct Full(pub usize);

/// One that goes up and down again and again must not crowd out what others have to tell.
const EVENTS_PER_SESSION: usize = 4;
