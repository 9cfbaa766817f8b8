//! Advertisements: what is announced, by whom, where.

use crate::{PoolName, Selector};

/// An `L2Advertisement`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct L2Advertisement {
    /// Its name.
    pub name: String,
    /// Pools by name. Empty together with `pool_selectors`: every pool.
    pub pools: Vec<PoolName>,
    /// Pools by label, in addition to those named.
    pub pool_selectors: Vec<Selector>,
    /// Services by label; empty: every one.
    pub service_selectors: Vec<Selector>,
    /// Nodes by label; empty: every one.
    pub node_selectors: Vec<Selector>,
    /// Interface names or globs; empty: the speaker chooses.
    pub interfaces: Vec<String>,
    /// Nodes preferred when an address is first placed.
    pub preferred_nodes: Vec<PreferredNodes>,
}

/// A preference for some nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreferredNodes {
    /// Weights of matching selectors add up.
    pub weight: u32,
    /// The nodes.
    pub selector: Selector,
}

/// A `BGPAdvertisement`, as far as it says which VIPs which nodes announce to whom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BgpAdvertisement {
    /// Its name.
    pub name: String,
    /// When it was created, in seconds since 1970. Of two that disagree the older one counts.
    pub created: i64,
    /// Pools by name. Empty together with `pool_selectors`: every pool.
    pub pools: Vec<PoolName>,
    /// Pools by label, in addition to those named.
    pub pool_selectors: Vec<Selector>,
    /// Services by label; empty: every one.
    pub service_selectors: Vec<Selector>,
    /// Nodes by label; empty: every one.
    pub node_selectors: Vec<Selector>,
    /// Peers by name; empty: every one.
    pub peers: Vec<String>,
    /// How many nodes announce a VIP at the most; `None`: every one that may.
    pub max_nodes: Option<usize>,
}

impl BgpAdvertisement {
    /// Whether the peer of this name is told.
    pub fn tells(&self, peer: &str) -> bool {
        self.peers.is_empty() || self.peers.iter().any(|name| name == peer)
    }
}

/// A `BGPPeer`, as far as it says which nodes have a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BgpPeer {
    /// Its name.
    pub name: String,
    /// Nodes by label; empty: every one.
    pub node_selectors: Vec<Selector>,
}
