//! What a route looks like to one peer.

mod next_hop;
mod route;

pub use next_hop::{Addresses, NextHopSettings, NextHops, NotSent};
pub use route::Route;

use crate::{AsPath, Asn, Attributes, Community, Family, NextHop, Prefix};

/// Makes attributes of routes for one peer, for as long as one session with it lasts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Policy {
    /// The AS that the peer knows this speaker by.
    pub local_as: Asn,
    /// Whether the peer is in the same AS.
    pub internal: bool,
    /// Where traffic is to be sent.
    pub next_hops: NextHops,
    /// Whether this speaker is about to leave: its routes should be everybody's last choice (RFC 8326).
    pub draining: bool,
}

impl Policy {
    /// The attributes of a route to `prefix`.
    ///
    /// # Errors
    /// If the peer cannot be told of it at all.
    pub fn attributes(&self, prefix: &Prefix, route: &Route) -> Result<Attributes, NotSent> {
        let next_hop = self.next_hop(prefix)?;
        let mut attributes = Attributes::new(self.as_path(route), next_hop);
        attributes.med = route.med;
        if self.internal {
            attributes.local_pref = if self.draining { Some(0) } else { route.local_pref };
        }
        attributes.communities = route.communities.clone();
        attributes.extended_communities = route.extended_communities.clone();
        attributes.large_communities = route.large_communities.clone();
        if self.draining {
            attributes.communities.insert(Community::GRACEFUL_SHUTDOWN);
        }
        Ok(attributes)
    }

    /// Where traffic for `prefix` is to be sent.
    ///
    /// # Errors
    /// If there is no such place, or it is the prefix itself.
    pub fn next_hop(&self, prefix: &Prefix) -> Result<NextHop, NotSent> {
        let next_hop = self.next_hops.of(Family::of(prefix))?;
        // Whoever follows the route to find its next hop would go round in circles.
        let own = match (next_hop, prefix) {
            (NextHop::V4(address), Prefix::V4(prefix)) => prefix.contains(&address),
            (NextHop::V6(address) | NextHop::V6WithLinkLocal { global: address, .. }, Prefix::V6(prefix)) => {
                prefix.contains(&address)
            }
            (NextHop::V4(_), Prefix::V6(_))
            | (NextHop::V6(_) | NextHop::V6WithLinkLocal { .. }, Prefix::V4(_)) => false,
        };
        if own { Err(NotSent::OwnNextHop) } else { Ok(next_hop) }
    }

    /// RFC 4271 §5.1.2: nothing is added towards internal peers, who would take our own AS in a path for a loop.
    fn as_path(&self, route: &Route) -> AsPath {
        if self.internal {
            AsPath::empty()
        } else {
            AsPath::repeated(self.local_as, 1 + usize::from(route.prepend))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(internal: bool) -> Policy {
        let addresses = Addresses { local: "192.0.2.1".parse().unwrap(), ..Addresses::default() };
        let next_hops = NextHops::choose(&addresses, &NextHopSettings::default(), false);
        Policy { local_as: Asn(64512), internal, next_hops, draining: false }
    }

    fn route() -> Route {
        Route { prepend: 2, med: Some(5), local_pref: Some(200), ..Route::default() }
    }

    #[test]
    fn external_peers_see_the_path_and_internal_ones_the_preference() {
        let vip = "198.51.100.1/32".parse().unwrap();
        let external = policy(false).attributes(&vip, &route()).unwrap();
        assert_eq!(external.as_path.to_string(), "64512 64512 64512");
        assert_eq!((external.local_pref, external.med), (None, Some(5)));
        let internal = policy(true).attributes(&vip, &route()).unwrap();
        assert_eq!(internal.as_path, AsPath::empty());
        assert_eq!((internal.local_pref, internal.med), (Some(200), Some(5)));
    }

    /// RFC 8326 §4.2 and §4.3.
    #[test]
    fn a_draining_speaker_is_the_last_choice() {
        let vip = "198.51.100.1/32".parse().unwrap();
        for internal in [false, true] {
            let told = Policy { draining: true, ..policy(internal) }.attributes(&vip, &route()).unwrap();
            assert!(told.communities.contains(&Community::GRACEFUL_SHUTDOWN));
            assert_eq!(told.local_pref, internal.then_some(0));
        }
    }

    #[test]
    fn a_vip_is_never_its_own_next_hop() {
        for (prefix, sent) in [
            ("192.0.2.1/32", false),
            ("192.0.2.0/24", false),
            ("192.0.2.2/32", true),
            ("198.51.100.0/24", true),
        ] {
            assert_eq!(policy(false).next_hop(&prefix.parse().unwrap()).is_ok(), sent, "{prefix}");
        }
    }
}
