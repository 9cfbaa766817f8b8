//! What is decided about a VIP.

use std::{fmt, net::IpAddr};

use ferrolb_model::{NodeName, PoolName};

use crate::Declined;

/// What is decided about a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// These nodes may announce it.
    Announced(Placement),
    /// Nobody may.
    NotAnnounced(NotAnnounced),
}

/// Who may announce a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The candidates, the preferred one first; one to five.
    pub nodes: Vec<NodeName>,
    /// Whether it lies in a network of nodes, which then are the candidates: there it is announced, and nowhere else.
    pub on_link: bool,
    /// Names or globs of the interfaces to announce on; empty: the speaker chooses.
    pub interfaces: Vec<String>,
    /// The candidate that shall answer although nothing is wrong with another; it is the first.
    pub move_to: Option<NodeName>,
    /// The node that was asked for in vain.
    pub declined: Option<Declined>,
    /// Greater by one whenever `nodes` is another.
    pub revision: u64,
}

/// Why nobody may announce a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotAnnounced {
    /// No L2Advertisement matches its pool and one of its Services.
    NoAdvertisement {
        /// Its pool.
        pool: Option<PoolName>,
    },
    /// Advertisements match, but no node may announce.
    NoEligibleNode {
        /// How many nodes are labelled out of load balancers.
        excluded: usize,
        /// How many no matching advertisement selects.
        unselected: usize,
        /// How many have no interface that the advertisements name.
        without_interface: usize,
    },
}

/// A VIP about which something else is decided than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The VIP.
    pub address: IpAddr,
    /// What is decided now; `None`: the VIP is gone.
    pub decision: Option<Decision>,
}

impl fmt::Display for NotAnnounced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAdvertisement { pool: Some(pool) } => write!(
                f,
                "no L2Advertisement selects pool {pool} and this Service; create one, or widen its selectors"
            ),
            Self::NoAdvertisement { pool: None } => f.write_str(
                "the address is of no known pool and no L2Advertisement is for all pools; create one without selectors",
            ),
            Self::NoEligibleNode { excluded: 0, unselected: 0, without_interface: 0 } => {
                f.write_str("there is no node; add one")
            }
            Self::NoEligibleNode { excluded, unselected, without_interface } => write!(
                f,
                "no node may announce: {excluded} labelled out of load balancers, {unselected} not selected by nodeSelectors, \
                 {without_interface} without an interface that the L2Advertisement names; change the labels or the advertisement"
            ),
        }
    }
}
