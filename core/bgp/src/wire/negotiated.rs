use super::{Capability, MAX_EXTENDED_LEN, MAX_LEN, Open};
use crate::{AfiSafi, Families, Family};

/// What two OPENs agree on, as far as later messages depend on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Negotiated {
    /// Both are in the same AS.
    pub internal: bool,
    /// The routes that may be exchanged.
    pub families: Families,
    /// Paths have numbers of four octets (RFC 6793).
    pub four_octet_asns: bool,
    /// The peer may be sent messages of up to [`MAX_EXTENDED_LEN`] octets (RFC 8654 §4). What it may send follows from what
    /// this side alone has said.
    pub extended_messages: bool,
    /// IPv4 routes may have IPv6 next hops (RFC 8950).
    pub extended_next_hop: bool,
    /// All routes may be asked for again (RFC 2918).
    pub route_refresh: bool,
    /// The answer has a beginning and an end (RFC 7313).
    pub enhanced_route_refresh: bool,
}

impl Negotiated {
    /// What a session has in common whose sides sent these.
    pub fn between(ours: &Open, theirs: &Open) -> Self {
        let both = |capability: &Capability| ours.has(capability) && theirs.has(capability);
        let families = ours.families().intersection(theirs.families());
        Self {
            internal: ours.asn == theirs.asn,
            families,
            four_octet_asns: ours.four_octet_asn().is_some() && theirs.four_octet_asn().is_some(),
            extended_messages: both(&Capability::ExtendedMessage),
            extended_next_hop: families.contains(Family::Ipv4Unicast)
                && ours.has_ipv4_over_ipv6()
                && theirs.has_ipv4_over_ipv6(),
            route_refresh: both(&Capability::RouteRefresh),
            enhanced_route_refresh: both(&Capability::EnhancedRouteRefresh),
        }
    }

    /// The longest message that may be sent, in octets.
    pub fn message_limit(&self) -> usize {
        if self.extended_messages { MAX_EXTENDED_LEN } else { MAX_LEN }
    }

    /// The family with these numbers, if its routes may be exchanged.
    pub(super) fn family(&self, codes: AfiSafi) -> Option<Family> {
        codes.family().filter(|&family| self.families.contains(family))
    }
}

impl Default for Negotiated {
    /// What holds before anything is agreed on: plain RFC 4271, and no family.
    fn default() -> Self {
        Self {
            internal: false,
            families: Families::NONE,
            four_octet_asns: false,
            extended_messages: false,
            extended_next_hop: false,
            route_refresh: false,
            enhanced_route_refresh: false,
        }
    }
}
