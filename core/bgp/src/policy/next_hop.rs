use core::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{Family, NextHop};

/// This speaker's addresses as one session sees them, known once its transport is connected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses {
    /// The transport's own end.
    pub local: IpAddr,
    /// An IPv4 address of the interface that the transport uses.
    pub ipv4: Option<Ipv4Addr>,
    /// A global IPv6 address of that interface.
    pub ipv6: Option<Ipv6Addr>,
    /// That interface's link-local address, if the peer is on the same link.
    pub link_local: Option<Ipv6Addr>,
}

impl Default for Addresses {
    /// None is known.
    fn default() -> Self {
        Self { local: IpAddr::V4(Ipv4Addr::UNSPECIFIED), ipv4: None, ipv6: None, link_local: None }
    }
}

/// Next hops that somebody wrote down; they come before any other.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NextHopSettings {
    /// For IPv4 routes.
    pub ipv4: Option<Ipv4Addr>,
    /// For IPv6 routes.
    pub ipv6: Option<Ipv6Addr>,
}

/// The next hop of each family, or why there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NextHops {
    ipv4: Result<NextHop, NotSent>,
    ipv6: Result<NextHop, NotSent>,
}

/// Why a peer is not told of a route.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum NotSent {
    /// The peer did not agree to the family.
    NotNegotiated(Family),
    /// This speaker has no address that packets of the family could be sent to.
    NoNextHop(Family),
    /// The prefix holds the very address that packets for it would be sent to.
    OwnNextHop,
    /// This speaker is about to end the session.
    Leaving,
}

impl NextHops {
    /// Chooses them for a session. `v4_over_v6` is whether the peer accepts IPv6 next hops for IPv4 routes (RFC 8950).
    pub fn choose(addresses: &Addresses, settings: &NextHopSettings, v4_over_v6: bool) -> Self {
        let ipv6 = settings.ipv6.map(NextHop::V6).or_else(|| ipv6(addresses));
        let ipv4 = settings.ipv4.or_else(|| ipv4(addresses)).map(NextHop::V4);
        let ipv4 = ipv4.or_else(|| ipv6.filter(|_| v4_over_v6));
        Self {
            ipv4: ipv4.ok_or(NotSent::NoNextHop(Family::Ipv4Unicast)),
            ipv6: ipv6.ok_or(NotSent::NoNextHop(Family::Ipv6Unicast)),
        }
    }

    /// That of `family`.
    ///
    /// # Errors
    /// If there is none.
    pub fn of(&self, family: Family) -> Result<NextHop, NotSent> {
        match family {
            Family::Ipv4Unicast => self.ipv4,
            Family::Ipv6Unicast => self.ipv6,
        }
    }
}

fn ipv4(addresses: &Addresses) -> Option<Ipv4Addr> {
    match addresses.local {
        IpAddr::V4(local) => Some(local),
        IpAddr::V6(_) => addresses.ipv4,
    }
}

/// RFC 2545 §3: a link-local address goes beside the global one where the peer is on the link, never instead of it unless
/// there is none.
fn ipv6(addresses: &Addresses) -> Option<NextHop> {
    let (global, link_local) = match addresses.local {
        IpAddr::V6(local) if local.is_unicast_link_local() => (addresses.ipv6, Some(local)),
        IpAddr::V6(local) => (Some(local), addresses.link_local),
        IpAddr::V4(_) => (addresses.ipv6, None),
    };
    match (global, link_local) {
        (Some(global), Some(link_local)) => Some(NextHop::V6WithLinkLocal { global, link_local }),
        (Some(only), None) | (None, Some(only)) => Some(NextHop::V6(only)),
        (None, None) => None,
    }
}

impl fmt::Display for NotSent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNegotiated(family) => {
                write!(f, "the peer did not agree to {family}; enable that family for this speaker on the peer")
            }
            Self::NoNextHop(Family::Ipv4Unicast) => f.write_str(
                "there is no IPv4 address to send packets to, and the peer does not take IPv6 next hops for IPv4 \
                 (RFC 8950); set nextHop.ipv4 or enable that on the peer",
            ),
            Self::NoNextHop(Family::Ipv6Unicast) => f.write_str(
                "the session's interface has no IPv6 address to send packets to; give it one or set nextHop.ipv6",
            ),
            Self::Leaving => f.write_str("this speaker takes its routes back before it ends the session"),
            Self::OwnNextHop => f.write_str(
                "it holds the address that packets for it would be sent to; set nextHop to one outside of it",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(local: &str, addresses: Addresses, settings: NextHopSettings, v4_over_v6: bool) -> [String; 2] {
        let addresses = Addresses { local: local.parse().unwrap(), ..addresses };
        let next_hops = NextHops::choose(&addresses, &settings, v4_over_v6);
        Family::ALL.map(|family| next_hops.of(family).map_or_else(|_| "-".into(), |hop| hop.to_string()))
    }

    #[test]
    fn each_family_has_the_session_s_address_or_the_nearest_to_it() {
        let none = Addresses::default();
        let v4 = Addresses { ipv4: Some("192.0.2.1".parse().unwrap()), ..none };
        let v6 = Addresses { ipv6: Some("2001:db8::1".parse().unwrap()), ..none };
        let on_link = Addresses { link_local: Some("fe80::1".parse().unwrap()), ..v4 };
        let default = NextHopSettings::default();
        let set = NextHopSettings {
            ipv4: Some("192.0.2.9".parse().unwrap()),
            ipv6: Some("2001:db8::9".parse().unwrap()),
        };
        for (local, addresses, settings, v4_over_v6, expected) in [
            ("192.0.2.1", none, default, false, ["192.0.2.1", "-"]),
            ("192.0.2.1", v6, default, false, ["192.0.2.1", "2001:db8::1"]),
            ("2001:db8::1", none, default, false, ["-", "2001:db8::1"]),
            ("2001:db8::1", none, default, true, ["2001:db8::1", "2001:db8::1"]),
            ("2001:db8::1", v4, default, true, ["192.0.2.1", "2001:db8::1"]),
            ("2001:db8::1", on_link, default, false, ["192.0.2.1", "2001:db8::1 (fe80::1)"]),
            ("fe80::1", none, default, true, ["fe80::1", "fe80::1"]),
            ("fe80::1", v6, default, true, ["2001:db8::1 (fe80::1)", "2001:db8::1 (fe80::1)"]),
            ("fe80::1", v6, set, true, ["192.0.2.9", "2001:db8::9"]),
        ] {
            assert_eq!(chosen(local, addresses, settings, v4_over_v6), expected, "{local} {addresses:?}");
        }
    }
}
