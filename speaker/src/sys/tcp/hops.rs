use std::io;
use std::os::fd::AsFd;

use socket2::SockRef;

use crate::sys::option;

/// How many hops away a peer may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hops {
    /// It is on the same link: what is sent goes no farther.
    One,
    /// It is at a link-local address, which no router forwards to or from: what is sent satisfies a peer that checks how far it
    /// came, and nothing is demanded of what a peer sends, since FRR sends with a TTL of 1 unless told otherwise.
    Link,
    /// Any number.
    Any,
    /// At most so many, and what comes from farther away is dropped (GTSM, RFC 5082).
    Within(u8),
}

impl Hops {
    /// The least TTL that a received packet may have; zero if nothing is checked.
    pub(super) fn least(self) -> u8 {
        match self {
            Self::One | Self::Link | Self::Any => 0,
            Self::Within(hops) => FARTHEST - hops.saturating_sub(1),
        }
    }

    /// Makes a socket send and accept accordingly.
    pub(super) fn set(self, socket: impl AsFd, v4: bool) -> io::Result<()> {
        let sent = match self {
            Self::One => 1,
            Self::Any => ORDINARY,
            Self::Link | Self::Within(_) => FARTHEST,
        };
        set_sent(&socket, v4, sent)?;
        set_least(&socket, v4, self.least())
    }
}

/// The TTL of what is sent.
pub(super) fn set_sent(socket: impl AsFd, v4: bool, ttl: u8) -> io::Result<()> {
    let socket = SockRef::from(&socket);
    if v4 { socket.set_ttl_v4(ttl.into()) } else { socket.set_unicast_hops_v6(ttl.into()) }
}

/// The least TTL of what is accepted.
pub(super) fn set_least(socket: impl AsFd, v4: bool, least: u8) -> io::Result<()> {
    let (level, name) = match v4 {
        true => (libc::IPPROTO_IP, libc::IP_MINTTL),
        false => (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    option::set(socket, level, name, &i32::from(least))
}

/// What every packet that crossed no router still has.
pub(super) const FARTHEST: u8 = 255;
/// What the kernel would use.
const ORDINARY: u8 = 64;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5082 §3: a neighbour's packets arrive with 255, those over one router with 254.
    #[test]
    fn each_hop_costs_one() {
        assert_eq!([1, 2, 254].map(|hops| Hops::Within(hops).least()), [255, 254, 2]);
        assert_eq!([Hops::One, Hops::Link, Hops::Any].map(Hops::least), [0, 0, 0]);
    }
}
