//! What is told of a Service.

use std::fmt;

use ferrolb_model::ServiceId;

/// From a Service's class to the speaker that answers for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The Service.
    pub service: ServiceId,
    /// Whether FerroLB serves it, or its class says that it means to be served.
    pub ours: bool,
    /// The links in order; each rests on those before it.
    pub links: Vec<Link>,
}

impl Chain {
    /// The first broken link: what to mend first.
    pub fn broken(&self) -> Option<&Link> {
        self.links.iter().find(|link| link.state == State::Broken)
    }

    /// The state of the whole: broken if a link is, else waiting, else unknown, else fine.
    pub fn state(&self) -> State {
        [State::Broken, State::Waiting, State::Unknown]
            .into_iter()
            .find(|state| self.links.iter().any(|link| link.state == *state))
            .unwrap_or(State::Ok)
    }
}

/// One link of a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which.
    pub kind: LinkKind,
    /// How it is.
    pub state: State,
    /// The reason as a condition carries it, if it is not fine: CamelCase and stable.
    pub reason: Option<String>,
    /// What is so, as a sentence without its full stop.
    pub sentence: String,
    /// What that rests on, a line each.
    pub details: Vec<String>,
    /// What to do or type next.
    pub advice: Option<String>,
}

impl Link {
    pub(crate) fn new(kind: LinkKind, state: State, sentence: impl Into<String>) -> Self {
        Self { kind, state, reason: None, sentence: sentence.into(), details: Vec::new(), advice: None }
    }

    pub(crate) fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    pub(crate) fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }
}

/// Which link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LinkKind {
    /// Whether FerroLB serves it at all.
    Class,
    /// Whether a pool may.
    Pool,
    /// Which address it has, or gets.
    Address,
    /// Whether its status says so.
    Condition,
    /// Whether the speakers were told.
    Plan,
    /// Whether a speaker answers.
    Announcement,
}

impl LinkKind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Class => "class",
            Self::Pool => "pool",
            Self::Address => "address",
            Self::Condition => "condition",
            Self::Plan => "plan",
            Self::Announcement => "announcement",
        }
    }
}

impl fmt::Display for LinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As it should be.
    Ok,
    /// Somebody has to do something.
    Broken,
    /// It comes by itself, or rests on a link before it.
    Waiting,
    /// It could not be found out.
    Unknown,
}

impl State {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Broken => "broken",
            Self::Waiting => "waiting",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
