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
