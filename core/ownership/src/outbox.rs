use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_neighbor::Mac;
use ferrolb_sansio::{BoundedQueue, Instant};

use crate::wire::{Evict, Loss, News, Offer};
use crate::{Event, ShortUid};

/// What the machine wants done, drained by the segment. All bounded; what is dropped is counted.
#[derive(Clone, Debug)]
pub(crate) struct Outbox {
    frames: BoundedQueue<Outgoing>,
    probes: BoundedQueue<Probe>,
    events: BoundedQueue<Event>,
    repeats: Vec<(Instant, Content)>,
    repeats_dropped: u64,
    /// Changes of what is answered for; drained after every input, before anything else is sent.
    pub(crate) turns: Vec<Turn>,
    /// Ballots to be told as lost and as given up, batched until the next flush.
    pub(crate) lost: Vec<Loss>,
    pub(crate) resigned: Vec<Loss>,
    /// VIPs offered, and asked for, batched likewise.
    pub(crate) offers: Vec<Offer>,
    pub(crate) evictions: Vec<Evict>,
    /// Claims seen that lose to another speaker's, for that speaker to know: the claimant's frames may not reach it.
    pub(crate) rivals: Vec<(ShortUid, Loss)>,
}

/// A speaker frame to be written when it is sent, so that it says what is so then.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing {
    /// One speaker, or the group.
    pub(crate) to: Option<ShortUid>,
    pub(crate) content: Content,
}

#[derive(Clone, Debug)]
pub(crate) enum Content {
    Heartbeat,
    /// Several pages: only ever repeated, never sent as one frame.
    Pages(Arc<[u16]>),
    Page(u16),
    /// As many pages as fit, taking turns.
    PagesInTurn,
    Tombstones(u16),
    PageRequest,
    News(Arc<[News]>),
    Lost(Arc<[Loss]>),
    Resign(Arc<[Loss]>),
    Offers(Arc<[Offer]>),
    Evictions(Arc<[Evict]>),
    TableRequest,
    Table {
        part: u16,
        parts: u16,
        ballots: Arc<[News]>,
    },
}

/// A question on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Probe {
    /// Who has the VIP, asked of one station or of all.
    Vip { vip: IpAddr, to: Option<Mac> },
    /// Who has the VIP, asked by one that has no address yet, so that no cache is touched (RFC 5227 §2.1.1).
    Claim { vip: IpAddr },
    /// Who has the gateways' addresses.
    Witnesses,
}

/// A change of what this speaker answers for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    Start(IpAddr),
    Again(IpAddr),
    Stop(IpAddr),
}

const SECOND_COPY: Duration = Duration::from_millis(5);
const THIRD_COPY: Duration = Duration::from_millis(20);
const MAX_REPEATS: usize = 512;

impl Outbox {
    pub(crate) fn new() -> Self {
        Self {
            frames: BoundedQueue::new(16_384),
            probes: BoundedQueue::new(256),
            events: BoundedQueue::new(65_536),
            repeats: Vec::new(),
            repeats_dropped: 0,
            turns: Vec::new(),
            lost: Vec::new(),
            resigned: Vec::new(),
            offers: Vec::new(),
            evictions: Vec::new(),
            rivals: Vec::new(),
        }
    }

    pub(crate) fn has_news(&self) -> bool {
        let Self { lost, resigned, offers, evictions, rivals, .. } = self;
        !(lost.is_empty()
            && resigned.is_empty()
            && offers.is_empty()
            && evictions.is_empty()
            && rivals.is_empty())
    }

    pub(crate) fn frame(&mut self, to: Option<ShortUid>, content: Content) {
        self.frames.push(Outgoing { to, content });
    }

    pub(crate) fn probe(&mut self, probe: Probe) {
        self.probes.push(probe);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Plans the second and third copy of what is told now.
    pub(crate) fn repeat(&mut self, now: Instant, content: &Content) {
        if self.repeats.len() + 2 <= MAX_REPEATS {
            self.repeats.push((now + SECOND_COPY, content.clone()));
            self.repeats.push((now + THIRD_COPY, content.clone()));
        } else {
            self.repeats_dropped += 2;
        }
    }

    pub(crate) fn take_repeat(&mut self, now: Instant) -> Option<Content> {
        let due = self.repeats.iter().position(|(at, _)| *at <= now)?;
        Some(self.repeats.remove(due).1)
    }

    pub(crate) fn next_repeat(&self) -> Instant {
        self.repeats.iter().map(|(at, _)| *at).min().unwrap_or(Instant::MAX)
    }

    pub(crate) fn take_frame(&mut self) -> Option<Outgoing> {
        self.frames.pop()
    }

    pub(crate) fn take_probe(&mut self) -> Option<Probe> {
        self.probes.pop()
    }

    pub(crate) fn take_event(&mut self) -> Option<Event> {
        self.events.pop()
    }

    /// The link is gone: what waits to be sent is not worth sending later.
    pub(crate) fn clear_frames(&mut self) {
        self.frames.clear();
        self.probes.clear();
        self.repeats.clear();
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.frames.dropped() + self.probes.dropped() + self.repeats_dropped
    }
}
