//! `BGPAdvertisement`: which addresses peers are told of, by which nodes, and with which attributes.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::ConditionsStatus;
use crate::selector::LabelSelector;

/// The most nodes that `maxNodes` may ask for.
pub const MAX_ADVERTISING_NODES: usize = 64;

/// Addresses that BGP peers are told of. Two that tell one peer of one prefix are merged: it gets the communities of both, and
/// of the other attributes those of the older one; if they differ, the younger one's condition `Accepted` is false by
/// `Conflict`.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ferrolb.io",
    version = "v1beta1",
    kind = "BGPAdvertisement",
    plural = "bgpadvertisements",
    shortname = "flbbgp",
    category = "ferrolb",
    status = "ConditionsStatus",
    derive = "PartialEq",
    doc = "Says which addresses BGP peers are told of, by which nodes and with which attributes.",
    printcolumn(name = "Pools", type_ = "string", json_path = ".spec.ipAddressPools"),
    printcolumn(name = "Peers", type_ = "string", json_path = ".spec.peers"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct BGPAdvertisementSpec {
    /// Pools by name whose addresses are announced. Empty together with `ipAddressPoolSelectors`: every pool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub ip_address_pools: Vec<String>,
    /// Pools by label, in addition to those named; matching one selector is enough.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub ip_address_pool_selectors: Vec<LabelSelector>,
    /// Services by label; matching one selector is enough. Empty: every Service with an address of those pools.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub service_selectors: Vec<LabelSelector>,
    /// Nodes that announce, by label; matching one selector is enough. Empty: every node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub node_selectors: Vec<LabelSelector>,
    /// BGPPeers by name that are told. Empty: every one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub peers: Vec<String>,
    /// The length of the prefix that an IPv4 address is announced in. A prefix shorter than 32 draws the traffic of all its
    /// addresses to the nodes, also of those that no Service has.
    #[serde(default = "host_v4")]
    #[schemars(range(min = 1, max = 32))]
    pub aggregation_length: i32,
    /// The length of the prefix that an IPv6 address is announced in.
    #[serde(default = "host_v6", rename = "aggregationLengthV6")]
    #[schemars(range(min = 1, max = 128))]
    pub aggregation_length_v6: i32,
    /// LOCAL_PREF, told to internal peers only: the greatest is preferred. Absent: 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub local_pref: Option<i64>,
    /// MULTI_EXIT_DISC: of several ways into one AS the least is preferred. Absent: none is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub med: Option<i64>,
    /// Communities: standard (`64500:100`), large (`large:64500:1:2`), extended (`rt:64500:100`, `soo:64500:100`,
    /// `extended:0x` and 16 hexadecimal digits), well-known (`no-export`, `no-advertise`, `blackhole`…), or a name that a
    /// Community object gives to one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 63), inner(length(min = 1, max = 64)))]
    #[x_kube(
        merge_strategy = ListMerge::Set,
        validation = Rule::new(COMMUNITIES).message(COMMUNITIES_MESSAGE)
    )]
    pub communities: Vec<String>,
    /// How often the own AS is repeated in the path that external peers are told, so that they prefer others.
    #[serde(default)]
    #[schemars(range(min = 0, max = 16))]
    pub as_path_prepend: i32,
    /// Whether a node tells how many ready endpoints of a Service it has, as link bandwidth, so that routers share traffic by
    /// that. It counts for Services with `externalTrafficPolicy: Local` only.
    #[serde(default)]
    pub weighted: bool,
    /// How many nodes announce an address at the most. Absent: every one that may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 64))]
    pub max_nodes: Option<i32>,
}

fn host_v4() -> i32 {
    32
}

fn host_v6() -> i32 {
    128
}

const COMMUNITIES: &str = "self.all(c, c.matches('^[A-Za-z][A-Za-z0-9_.-]*$') || \
     (c.matches('^[0-9]{1,5}:[0-9]{1,5}$') ? c.split(':').all(n, int(n) <= 65535) : \
      c.matches('^large:[0-9]{1,10}:[0-9]{1,10}:[0-9]{1,10}$') ? \
        c.split(':').all(n, n == 'large' || int(n) <= 4294967295) : \
      c.matches('^(rt|soo):([0-9]{1,10}|[0-9]{1,3}([.][0-9]{1,3}){3}):[0-9]{1,10}$') || \
      c.matches('^extended:0x[0-9A-Fa-f]{16}$')))";
const COMMUNITIES_MESSAGE: &str = "a community is two numbers up to 65535 (64500:100), large: and three up to 4294967295 \
     (large:64500:1:2), rt: or soo: and an AS number or IPv4 address and a number (rt:64500:100), extended:0x and 16 \
     hexadecimal digits, a well-known name such as no-export, or a name that a Community gives";
