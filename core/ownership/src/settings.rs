use core::time::Duration;
use std::collections::BTreeMap;
use std::net::IpAddr;

use ferrolb_neighbor::Mac;
use ipnet::IpNet;

use crate::{ClusterId, Keys, NodeName, Uid};

/// What a speaker is, the same on all of its interfaces.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Frames of other clusters are not heard.
    pub cluster: ClusterId,
    /// What signs and verifies frames.
    pub keys: Keys,
    /// The node this speaker runs on.
    pub node: NodeName,
    /// This run of the speaker; random, new at each process start.
    pub uid: Uid,
    /// How often heartbeats go out and how many may be missed.
    pub timing: Timing,
    /// Most gratuitous frames a second on an interface; storm control may shut a port that sends more.
    pub gratuitous_rate: u32,
    /// How long this speaker must have been without the API while another candidate has it before it hands over to that one.
    pub stale_for: Duration,
}

impl Settings {
    /// The gratuitous rate where the user names none, frames a second.
    pub const DEFAULT_GRATUITOUS_RATE: u32 = 10_000;
    /// Speakers that all lose the API notice it one after the other: a connection to an API server that fell silent, without
    /// a reset, counts as alive for 15 s (three unanswered TCP keepalives, 5 s apart).
    pub const DEFAULT_STALE_FOR: Duration = Duration::from_secs(20);

    /// Those of a speaker on `node`, for tests that have but one.
    #[cfg(test)]
    pub(crate) fn alone(node: &str) -> Self {
        Self {
            cluster: ClusterId(1),
            keys: Keys::new(crate::Key::new(&[1; 32]).expect("a key has 32 octets"), None),
            node: NodeName::new(node).expect("the node has a name"),
            uid: Uid([1; 16]),
            timing: Timing::REALTIME,
            gratuitous_rate: Self::DEFAULT_GRATUITOUS_RATE,
            stale_for: Self::DEFAULT_STALE_FOR,
        }
    }
}

/// The heartbeat's pace.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timing {
    /// The shortest interval between heartbeats; many speakers on a segment lengthen it.
    pub min_interval: Duration,
    /// How many heartbeats in a row must be missed before a speaker counts as silent.
    pub missed: u32,
}

impl Timing {
    /// With real-time scheduling of the thread that sends and receives: 25 ms, 3 missed.
    pub const REALTIME: Self = Self { min_interval: Duration::from_millis(25), missed: 3 };
    /// Without it: 50 ms, 3 missed.
    pub const ORDINARY: Self = Self { min_interval: Duration::from_millis(50), missed: 3 };
    /// For Wi-Fi and virtual machines that migrate live: 200 ms, 5 missed.
    pub const RELAXED: Self = Self { min_interval: Duration::from_millis(200), missed: 5 };
}

/// The interface of one segment, as the kernel describes it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Interface {
    /// The kernel's index.
    pub index: u32,
    /// The kernel's name, for people.
    pub name: String,
    /// What VIPs resolve to while this speaker owns them.
    pub mac: Mac,
    /// Its own addresses with their prefixes, link-local ones too.
    pub addresses: Vec<IpNet>,
    /// Witnesses: neighbours that answer while the segment works, by default the gateways on this interface.
    pub gateways: Vec<IpAddr>,
    /// Whether the link has carrier.
    pub carrier: bool,
}

/// All VIPs of one interface, as the newest known plan places them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Plan {
    /// Grows with every change of the plan; speakers compare it to tell whose plan is older.
    pub revision: u64,
    /// VIP to its placement.
    pub vips: BTreeMap<IpAddr, VipPlan>,
}

/// Who may own one VIP.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VipPlan {
    /// At most five nodes, in the order in which they shall try; those beyond are ignored.
    pub candidates: Vec<NodeName>,
    /// The candidate that shall own it although nothing is wrong with another; at most two such moves in three minutes.
    pub move_to: Option<NodeName>,
    /// The revision of this VIP's placement.
    pub revision: u64,
    /// Whether this node could serve the VIP: forwarding in step and a ready endpoint for it (on this node under
    /// the Local traffic policy).
    pub ready: bool,
}

impl VipPlan {
    /// The most candidates a VIP has.
    pub const MAX_CANDIDATES: usize = 5;
}
