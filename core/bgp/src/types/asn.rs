use core::fmt;
use std::net::Ipv4Addr;

const AS_TRANS: u16 = 23456;

/// The number of an autonomous system, four octets wide (RFC 6793). Written in plain decimal (RFC 5396).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Asn(pub u32);

impl Asn {
    /// Stands for a number that two octets cannot hold (RFC 6793 §9).
    pub const TRANS: Self = Self(AS_TRANS as u32);

    /// Whether it needs four octets.
    pub fn is_wide(self) -> bool {
        u16::try_from(self.0).is_err()
    }

    /// In two octets, for peers that know no others: itself, or [`Asn::TRANS`] if it is wide.
    pub fn in_two_octets(self) -> u16 {
        u16::try_from(self.0).unwrap_or(AS_TRANS)
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A BGP identifier: four octets, not zero, different from that of every other speaker in its AS (RFC 6286 §2.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RouterId(Ipv4Addr);

impl RouterId {
    /// An identifier, unless it is zero.
    pub fn new(address: Ipv4Addr) -> Option<Self> {
        (!address.is_unspecified()).then_some(Self(address))
    }

    /// The four octets, in the form of an address as they are customarily written.
    pub fn address(self) -> Ipv4Addr {
        self.0
    }
}

impl fmt::Display for RouterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
