use std::net::IpAddr;
use std::sync::Arc;

use ferrolb_bfd::{Event as BfdEvent, Path, Profile};
use ferrolb_ownership::{Counters, Event, Interface, Keys, Plan, Presence, SegmentStatus, VipStatus};
use ferrolb_sansio::Instant;

use super::bfd::BfdReport;

/// What the wire thread is told.
#[derive(Debug)]
pub enum Command {
    /// There is this interface, or it changed.
    Interface(Interface),
    /// The interface with this index is gone or no longer to be used.
    Detach(u32),
    /// The VIPs of an interface.
    Plan {
        /// The interface's index.
        index: u32,
        /// All of its VIPs.
        plan: Plan,
    },
    /// Whether this node could serve one VIP.
    Ready {
        /// The interface's index.
        index: u32,
        /// The VIP.
        vip: IpAddr,
        /// Whether it could.
        ready: bool,
    },
    /// Whether this node is to own VIPs.
    Presence(Presence),
    /// Whether what this speaker knows of the cluster may be old.
    Stale(bool),
    /// Other keys.
    Keys(Box<Keys>),
    /// A BFD session is wanted, or one that is wanted has another profile.
    Bfd {
        /// Between whom.
        path: Path,
        /// How.
        profile: Profile,
    },
    /// The BFD session is no longer wanted: the peer is told that it is switched off.
    BfdGone(Path),
    /// Fill in this report and send it back.
    Report(Report),
    /// Hand over every VIP. BFD goes on.
    HandOver,
    /// Hand over every VIP that is left, switch BFD off and end.
    Stop,
}

/// What the wire thread tells.
#[derive(Debug)]
pub enum Output {
    /// Something happened on an interface.
    Event {
        /// The interface's name.
        interface: Arc<str>,
        /// What.
        event: Event,
    },
    /// An interface cannot be used.
    Unusable {
        /// The interface's name.
        interface: Arc<str>,
        /// Why.
        error: std::io::Error,
    },
    /// Something happened to a BFD session.
    Bfd(BfdEvent),
    /// A BFD session cannot be; it is tried again every few seconds.
    BfdUnusable {
        /// Between whom.
        path: Path,
        /// Why, in words.
        problem: Arc<str>,
    },
    /// The report that was asked for.
    Report(Report),
}

/// How things are, on all interfaces. It is handed back and forth, so that filling it in needs no room for VIPs anew, and
/// nothing at all for those that are as they were.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// When it was filled in.
    pub at: Instant,
    /// One for each interface in use, by index.
    pub ports: Vec<PortReport>,
    /// BFD.
    pub bfd: BfdReport,
    /// Events dropped because nobody took them in time.
    pub events_dropped: u64,
}

/// How things are on one interface.
#[derive(Clone, Debug)]
pub struct PortReport {
    /// The interface's name.
    pub interface: Arc<str>,
    /// What the segment counted.
    pub counters: Counters,
    /// What the socket counted.
    pub socket: SocketCounters,
    /// The other speakers.
    pub segment: SegmentStatus,
    /// Whether any was heard, now or in an earlier run.
    pub acquainted: bool,
    /// Which edition of the VIPs this is.
    pub edition: Edition,
    /// The VIPs of the interface.
    pub vips: Vec<VipStatus>,
}

/// When a segment began, and [`ferrolb_ownership::Segment::edition`]: the same one bears the same VIPs.
pub type Edition = (Instant, u64);

/// What happened at one packet socket since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// Frames read.
    pub received: u64,
    /// Frames the kernel dropped because this thread was behind.
    pub lost: u64,
    /// Frames sent.
    pub sent: u64,
    /// Frames the interface did not take.
    pub refused: u64,
}
