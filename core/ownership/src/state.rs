use ferrolb_sansio::Instant;

use crate::clear::{Clearance, Foreign};
use crate::damping::Moves;
use crate::evict::Eviction;
use crate::handover::{Offering, Refusal};
use crate::isolation::Asked;
use crate::{Ballot, NodeName, ShortUid, StateName, VipPlan};

/// What a VIP is to this speaker, with what that state waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Joining,
    /// `claim_at`: when to claim what has no owner, or one that gave up.
    Backup {
        claim_at: Option<Instant>,
    },
    Suspect {
        claim_at: Option<Instant>,
    },
    Owner,
    /// Still answering, and offering it to another.
    Ceding(Offering),
    Mute,
}

impl State {
    pub(crate) const BACKUP: Self = Self::Backup { claim_at: None };

    pub(crate) fn name(self) -> StateName {
        match self {
            Self::Joining => StateName::Joining,
            Self::Backup { .. } => StateName::Backup,
            Self::Suspect { .. } => StateName::Suspect,
            Self::Owner => StateName::Owner,
            Self::Ceding(_) => StateName::Ceding,
            Self::Mute => StateName::Mute,
        }
    }

    pub(crate) fn claim_at(self) -> Option<Instant> {
        match self {
            Self::Backup { claim_at } | Self::Suspect { claim_at } => claim_at,
            Self::Joining | Self::Owner | Self::Ceding(_) | Self::Mute => None,
        }
    }

    /// The same state, waiting for `at`; states that do not claim stay as they are.
    pub(crate) fn waiting(self, at: Option<Instant>) -> Self {
        match self {
            Self::Backup { .. } => Self::Backup { claim_at: at },
            Self::Suspect { .. } => Self::Suspect { claim_at: at },
            Self::Joining | Self::Owner | Self::Ceding(_) | Self::Mute => self,
        }
    }
}

/// One VIP: its place in the plan, its state, and the highest ballot seen for it.
#[derive(Clone, Debug)]
pub(crate) struct Vip {
    /// None for a VIP that only others' claims tell of.
    pub(crate) plan: Option<VipPlan>,
    /// The first of the plans without a break that named it.
    pub(crate) placed: Option<Placed>,
    pub(crate) state: State,
    pub(crate) since: Instant,
    pub(crate) best: Option<Best>,
    /// When a live speaker last claimed or answered for it, or this one began to care.
    pub(crate) held: Instant,
    /// Probes sent because nobody seems to hold it.
    pub(crate) backstop_probes: u8,
    /// When the plan or a claim last named it.
    pub(crate) named: Instant,
    /// Its last moves that were not needed.
    pub(crate) moves: Moves,
    /// We own it, and a candidate with a newer plan asked for it.
    pub(crate) evicted_by: Option<ShortUid>,
    /// We own it, offered it, and nobody took it.
    pub(crate) refusal: Option<Refusal>,
    /// Its owner does not know that it is no candidate any more.
    pub(crate) eviction: Option<Eviction>,
    /// A station that is no speaker, and was heard using it.
    pub(crate) foreign: Option<Foreign>,
    /// What asking for it before it is claimed has come to.
    pub(crate) clearance: Option<Clearance>,
    /// When it was claimed last, if nobody held it then.
    pub(crate) claimed_freely: Option<Instant>,
    /// Who asks for it, and how often.
    pub(crate) asked: Option<Asked>,
    /// Why it is not looked at until something changes, if it is not.
    pub(crate) rest: Option<Rest>,
}

/// When a plan placed a VIP, and its revision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) at: Instant,
    pub(crate) revision: u64,
}

/// Why nothing can become of a VIP while nothing changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Rest {
    /// It is held, here or elsewhere.
    Held,
    /// Nobody holds it, and this speaker may not claim it.
    Barred,
}

/// The highest ballot seen for a VIP (M).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Best {
    pub(crate) ballot: Ballot,
    /// When it became the highest.
    pub(crate) learned: Instant,
    /// It was seen on its owner's own pages.
    pub(crate) seen: bool,
    /// Its owner gave it up.
    pub(crate) resigned: bool,
}

impl Best {
    pub(crate) fn new(ballot: Ballot, learned: Instant) -> Self {
        Self { ballot, learned, seen: false, resigned: false }
    }
}

impl Vip {
    pub(crate) fn new(now: Instant, joining: bool) -> Self {
        Self {
            plan: None,
            placed: None,
            state: if joining { State::Joining } else { State::BACKUP },
            since: now,
            best: None,
            held: now,
            backstop_probes: 0,
            named: now,
            moves: Moves::default(),
            evicted_by: None,
            refusal: None,
            eviction: None,
            foreign: None,
            clearance: None,
            claimed_freely: None,
            asked: None,
            rest: None,
        }
    }

    /// It is looked at again. If it was held while it rested, it was until `passed`.
    pub(crate) fn rouse(&mut self, passed: Instant) {
        match self.rest.take() {
            Some(Rest::Held) => (self.held, self.backstop_probes) = (self.held.max(passed), 0),
            Some(Rest::Barred) | None => {}
        }
    }

    pub(crate) fn enter(&mut self, state: State, now: Instant) {
        if self.state.name() != state.name() {
            self.since = now;
        }
        self.state = state;
    }

    /// Whether this speaker answers for it.
    pub(crate) fn owned(&self) -> bool {
        match self.state {
            State::Owner | State::Ceding(_) => true,
            State::Joining | State::Backup { .. } | State::Suspect { .. } | State::Mute => false,
        }
    }

    pub(crate) fn ballot(&self) -> Option<Ballot> {
        self.best.map(|best| best.ballot)
    }

    /// The candidates, at most five.
    pub(crate) fn candidates(&self) -> &[NodeName] {
        let all = self.plan.as_ref().map_or(&[][..], |plan| plan.candidates.as_slice());
        &all[..all.len().min(VipPlan::MAX_CANDIDATES)]
    }

    /// The candidate that shall own it, if the plan names one.
    pub(crate) fn target(&self) -> Option<&NodeName> {
        let target = self.plan.as_ref()?.move_to.as_ref();
        target.filter(|target| self.candidates().contains(target))
    }

    pub(crate) fn ready(&self) -> bool {
        self.plan.as_ref().is_some_and(|plan| plan.ready)
    }
}
