use core::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Where routers send what a route matches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum NextHop {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address: a global one, or a link-local one on a session that knows no other.
    V6(Ipv6Addr),
    /// A global address together with the link-local one of the same interface, for peers on that link (RFC 2545 §3).
    V6WithLinkLocal {
        /// The address that holds beyond the link.
        global: Ipv6Addr,
        /// The address on the link that both share.
        link_local: Ipv6Addr,
    },
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => address.fmt(f),
            Self::V6(address) => address.fmt(f),
            Self::V6WithLinkLocal { global, link_local } => write!(f, "{global} ({link_local})"),
        }
    }
}
