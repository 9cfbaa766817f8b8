use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ferrolb_bgp::Prefix;
use ferrolb_bgp::policy::Route;
use ferrolb_bgp::session::{Counters, Event, LastError, Peer as Introduced, Settings, StateName, Stop};
use ferrolb_sansio::Instant;

use crate::interfaces::LinkLocal;
use crate::sys::tcp::{Hops, Password};

/// What the BGP thread is told.
#[derive(Debug)]
pub enum Command {
    /// There is this peer, or it changed.
    Peer(Box<PeerSetup>),
    /// The peer of this name is not configured any more.
    Forget(Arc<str>),
    /// These are all interfaces on which routers are looked for and told of this node.
    Links(Vec<LinkLocal>),
    /// What one peer should be told from now on; other prefixes stay as they are.
    Routes {
        /// The peer's name; of one that there is not, nothing is kept.
        peer: Arc<str>,
        /// Prefixes, and what is said of each; `None` withdraws it.
        changes: Vec<(Prefix, Option<Arc<Route>>)>,
    },
    /// All that should be told is known by now: peers may be told that they have heard everything.
    Complete,
    /// Whether this node is about to leave, so that its routes should be everybody's last choice.
    Draining(bool),
    /// BFD says that the path to the peer of this name is gone.
    PathDown(Arc<str>),
    /// Fill in this report and send it back.
    Report(Report),
    /// End every session in this way, and then the thread.
    Stop(Stop),
}

/// A peer, as the thread has to know it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeerSetup {
    /// The BGPPeer's name.
    pub name: Arc<str>,
    /// Where it is.
    pub remote: Remote,
    /// Its port.
    pub port: u16,
    /// The own address to speak from; `None`: as the route says.
    pub source: Option<IpAddr>,
    /// What signs every segment.
    pub password: Option<Password>,
    /// How far away it may be.
    pub hops: Hops,
    /// What the protocol has to know.
    pub settings: Settings,
}

/// Where a peer is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remote {
    /// Its address.
    pub address: IpAddr,
    /// The interface, by index and name, if the address means something only there.
    pub link: Option<(u32, Arc<str>)>,
}

impl Remote {
    /// Whether it is known by the interface with this index.
    pub fn is_on(&self, index: u32) -> bool {
        self.link.as_ref().is_some_and(|(link, _)| *link == index)
    }
}

impl std::fmt::Display for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.link {
            Some((_, name)) => write!(f, "{}%{name}", self.address),
            None => self.address.fmt(f),
        }
    }
}

/// What the BGP thread tells.
#[derive(Debug)]
pub enum Output {
    /// Something happened to the session with a peer.
    Event {
        /// The peer's name.
        peer: Arc<str>,
        /// Where it is.
        remote: Remote,
        /// What.
        event: Event,
    },
    /// Peers cannot connect to this node.
    NotListening {
        /// Why, in words.
        problem: String,
    },
    /// These are all routers that advertise themselves, or why that is not known.
    Routers(Routers),
    /// The report that was asked for.
    Report(Report),
}

/// Which routers advertise themselves.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Routers {
    /// The router on each interface, by the interface's index and the router's link-local address.
    pub heard: BTreeMap<u32, Ipv6Addr>,
    /// Why none is heard, in words.
    pub problem: Option<String>,
}

/// How all sessions are. It is handed back and forth.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// When it was filled in.
    pub at: Instant,
    /// One for each peer, by name.
    pub peers: Vec<PeerReport>,
    /// Connections of hosts that are no peer which should connect.
    pub strangers: u64,
    /// Events dropped because nobody took them in time.
    pub events_dropped: u64,
}

/// How the session with one peer is.
#[derive(Clone, Debug)]
pub struct PeerReport {
    /// The peer's name.
    pub name: Arc<str>,
    /// Where it is.
    pub remote: Remote,
    /// The session's state.
    pub state: StateName,
    /// Since when.
    pub since: Instant,
    /// Why it last ended, or could not begin.
    pub last_error: Option<LastError>,
    /// Why the peer cannot connect though it should.
    pub obstacle: Option<String>,
    /// What the peer says of itself, once it has.
    pub introduced: Option<Introduced>,
    /// How many prefixes it has been told of: IPv4, IPv6.
    pub told: [usize; 2],
    /// How many are still to be announced or withdrawn.
    pub owed: usize,
    /// How many should be told and cannot be; the first of them, and why.
    pub unsent: (usize, Option<String>),
    /// What was counted.
    pub counters: Counters,
}
