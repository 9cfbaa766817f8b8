use std::collections::BTreeSet;

use super::{AsPath, Community, ExtendedCommunity, LargeCommunity, NextHop};

/// Everything that is said of a route besides its prefix.
///
/// Equal sets compare equal and sort alike, since communities have one order and no duplicates. Routes of one set share
/// UPDATEs, so whoever holds many routes holds the set once, in an `Arc`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Attributes {
    /// How the route came into being.
    pub origin: Origin,
    /// The systems it has gone through, with ours where the peer is external.
    pub as_path: AsPath,
    /// Where to send packets.
    pub next_hop: NextHop,
    /// MULTI_EXIT_DISC: of several ways into the same AS the least is preferred.
    pub med: Option<u32>,
    /// LOCAL_PREF: the greatest is preferred. Internal peers are told 100 if there is none, external ones never hear it
    /// (RFC 4271 §5.1.5).
    pub local_pref: Option<u32>,
    /// RFC 1997.
    pub communities: BTreeSet<Community>,
    /// RFC 4360.
    pub extended_communities: BTreeSet<ExtendedCommunity>,
    /// RFC 8092.
    pub large_communities: BTreeSet<LargeCommunity>,
}

impl Attributes {
    /// A route of ours with nothing but what every route must have.
    pub fn new(as_path: AsPath, next_hop: NextHop) -> Self {
        Self {
            origin: Origin::Igp,
            as_path,
            next_hop,
            med: None,
            local_pref: None,
            communities: BTreeSet::new(),
            extended_communities: BTreeSet::new(),
            large_communities: BTreeSet::new(),
        }
    }
}

/// How a route came into being (RFC 4271 §5.1.1). The first is preferred.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Origin {
    /// It is inside the AS that announces it.
    Igp,
    /// It was learnt by the protocol EGP.
    Egp,
    /// By other means.
    Incomplete,
}
