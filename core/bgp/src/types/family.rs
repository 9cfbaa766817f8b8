use core::fmt;

use super::Prefix;

/// A kind of route that we announce.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// AFI 1, SAFI 1.
    Ipv4Unicast,
    /// AFI 2, SAFI 1.
    Ipv6Unicast,
}

impl Family {
    /// Both, in the order in which they are announced.
    pub const ALL: [Self; 2] = [Self::Ipv4Unicast, Self::Ipv6Unicast];

    /// The family a prefix belongs to.
    pub fn of(prefix: &Prefix) -> Self {
        match prefix {
            Prefix::V4(_) => Self::Ipv4Unicast,
            Prefix::V6(_) => Self::Ipv6Unicast,
        }
    }

    /// Its numbers on the wire.
    pub fn codes(self) -> AfiSafi {
        match self {
            Self::Ipv4Unicast => AfiSafi { afi: AfiSafi::IPV4, safi: AfiSafi::UNICAST },
            Self::Ipv6Unicast => AfiSafi { afi: AfiSafi::IPV6, safi: AfiSafi::UNICAST },
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4Unicast => "IPv4 unicast",
            Self::Ipv6Unicast => "IPv6 unicast",
        })
    }
}

/// The numbers of a family, ours or not (RFC 4760 §3).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct AfiSafi {
    /// Address family identifier: 1 is IPv4, 2 is IPv6.
    pub afi: u16,
    /// Subsequent address family identifier: 1 is unicast.
    pub safi: u8,
}

impl AfiSafi {
    /// The AFI of IPv4.
    pub const IPV4: u16 = 1;
    /// The AFI of IPv6.
    pub const IPV6: u16 = 2;
    /// The SAFI of unicast forwarding.
    pub const UNICAST: u8 = 1;

    /// The family, if it is one of ours.
    pub fn family(self) -> Option<Family> {
        match (self.afi, self.safi) {
            (Self::IPV4, Self::UNICAST) => Some(Family::Ipv4Unicast),
            (Self::IPV6, Self::UNICAST) => Some(Family::Ipv6Unicast),
            _ => None,
        }
    }
}

impl fmt::Display for AfiSafi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.family() {
            Some(family) => family.fmt(f),
            None => write!(f, "AFI {} SAFI {}", self.afi, self.safi),
        }
    }
}

/// A set of families.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Families(u8);

impl Families {
    /// No family.
    pub const NONE: Self = Self(0);

    /// Whether `family` is among them.
    pub fn contains(self, family: Family) -> bool {
        self.0 & bit(family) != 0
    }

    /// Adds one.
    pub fn insert(&mut self, family: Family) {
        self.0 |= bit(family);
    }

    /// Those in both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Each of them, in the order of [`Family::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Family> {
        Family::ALL.into_iter().filter(move |&family| self.contains(family))
    }
}

impl FromIterator<Family> for Families {
    fn from_iter<I: IntoIterator<Item = Family>>(families: I) -> Self {
        let mut set = Self::NONE;
        families.into_iter().for_each(|family| set.insert(family));
        set
    }
}

impl fmt::Debug for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn bit(family: Family) -> u8 {
    match family {
        Family::Ipv4Unicast => 1,
        Family::Ipv6Unicast => 2,
    }
}
