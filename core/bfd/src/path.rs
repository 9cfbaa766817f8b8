use core::num::NonZeroU32;
use std::net::IpAddr;

use crate::{Discard, Profile, TTL};

/// How far away a peer is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Hops {
    /// On a network of this node's (RFC 5881).
    Single,
    /// Perhaps beyond routers (RFC 5883).
    Multi,
}

/// Between whom a session is. There is at most one for each path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Path {
    // The order of fields is that of the search for a session by its peer.
    hops: Hops,
    peer: IpAddr,
    local: Option<IpAddr>,
    interface: Option<NonZeroU32>,
}

impl Path {
    /// A path to `peer`, from `local` if that is known, by the interface with index `interface` if it is to be no other.
    ///
    /// # Errors
    /// It makes no sense; the error says why.
    pub fn new(
        hops: Hops,
        peer: IpAddr,
        local: Option<IpAddr>,
        interface: Option<NonZeroU32>,
    ) -> Result<Self, PathError> {
        let group = peer.is_multicast() || peer.is_unspecified() || peer == IpAddr::from([255; 4]);
        if group {
            return Err(PathError::Peer(peer));
        }
        if let Some(local) = local
            && local.is_ipv4() != peer.is_ipv4()
        {
            return Err(PathError::Families { peer, local });
        }
        let scoped = matches!(peer, IpAddr::V6(peer) if peer.is_unicast_link_local());
        if scoped && (interface.is_none() || hops == Hops::Multi) {
            return Err(PathError::LinkLocal(peer));
        }
        Ok(Self { hops, peer, local, interface })
    }

    /// How far away the peer is.
    pub fn hops(&self) -> Hops {
        self.hops
    }

    /// The peer's address.
    pub fn peer(&self) -> IpAddr {
        self.peer
    }

    /// The own address, if it is to be no other.
    pub fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// The index of the interface, if it is to be no other.
    pub fn interface(&self) -> Option<NonZeroU32> {
        self.interface
    }

    /// The least and the greatest path to a peer, for a search.
    pub(crate) fn all_to(hops: Hops, peer: IpAddr) -> core::ops::RangeInclusive<Self> {
        // No address is greater than the greatest of IPv6, nor an index than the greatest there is.
        let greatest = IpAddr::from([0xff; 16]);
        let first = Self { hops, peer, local: None, interface: None };
        first..=Self { hops, peer, local: Some(greatest), interface: Some(NonZeroU32::MAX) }
    }

    /// Whether a datagram that was heard so came along this path.
    pub(crate) fn is_of(&self, heard: &Heard) -> bool {
        self.hops == heard.hops
            && self.peer == heard.source
            && self.local.is_none_or(|local| local == heard.destination)
            && self.interface.is_none_or(|interface| interface.get() == heard.interface)
    }

    /// Whether it came over no more hops than it may: RFC 5881 §5 asks for 255 where there is no authentication.
    pub(crate) fn check_ttl(&self, heard: &Heard, profile: &Profile) -> Result<(), Discard> {
        let least = match self.hops {
            Hops::Single => TTL,
            Hops::Multi => profile.minimum_ttl,
        };
        if heard.ttl < least { Err(Discard::Ttl) } else { Ok(()) }
    }
}

/// How a datagram was heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard {
    /// Which port it came to.
    pub hops: Hops,
    /// Its sender.
    pub source: IpAddr,
    /// The own address it was sent to.
    pub destination: IpAddr,
    /// The index of the interface it came by.
    pub interface: u32,
    /// Its time to live or hop limit on arrival.
    pub ttl: u8,
}

/// A path that makes no sense.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PathError {
    /// No address of one machine.
    #[error("{0} is not the address of one machine")]
    Peer(IpAddr),
    /// One end has IPv4, the other IPv6.
    #[error("{local} cannot speak to {peer}: use a local address of the same family")]
    Families {
        /// The peer's.
        peer: IpAddr,
        /// The own.
        local: IpAddr,
    },
    /// A link-local address without its link.
    #[error("{0} is link-local: name the interface, and do not ask for several hops")]
    LinkLocal(IpAddr),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_make_no_sense_are_refused() {
        let v4 = IpAddr::from([192, 0, 2, 1]);
        let v6: IpAddr = "2001:db8::1".parse().unwrap();
        let link_local: IpAddr = "fe80::1".parse().unwrap();
        let one = NonZeroU32::new(1);
        let new = |hops, peer, local, interface| Path::new(hops, peer, local, interface).map(drop);
        assert_eq!(new(Hops::Single, v4, Some(v4), None), Ok(()));
        assert_eq!(new(Hops::Single, link_local, None, one), Ok(()));
        for group in ["224.0.0.1", "0.0.0.0", "255.255.255.255", "ff02::1", "::"] {
            let group = group.parse().unwrap();
            assert_eq!(new(Hops::Single, group, None, one), Err(PathError::Peer(group)));
        }
        assert_eq!(new(Hops::Multi, v4, Some(v6), None), Err(PathError::Families { peer: v4, local: v6 }));
        assert_eq!(new(Hops::Single, link_local, None, None), Err(PathError::LinkLocal(link_local)));
        assert_eq!(new(Hops::Multi, link_local, None, one), Err(PathError::LinkLocal(link_local)));
    }
}
