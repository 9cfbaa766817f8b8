//! What a routing program is to do, in one form for all of them. What one of them cannot do, its configuration panics about.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::route::Route;

/// Seconds after which a silent peer counts as gone; the shortest that all programs take without complaint, and then some.
pub const HOLD_TIME: u16 = 9;

/// One BGP speaker.
#[derive(Debug, Clone)]
pub struct Instance {
    /// Its AS.
    pub asn: u32,
    /// Its identifier.
    pub id: Ipv4Addr,
    /// With whom.
    pub sessions: Vec<Session>,
    /// To all its peers; only BIRD and ExaBGP are told how.
    pub announced: Vec<(IpNet, Route)>,
}

/// One session, as seen from this side.
#[derive(Debug, Clone)]
pub struct Session {
    /// With whom.
    pub remote: Remote,
    /// The remote's.
    pub asn: u32,
    /// Of the routes.
    pub families: Vec<Family>,
    /// TCP-MD5 (RFC 2385).
    pub password: Option<String>,
    /// Waits for the other's connection.
    pub passive: bool,
    /// GTSM (RFC 5082): sends with a TTL of 255 and takes nothing else.
    pub ttl_security: bool,
    /// RFC 5880 with the program's own idea of intervals, 300 ms × 3 where it can be told.
    pub bfd: bool,
    /// For how many seconds the other side keeps our routes when we are gone (RFC 4724).
    pub graceful_restart: Option<u16>,
    /// IPv4 routes by an IPv6 next hop (RFC 8950).
    pub extended_next_hop: bool,
}

/// Where the other side is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remote {
    /// At `remote`, asked from `local`.
    Numbered {
        /// This side.
        local: IpAddr,
        /// The other.
        remote: IpAddr,
    },
    /// At a link-local address that is known.
    LinkLocal {
        /// The other side.
        remote: Ipv6Addr,
        /// Of this side.
        interface: String,
    },
    /// At the other end of a cable, known by its router advertisements.
    Unnumbered {
        /// Of this side.
        interface: String,
    },
}

/// A family of unicast routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Instance {
    /// One that announces nothing.
    pub fn new(asn: u32, id: Ipv4Addr, sessions: &[Session]) -> Self {
        Self { asn, id, sessions: sessions.to_vec(), announced: Vec::new() }
    }

    /// The same, announcing these routes.
    pub fn announcing(mut self, routes: &[(IpNet, Route)]) -> Self {
        self.announced = routes.to_vec();
        self
    }

    /// For programs that are not told how.
    pub(super) fn announces_nothing(&self, program: &str) {
        assert!(self.announced.is_empty(), "{program} is not told how to announce routes here");
    }
}

impl Session {
    /// With both families and no options.
    pub fn new(local: impl Into<IpAddr>, remote: impl Into<IpAddr>, asn: u32) -> Self {
        Self::with(Remote::Numbered { local: local.into(), remote: remote.into() }, asn)
    }

    /// The same with a remote of any sort.
    pub fn with(remote: Remote, asn: u32) -> Self {
        Self {
            remote,
            asn,
            families: vec![Family::Ipv4, Family::Ipv6],
            password: None,
            passive: false,
            ttl_security: false,
            bfd: false,
            graceful_restart: None,
            extended_next_hop: false,
        }
    }

    pub(super) fn has(&self, family: Family) -> bool {
        self.families.contains(&family)
    }

    /// Both ends of a session that must be numbered in `program`.
    pub(super) fn numbered(&self, program: &str) -> (IpAddr, IpAddr) {
        match &self.remote {
            Remote::Numbered { local, remote } => (*local, *remote),
            Remote::LinkLocal { .. } | Remote::Unnumbered { .. } => {
                panic!("{program} is not told how to reach a peer without an address here")
            }
        }
    }
}

impl Remote {
    /// How a [`super::route::Heard`] names it.
    pub fn name(&self) -> String {
        match self {
            Self::Numbered { remote, .. } => remote.to_string(),
            Self::LinkLocal { remote, .. } => remote.to_string(),
            Self::Unnumbered { interface } => interface.clone(),
        }
    }
}
