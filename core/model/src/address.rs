//! Addresses as ordered numbers, so that a range of 2^64 costs as much as a range of two.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use ipnet::IpNet;

/// An IP family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both, IPv4 first.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::V4,
            IpAddr::V6(_) => Self::V6,
        }
    }

    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::V4 => Self::V6,
            Self::V6 => Self::V4,
        }
    }

    /// The address with this number, the inverse of [`Family::number`]. For IPv4 only the lower 32 bits count.
    pub fn address(self, number: u128) -> IpAddr {
        match self {
            Self::V4 => IpAddr::V4(Ipv4Addr::from_bits((number & u128::from(u32::MAX)) as u32)),
            Self::V6 => IpAddr::V6(Ipv6Addr::from_bits(number)),
        }
    }

    /// An address as a number; the same number may exist in the other family.
    pub fn number(address: IpAddr) -> u128 {
        match address {
            IpAddr::V4(v4) => u128::from(v4.to_bits()),
            IpAddr::V6(v6) => v6.to_bits(),
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Addresses of one family from `first` to `last`, both included. Displayed as `first-last`, or one address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// The range from `first` to `last`; `None` if they are of two families or in the wrong order.
    pub fn new(first: IpAddr, last: IpAddr) -> Option<Self> {
        (Family::of(first) == Family::of(last) && first <= last).then_some(Self { first, last })
    }

    /// The lowest address.
    pub fn first(self) -> IpAddr {
        self.first
    }

    /// The highest address.
    pub fn last(self) -> IpAddr {
        self.last
    }

    /// The family of all its addresses.
    pub fn family(self) -> Family {
        Family::of(self.first)
    }

    /// Its ends as numbers.
    pub fn numbers(self) -> RangeInclusive<u128> {
        Family::number(self.first)..=Family::number(self.last)
    }

    /// Whether the address lies in it.
    pub fn contains(self, address: IpAddr) -> bool {
        Family::of(address) == self.family() && (self.first..=self.last).contains(&address)
    }
}

impl From<IpNet> for IpRange {
    fn from(net: IpNet) -> Self {
        Self { first: net.network(), last: net.broadcast() }
    }
}

impl From<IpAddr> for IpRange {
    fn from(address: IpAddr) -> Self {
        Self { first: address, last: address }
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_range_of_its_family() {
        let whole: IpRange = "::/0".parse::<IpNet>().unwrap().into();
        assert_eq!(whole.numbers(), 0..=u128::MAX);
        let small: IpRange = "192.0.2.0/30".parse::<IpNet>().unwrap().into();
        assert_eq!(small.to_string(), "192.0.2.0-192.0.2.3");
        assert!(small.contains("192.0.2.3".parse().unwrap()));
        assert!(!small.contains("192.0.2.4".parse().unwrap()));
        assert!(!whole.contains("192.0.2.3".parse().unwrap()));
    }

    #[test]
    fn a_range_has_one_family_and_is_in_order() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(IpRange::new(ip("192.0.2.2"), ip("192.0.2.1")), None);
        assert_eq!(IpRange::new(ip("192.0.2.2"), ip("2001:db8::1")), None);
        assert!(IpRange::new(ip("192.0.2.2"), ip("192.0.2.2")).is_some());
    }

    #[test]
    fn numbers_come_back_as_the_same_address() {
        for text in ["0.0.0.0", "192.0.2.255", "255.255.255.255", "::", "2001:db8::ffff"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(Family::of(address).address(Family::number(address)), address);
        }
    }
}
