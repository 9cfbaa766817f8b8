//! What goes wrong on purpose.

use std::time::Duration;

/// A request as faults and counts see it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) at: tokio::time::Instant,
    pub(crate) method: String,
    pub(crate) resource: String,
    pub(crate) name: String,
    pub(crate) watch: bool,
    pub(crate) limit: Option<usize>,
    /// Whether this asks for the next page of a list.
    pub(crate) continued: bool,
    /// The HTTP status it was answered with; `None`: no answer was sent.
    pub(crate) code: Option<u16>,
    /// Who holds the lease, if it was a lease that was written.
    pub(crate) holder: Option<String>,
}

impl Asked {
    /// Whether this writes a Service's status.
    pub(crate) fn is_service_patch(&self) -> bool {
        self.method == "PATCH" && self.resource == "services"
    }

    /// Whether this writes anything but the lease.
    pub(crate) fn is_write(&self) -> bool {
        self.method != "GET" && self.resource != "leases"
    }

    /// Whether this lists to see everything, rather than to look at the version.
    pub(crate) fn is_list(&self) -> bool {
        self.method == "GET" && self.name.is_empty() && !self.watch && self.limit != Some(1)
    }
}

/// What happens to a request instead of what should.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    /// It is answered with an error.
    Answer {
        code: u16,
        retry_after: Option<u64>,
        /// Whether the body is plain text, as that of flow control.
        plain: bool,
    },
    /// It is never answered, and has no effect.
    Hang,
    /// It takes effect and is never answered.
    TakeEffectAndHang,
    /// It takes effect, and the connection breaks in the middle of the answer.
    TakeEffectAndBreak,
    /// It takes effect after a while, if its sender still waits then.
    Late(Duration),
    /// The answer comes, a byte at a time.
    Trickle(Duration),
    /// A watch: nothing is ever sent on it.
    Silence,
    /// A watch: it ends at once.
    End,
    /// A watch: the connection breaks in the middle of the first line.
    BreakLine,
    /// A watch: each change is sent twice, and followed by the one before it.
    Stutter,
}

type Matches = Box<dyn Fn(&Asked) -> bool + Send>;

/// A number of requests to which something happens.
pub(crate) struct Fault {
    pub(crate) times: usize,
    pub(crate) matches: Matches,
    pub(crate) action: Action,
}
