//! The BGP and BFD sessions of a node, as its `SpeakerState` has them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most BGP sessions that a speaker lists.
pub const MAX_BGP_SESSIONS: usize = 64;
/// The most BFD sessions that a speaker lists.
pub const MAX_BFD_SESSIONS: usize = 64;

/// A BGP session of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BgpSession {
    /// The BGPPeer's name.
    #[schemars(length(min = 1, max = 253))]
    pub peer: String,
    /// The peer's address, with the interface where it is link-local (`fe80::1%eth0`); empty while it is not known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub address: String,
    /// Where the session is (RFC 4271 §8.2.2).
    pub state: BgpSessionState,
    /// Since when.
    pub since: Timestamp,
    /// Why the last session ended or the last try failed, in words, with what the peer said decoded; empty if nothing did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 512))]
    pub last_error: String,
    /// How many prefixes the peer is told of.
    #[serde(default)]
    pub announced: PrefixCounts,
    /// How many prefixes the peer announced since the session came up, to two digits; none is used, and one that is announced
    /// again counts again.
    #[serde(default)]
    pub received: PrefixCounts,
    /// What both sides are able to, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(max = 64)))]
    pub capabilities: Vec<String>,
    /// The hold time agreed on, in seconds; 0: none, or no session.
    #[serde(default)]
    #[schemars(range(min = 0, max = 65_535))]
    pub hold_time_seconds: i32,
    /// Where BFD with this peer is; absent without BFD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd: Option<BfdSessionState>,
}

/// Prefixes by family.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrefixCounts {
    /// IPv4.
    #[serde(default)]
    pub ipv4: i32,
    /// IPv6.
    #[serde(default)]
    pub ipv6: i32,
}

/// Where a BGP session is (RFC 4271 §8.2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BgpSessionState {
    /// Nothing is tried: it waits to, or must not.
    #[default]
    Idle,
    /// A connection is being made.
    Connect,
    /// A connection is waited for, or for the next try.
    Active,
    /// An OPEN is sent.
    OpenSent,
    /// The peer's OPEN is accepted.
    OpenConfirm,
    /// Routes are told.
    Established,
}

/// A BFD session of this node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BfdSession {
    /// The BGPPeer's name.
    #[schemars(length(min = 1, max = 253))]
    pub peer: String,
    /// The peer's address.
    #[schemars(length(max = 64))]
    pub address: String,
    /// Where the session is.
    pub state: BfdSessionState,
    /// Since when.
    pub since: Timestamp,
    /// Why it went down last, in words; empty if it did not.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 256))]
    pub last_error: String,
    /// After which silence the peer is taken for dead, in milliseconds; 0 while that is not agreed on.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub detection_milliseconds: i32,
}

/// Where a BFD session is (RFC 5880 §6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BfdSessionState {
    /// One side has taken it down on purpose.
    AdminDown,
    /// The peer is not heard.
    #[default]
    Down,
    /// The peer is heard and does not hear yet.
    Init,
    /// Both hear each other.
    Up,
}
