//! One controller: a process that competes for the lease and, once it leads, runs the real `Index`.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use super::{
    super::super::{Event, Index},
    streams::{Kind, Stream},
    world::Ticket,
};
use crate::{
    lease::state::Watcher,
    write::{Target, Verdict},
};

/// A process of one controller; a later one has another life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) controller: usize,
    pub(super) life: u32,
}

impl Who {
    /// Its name in the lease.
    pub(super) fn name(self) -> String {
        format!("controller-{}_{}", self.controller, self.life)
    }
}

/// What reaches a process.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// Time to look at the lease, or to renew it.
    Lease,
    /// The answer to a PUT of the lease that was sent then; the version if it succeeded.
    LeaseAnswer { sent: Duration, version: Option<u64> },
    /// A watch tells something.
    Event { connection: u32, event: Box<Event> },
    /// A Service that is no load balancer still has something of ours.
    Left(ferrolb_model::ServiceId),
    /// A request's answer.
    Answer { ticket: Ticket, verdict: Verdict },
    /// A request took too long.
    GiveUp { ticket: Ticket },
    /// Something has become due.
    Wake,
}

/// A controller and what it is.
pub(super) struct Controller {
    pub(super) life: u32,
    pub(super) role: Role,
    /// Its process does not run until then.
    pub(super) frozen_until: Option<Duration>,
    /// While frozen: whether what it had written to its sockets stays there until it thaws.
    pub(super) holds_requests: bool,
    /// It cannot reach the API server until then.
    pub(super) cut_until: Duration,
    /// What waits for a frozen process.
    pub(super) backlog: VecDeque<(Who, Message)>,
}

/// What a process is doing.
pub(super) enum Role {
    /// There is none.
    Down,
    /// It waits for the lease.
    Standby(Watcher),
    /// It leads, or believes so.
    Leading(Box<Leader>),
}

/// A process that leads.
pub(super) struct Leader {
    pub(super) index: Index,
    /// The lease surely holds until then.
    pub(super) holds_until: Duration,
    pub(super) lease_version: u64,
    pub(super) in_flight: BTreeMap<Ticket, Target>,
    pub(super) next_telling: Duration,
    /// When it compares what it decided with what it would decide anew.
    pub(super) next_audit: Duration,
    pub(super) streams: BTreeMap<Kind, Stream>,
    /// When it will be woken.
    pub(super) wake: Option<Duration>,
    /// Told to end: it sends nothing more and releases the lease when nothing is in flight; stays away that long.
    pub(super) stopping: Option<Duration>,
    /// What was sent in the last second, to find loops.
    pub(super) sent: VecDeque<(Duration, Target)>,
}

impl Leader {
    pub(super) fn new(default_class: bool, cleanup: bool, holds_until: Duration, lease_version: u64) -> Self {
        Self {
            index: Index::new(default_class, cleanup),
            holds_until,
            lease_version,
            in_flight: BTreeMap::new(),
            next_telling: Duration::ZERO,
            next_audit: Duration::ZERO,
            streams: Kind::ALL.iter().map(|kind| (*kind, Stream::default())).collect(),
            wake: None,
            stopping: None,
            sent: VecDeque::new(),
        }
    }
}

impl Controller {
    pub(super) fn new() -> Self {
        Self {
            life: 0,
            role: Role::Down,
            frozen_until: None,
            holds_requests: false,
            cut_until: Duration::ZERO,
            backlog: VecDeque::new(),
        }
    }

    pub(super) fn leader(&mut self) -> Option<&mut Leader> {
        match &mut self.role {
            Role::Leading(leader) => Some(leader),
            Role::Down | Role::Standby(_) => None,
        }
    }

    /// Ends the process; what is on its way to it is lost.
    pub(super) fn end(&mut self) {
        self.life += 1;
        self.role = Role::Down;
        self.frozen_until = None;
        self.holds_requests = false;
        self.backlog.clear();
    }
}
