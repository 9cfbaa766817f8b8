//! `SpeakerState`: what a speaker does and sees, one object a node.

use jiff::Timestamp;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sessions::{BfdSession, BgpSession};

/// The most exceptions one speaker lists; more set `truncated`.
pub const MAX_EXCEPTIONS: usize = 500;
/// The most interfaces described, and networks of one.
pub const MAX_INTERFACES: usize = 64;
/// The most nodes named of one segment.
pub const MAX_SEGMENT_NODES: usize = 256;

/// A speaker's own report. It has the name of its node, is owned by it, and is written by its speaker only.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ferrolb.io",
    version = "v1beta1",
    kind = "SpeakerState",
    plural = "speakerstates",
    shortname = "flbspeaker",
    category = "ferrolb",
    status = "SpeakerStateStatus",
    derive = "PartialEq",
    no_spec,
    doc = "What the speaker on one node does and sees. Written by that speaker; it has its node's name.",
    printcolumn(name = "VIPs", type_ = "integer", json_path = ".status.vipsOwned"),
    printcolumn(name = "BGP", type_ = "string", json_path = ".status.bgpSessions"),
    printcolumn(name = "Forwarding", type_ = "string", json_path = ".status.forwardingMode"),
    printcolumn(name = "Scheduling", type_ = "string", json_path = ".status.scheduling", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
pub struct SpeakerStateSpec {}

/// What the speaker does and sees. Written on change, at most once a second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SpeakerStateStatus {
    /// How many VIPs this node answers for.
    #[serde(default)]
    pub vips_owned: i32,
    /// VIPs that are not as the plan's first candidate would have them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 500))]
    pub exceptions: Vec<Exception>,
    /// Whether there are more exceptions than are listed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// Why this node hands over what others can answer for, such as `cordoned`; empty: it does not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub leaving: String,
    /// The interfaces that VIPs can live on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub interfaces: Vec<Interface>,
    /// The BGP sessions of this node, by peer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub bgp: Vec<BgpSession>,
    /// How many of them are established, of how many: `2/3`. Empty without any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 16))]
    pub bgp_sessions: String,
    /// The BFD sessions of this node, by peer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub bfd: Vec<BfdSession>,
    /// `delegate`: kube-proxy or the CNI carries the traffic.
    #[serde(default)]
    #[schemars(length(max = 32))]
    pub forwarding_mode: String,
    /// How the thread that answers ARP is scheduled.
    #[serde(default)]
    pub scheduling: Scheduling,
    /// The configuration in force.
    #[serde(default)]
    pub configuration: Configuration,
    /// The speaker's version.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub version: String,
}

/// A VIP that is not as planned on this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Exception {
    /// The VIP.
    #[schemars(length(max = 45))]
    pub ip: String,
    /// The interface.
    #[schemars(length(max = 15))]
    pub interface: String,
    /// What is not as planned.
    pub kind: ExceptionKind,
    /// The ballot's term: it rises by one with each change of owner.
    pub term: i64,
    /// Since when.
    pub since: Timestamp,
    /// Why, in words.
    #[schemars(length(max = 256))]
    pub reason: String,
}

/// What is not as planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExceptionKind {
    /// This node answers although it is not the first candidate.
    Taken,
    /// This node is the first candidate and does not answer.
    Missing,
    /// Another host on the segment answers for the address.
    Duplicate,
}

/// An interface that VIPs can live on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Interface {
    /// Its name.
    #[schemars(length(max = 15))]
    pub name: String,
    /// Its networks, as CIDRs.
    #[serde(default)]
    #[schemars(length(max = 64), inner(length(max = 49)))]
    pub addresses: Vec<String>,
    /// Whether it has a link.
    pub carrier: bool,
    /// What is heard of other speakers there; absent until the speaker listens, which it does once a VIP lives there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segment: Option<Segment>,
}

/// The other speakers of an interface's segment, as this one hears them. A change of this alone may be written later than
/// others, by a second for each speaker of the segment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// The time between this speaker's heartbeats.
    pub heartbeat_milliseconds: i32,
    /// Whether that is longer than its scheduling permits, because many speakers share the segment.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub relaxed: bool,
    /// The nodes whose speakers are heard.
    #[serde(default)]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub heard: Vec<String>,
    /// The nodes that answer for their VIPs though their heartbeats do not arrive: a switch filters multicast.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub multicast_filtered: Vec<String>,
    /// Whether a gateway answers, and no other speaker was ever heard though others are planned: isolated ports, or no other
    /// speaker runs. VIPs are left to their first candidates.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub isolated: bool,
}

/// How the wire thread is scheduled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Scheduling {
    /// Real-time (SCHED_FIFO): heartbeats every 25 ms at the fastest.
    RealTime,
    /// Not permitted (SYS_NICE missing): heartbeats every 50 ms at the fastest.
    #[default]
    Ordinary,
}

/// The configuration a speaker works from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Configuration {
    /// A digest of the slices in force, equal on speakers that work from the same plan.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub digest: String,
    /// The resourceVersion of the newest slice in force: which of its announcements the controller may take as known.
    #[serde(default)]
    #[schemars(length(max = 64))]
    pub revision: String,
    /// Why the newest configuration was not accepted whole; empty if it was.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 1024))]
    pub problem: String,
    /// Whether it is the last good one, kept while the API server cannot be reached.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stale: bool,
}
