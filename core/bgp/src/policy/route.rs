use std::collections::BTreeSet;

use crate::{Community, ExtendedCommunity, LargeCommunity};

/// What an advertisement says of a prefix, to whichever peer: [`Policy`](super::Policy) makes attributes of it.
///
/// Prefixes that say the same should share one, in an `Arc`: that is what makes them share UPDATEs cheaply.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Route {
    /// How often our AS is repeated in the path, beside the once that external peers always see.
    pub prepend: u8,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// LOCAL_PREF, for internal peers; 100 if there is none.
    pub local_pref: Option<u32>,
    /// RFC 1997.
    pub communities: BTreeSet<Community>,
    /// RFC 4360.
    pub extended_communities: BTreeSet<ExtendedCommunity>,
    /// RFC 8092.
    pub large_communities: BTreeSet<LargeCommunity>,
}
