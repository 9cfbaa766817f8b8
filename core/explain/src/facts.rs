//! What was read of the cluster.

use std::{collections::BTreeMap, net::IpAddr};

use ferrolb_ipam::Allocator;
use ferrolb_model::{NodeInterface, NodeName, PoolName, Service, ServiceId, TrafficPolicy};

use crate::routing::{RoutedBy, Routing, Session};

/// Something that was read, or why it was not: a missing permission leaves a gap, not an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known<T> {
    /// It was read.
    Known(T),
    /// It was not; a sentence that says why.
    Unknown(String),
}

impl<T> Known<T> {
    /// What was read, if it was.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }
}

/// Everything that chains are made from.
#[derive(Debug)]
pub struct Facts {
    /// When it was read, by the API server's clock; seconds since 1970.
    pub now: i64,
    /// What statuses should say: started from the cluster's pools, namespaces, nodes and Services.
    pub allocator: Allocator,
    /// Pools that cannot be parsed, and why. A controller that has read a good version goes by that, which is not known here.
    pub invalid_pools: BTreeMap<PoolName, String>,
    /// Whether Services without a class are served.
    pub default_class: DefaultClass,
    /// Who decides.
    pub controller: Known<Controller>,
    /// What the speakers were told, by VIP.
    pub announcements: Known<BTreeMap<IpAddr, Announcement>>,
    /// What the speakers are and say, by node.
    pub speakers: Known<BTreeMap<NodeName, Speaker>>,
    /// What says which nodes tell which BGP peers; `None`: it was not looked at, and conditions are believed.
    pub routing: Option<Known<Routing>>,
}

/// Whether Services without a `loadBalancerClass` are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultClass {
    /// The controller's flag says so.
    Served,
    /// The controller's flag says that they are not.
    NotServed,
    /// The controller's flag could not be read; served is what it says unless somebody changed it.
    Assumed,
}

/// The controller as its lease shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Controller {
    /// One leads.
    Leads {
        /// Its name.
        holder: String,
        /// How long ago it renewed its lease, in seconds.
        renewed: i64,
    },
    /// The last one stopped renewing its lease and nobody has taken it.
    Lapsed {
        /// Its name.
        holder: String,
        /// How long ago it renewed its lease, in seconds.
        renewed: i64,
    },
    /// The last one gave the lease back and nobody has taken it.
    Released,
    /// There has never been one.
    Never,
}

/// What the speakers were told of a VIP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// The AnnouncementSlice it is in.
    pub slice: String,
    /// The candidates, the preferred one first.
    pub nodes: Vec<NodeName>,
    /// The Services that are reached at it.
    pub services: Vec<ServiceId>,
    /// Which nodes may carry their traffic.
    pub traffic_policy: TrafficPolicy,
    /// The BGPAdvertisements by which BGP peers are told of it.
    pub routed_by: Vec<RoutedBy>,
}

/// A node's speaker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Speaker {
    /// Whether its pod is ready; `None`: it has no pod.
    pub ready: Option<bool>,
    /// What it reports; `None`: nothing yet.
    pub report: Option<Report>,
}

/// A speaker's report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// VIPs that are not as planned on its node: the VIP, what is not as planned, and why in words.
    pub exceptions: Vec<(IpAddr, ExceptionKind, String)>,
    /// Why its newest configuration was not accepted whole; empty if it was.
    pub problem: String,
    /// Whether it works from its last good configuration, because the API server cannot be reached.
    pub stale: bool,
    /// What it hears on each interface.
    pub hearing: Vec<Hearing>,
    /// Its sessions with BGP peers, by the BGPPeer's name.
    pub sessions: BTreeMap<String, Session>,
}

/// What a speaker hears on an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hearing {
    /// The interface.
    pub interface: NodeInterface,
    /// The nodes that answer though their heartbeats do not arrive.
    pub filtered: Vec<NodeName>,
    /// Whether no other speaker was ever heard, though a gateway answers and others are planned.
    pub isolated: bool,
}

/// What is not as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExceptionKind {
    /// The node answers although it is not the first candidate.
    Taken,
    /// It is the first candidate and does not answer.
    Missing,
    /// Another host on the segment answers for the address.
    Duplicate,
}

/// A Service, and what its object says that the allocator does not ask for.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The Service.
    pub service: Service,
    /// `spec.type`.
    pub kind: String,
    /// `spec.loadBalancerClass`.
    pub class: Option<String>,
    /// Its condition `ferrolb.io/IPAllocated`.
    pub allocated: Option<Condition>,
    /// Its condition `ferrolb.io/Announced`.
    pub announced: Option<Condition>,
}

/// A condition of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether it is true.
    pub status: bool,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
}
