//! `AnnouncementSlice`: what the controller asks the speakers to announce.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The most VIPs one slice holds.
pub const MAX_SLICE_VIPS: usize = 64;
/// The most advertisements of one kind that a slice names for a VIP.
pub const MAX_ADVERTISEMENTS: usize = 64;
/// The most candidate nodes a VIP has.
pub const MAX_CANDIDATES: usize = 5;

/// Up to 64 VIPs and who may announce each. Written by the controller only.
#[derive(CustomResource, Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ferrolb.io",
    version = "v1beta1",
    kind = "AnnouncementSlice",
    plural = "announcementslices",
    shortname = "flbslice",
    category = "ferrolb",
    derive = "PartialEq",
    doc = "What the controller asks the speakers to announce. Written by FerroLB's controller; edits are overwritten.",
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct AnnouncementSliceSpec {
    // Atomic, since there is one writer: for a list by keys the API server keeps a record of who wrote which field of each VIP,
    // which doubles what a write costs it.
    /// The VIPs, each address in one slice only.
    #[serde(default)]
    #[schemars(length(max = 64))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub vips: Vec<VipAnnouncement>,
}

/// One VIP: an address and the nodes that may answer for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VipAnnouncement {
    /// The address.
    #[schemars(length(min = 2, max = 45))]
    #[x_kube(validation = Rule::new("isIP(self)").message("ip must be an IPv4 or IPv6 address"))]
    pub ip: String,
    /// The pool it came from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 253))]
    pub pool: String,
    /// The Services reachable at it, more than one if it is shared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub services: Vec<ServiceReference>,
    /// The Services' external traffic policy. Under `Local` a node needs a ready endpoint of its own to announce.
    #[serde(default)]
    pub traffic_policy: TrafficPolicy,
    /// How it is announced on layer 2; absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer2: Option<Layer2Announcement>,
    /// How BGP peers are told of it; absent: they are not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bgp: Option<BgpAnnouncement>,
}

/// A Service, with the uid that tells it from a later one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServiceReference {
    /// Its namespace.
    #[schemars(length(min = 1, max = 63))]
    pub namespace: String,
    /// Its name.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// Its uid.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 64))]
    pub uid: String,
}

/// A Service's `externalTrafficPolicy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TrafficPolicy {
    /// Any node may carry the traffic.
    #[default]
    Cluster,
    /// Only nodes with ready endpoints carry it, and the client's address is kept.
    Local,
}

/// Who may answer ARP and NDP for a VIP.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.move) || self.move in self.nodes").message("move must be one of nodes"))]
pub struct Layer2Announcement {
    /// Candidate nodes, the preferred one first.
    #[schemars(length(max = 5), inner(length(min = 1, max = 253)))]
    pub nodes: Vec<String>,
    /// The candidate that shall answer although nothing is wrong with another: whoever does hands over to it, at most twice in
    /// three minutes. Without it an order moves nothing.
    #[serde(default, rename = "move", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub move_to: Option<String>,
    /// Whether it lies in a network of candidates: it is answered on interfaces in that network only, and not at all by a node
    /// that has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub on_link: bool,
    /// Interfaces (names or globs) to answer on if no interface's network holds the address. Empty: the one with the
    /// default route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16), inner(length(min = 1, max = 15)))]
    pub interfaces: Vec<String>,
    /// The L2Advertisements that are for it by the labels of its pool, by name: they are so on if the pool is gone or cannot be
    /// read, and nobody knows its labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub by_pool_labels: Vec<String>,
    /// Raised whenever `nodes` changes.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub revision: i64,
}

/// By which advertisements BGP peers are told of a VIP. Which peers these are, which nodes tell them and with which attributes,
/// speakers read in the BGPAdvertisements.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct BgpAnnouncement {
    /// The advertisements, by name.
    #[schemars(length(max = 64))]
    pub advertisements: Vec<RoutedBy>,
}

/// An advertisement of a VIP.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoutedBy {
    /// The BGPAdvertisement's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The nodes that announce by it, where its `maxNodes` limits them; absent: every node that it selects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub nodes: Option<Vec<String>>,
}
