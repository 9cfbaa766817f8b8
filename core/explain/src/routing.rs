//! What was read of BGP.

use std::collections::BTreeMap;

use ferrolb_model::{BgpAdvertisement, BgpPeer, EndpointSet, Node, NodeName, ServiceId};

/// Everything that says which nodes tell which peers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Routing {
    /// The BGPAdvertisements that can be used, by name.
    pub advertisements: BTreeMap<String, BgpAdvertisement>,
    /// Those that cannot be used as they are, and why.
    pub invalid_advertisements: BTreeMap<String, String>,
    /// The BGPPeers, by name.
    pub peers: BTreeMap<String, BgpPeer>,
    /// The nodes, by name.
    pub nodes: Vec<Node>,
    /// Where endpoints are ready, by Service; one that is not named has none.
    pub endpoints: BTreeMap<ServiceId, EndpointSet>,
}

/// A BGPAdvertisement by which peers are told of a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedBy {
    /// Its name.
    pub name: String,
    /// The nodes that announce by it, where `maxNodes` limits them; `None`: every one that it selects.
    pub nodes: Option<Vec<NodeName>>,
}

/// A session with a BGP peer, as a speaker reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whether routes are told, or why not.
    pub state: SessionState,
    /// How BFD with the peer is, if it is not up: its state, and why in words, which may be empty.
    pub path_lost: Option<(String, String)>,
}

/// Where a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionState {
    /// Routes are told.
    Established,
    /// They are not.
    Down {
        /// The state by its name (RFC 4271 §8.2.2).
        name: String,
        /// The last error in words; empty if there was none.
        why: String,
    },
}
