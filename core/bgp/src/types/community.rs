use core::fmt;

/// A community (RFC 1997): 32 bits, written as two halves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Community(pub u32);

impl Community {
    /// The route will go away soon; receivers make it their last choice (RFC 8326).
    pub const GRACEFUL_SHUTDOWN: Self = Self(0xFFFF_0000);
    /// Traffic to the prefix is to be dropped (RFC 7999).
    pub const BLACKHOLE: Self = Self(0xFFFF_029A);
    /// Not to be told to external peers (RFC 1997).
    pub const NO_EXPORT: Self = Self(0xFFFF_FF01);
    /// Not to be told to anybody (RFC 1997).
    pub const NO_ADVERTISE: Self = Self(0xFFFF_FF02);
    /// Not to be told beyond the AS, nor to other members of a confederation (RFC 1997).
    pub const NO_EXPORT_SUBCONFED: Self = Self(0xFFFF_FF03);

    /// A community of its two halves.
    pub const fn new(asn: u16, value: u16) -> Self {
        Self((asn as u32) << 16 | value as u32)
    }
}

impl fmt::Display for Community {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.0 >> 16, self.0 & 0xFFFF)
    }
}

/// A large community (RFC 8092): the AS that gives it meaning, and two numbers of that AS's own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LargeCommunity {
    /// Whose meaning it has.
    pub global: u32,
    /// The first number.
    pub local1: u32,
    /// The second number.
    pub local2: u32,
}

impl fmt::Display for LargeCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.global, self.local1, self.local2)
    }
}

/// An extended community (RFC 4360): eight octets, of which the first two are type and subtype.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ExtendedCommunity(pub [u8; 8]);

impl ExtendedCommunity {
    /// Two-octet AS, not transitive across ASes.
    const AS_SPECIFIC_NON_TRANSITIVE: u8 = 0x40;
    const LINK_BANDWIDTH: u8 = 0x04;

    /// The bandwidth behind the route, in bytes a second, by which receivers share traffic among equal routes
    /// (draft-ietf-idr-link-bandwidth). `asn` is the announcing AS, AS_TRANS if it needs four octets.
    pub fn link_bandwidth(asn: u16, bytes_a_second: f32) -> Self {
        let ([a, b], [c, d, e, f]) = (asn.to_be_bytes(), bytes_a_second.to_bits().to_be_bytes());
        Self([Self::AS_SPECIFIC_NON_TRANSITIVE, Self::LINK_BANDWIDTH, a, b, c, d, e, f])
    }

    /// Whether it stays with the route where that leaves its AS (RFC 4360 §2).
    pub fn is_transitive(self) -> bool {
        self.0[0] & 0x40 == 0
    }
}

impl fmt::Display for ExtendedCommunity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:016x}", u64::from_be_bytes(self.0))
    }
}
