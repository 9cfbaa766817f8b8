//! `BGPPeer`: a router that nodes hold a session with.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ConditionsStatus, SECONDS};
use crate::selector::LabelSelector;

/// The key of a Secret under which a session's password is.
pub const PASSWORD_KEY: &str = "password";

/// A router that nodes hold a BGP session with.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ferrolb.io",
    version = "v1beta1",
    kind = "BGPPeer",
    plural = "bgppeers",
    shortname = "flbpeer",
    category = "ferrolb",
    status = "ConditionsStatus",
    derive = "PartialEq",
    doc = "A router that nodes hold a BGP session with.",
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.peerAddress"),
    printcolumn(name = "Interface", type_ = "string", json_path = ".spec.interface", priority = 1),
    printcolumn(name = "Peer ASN", type_ = "integer", json_path = ".spec.peerASN"),
    printcolumn(name = "My ASN", type_ = "integer", json_path = ".spec.myASN"),
    printcolumn(name = "BFD Profile", type_ = "string", json_path = ".spec.bfdProfile"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("[has(self.peerAddress), has(self.interface), has(self.defaultGateway)].filter(x, x).size() == 1")
        .message("set exactly one of peerAddress, interface, defaultGateway: how the peer is found"),
    validation = Rule::new("has(self.peerASN) != has(self.dynamicASN)")
        .message("set exactly one of peerASN, dynamicASN: which AS the peer is of"),
    validation = Rule::new("has(self.myASN) != has(self.myASNFromNodeLabel)")
        .message("set exactly one of myASN, myASNFromNodeLabel: which AS the nodes are of"),
    validation = Rule::new(KEEPALIVE)
        .message("keepaliveTime must be at most a third of holdTime, which is 90s if it is not set, and absent or 0s if that is 0s"),
    validation = Rule::new(SOURCE_FAMILY)
        .message("sourceAddress must be of the family of peerAddress or defaultGateway"),
    validation = Rule::new("!self.ebgpMultiHop || !has(self.interface)")
        .message("a peer found by its interface is one hop away; leave ebgpMultiHop out"),
    validation = Rule::new(MULTI_HOP_EXTERNAL)
        .message("ebgpMultiHop is for peers of another AS; internal ones may be any number of hops away"),
    validation = Rule::new("!self.ebgpMultiHop || !has(self.ttlSecurity)")
        .message("set ebgpMultiHop or ttlSecurity, not both: a peer that is checked by its TTL is that many hops away"),
    validation = Rule::new("!has(self.localASN) || !has(self.myASN) || self.localASN != self.myASN")
        .message("localASN must differ from myASN, or be left out"),
    validation = Rule::new("!has(self.localASN) || !(has(self.dynamicASN) && self.dynamicASN == 'internal')")
        .message("localASN is for peers of another AS")
)]
pub struct BGPPeerSpec {
    /// The AS of the nodes.
    #[serde(default, rename = "myASN", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub my_asn: Option<i64>,
    /// A label of the node whose value is its AS, in place of `myASN`.
    #[serde(default, rename = "myASNFromNodeLabel", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 317))]
    pub my_asn_from_node_label: Option<String>,
    /// The AS of the peer.
    #[serde(default, rename = "peerASN", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub peer_asn: Option<i64>,
    /// In place of `peerASN`: the peer may be of any AS that is ours (`internal`) or is not (`external`).
    #[serde(default, rename = "dynamicASN", skip_serializing_if = "Option::is_none")]
    pub dynamic_asn: Option<DynamicASN>,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 45))]
    #[x_kube(
        validation = Rule::new("isIP(self)").message("peerAddress must be an IPv4 or IPv6 address"),
        validation = Rule::new("!isIP(self) || ip(self).isGlobalUnicast() || ip(self).isLoopback()")
            .message("peerAddress must be unicast; for a link-local one write the interface that it is on")
    )]
    pub peer_address: Option<String>,
    /// The interface at whose other end the peer is, found by its router advertisements (unnumbered BGP). The node advertises itself
    /// there, too, and is nobody's default router by that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 15))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_.:@-]+$')")
        .message("interface is a name such as eth0: letters, digits, _ . : @ and - only"))]
    pub interface: Option<String>,
    /// The peer is the gateway of the node's default route of this family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_gateway: Option<AddressFamily>,
    /// The port on which the peer listens.
    #[serde(default = "port")]
    #[schemars(range(min = 1, max = 65_535))]
    pub peer_port: i32,
    /// The address of the node to speak from. Absent: as the route to the peer says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 45))]
    #[x_kube(validation = Rule::new("isIP(self) && ip(self).isGlobalUnicast()")
        .message("sourceAddress must be an IPv4 or IPv6 unicast address"))]
    pub source_address: Option<String>,
    /// What routers are told to send to. Absent: the node's address in the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_hop: Option<NextHopAddresses>,
    /// The node's BGP identifier, written as an IPv4 address. Absent: the node's own IPv4 address, or a number made of its name.
    #[serde(default, rename = "routerID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 7, max = 15))]
    #[x_kube(validation = Rule::new("isIP(self) && ip(self).family() == 4 && self != '0.0.0.0'")
        .message("routerID is written as an IPv4 address and is not 0.0.0.0"))]
    pub router_id: Option<String>,
    /// After which silence the session is taken for dead: `0s` (never) or 3 s to 65535 s. The smaller of this and the peer's
    /// counts. Absent: 90s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 18))]
    #[x_kube(
        validation = Rule::new(SECONDS).message("holdTime is a time in whole seconds, such as 90s or 1m30s"),
        validation = Rule::new(HOLD).message("holdTime must be 0s or at least 3s, and at most 65535s")
    )]
    pub hold_time: Option<String>,
    /// How often the peer is told that the session lives. Absent: a third of the hold time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 18))]
    #[x_kube(validation = Rule::new(SECONDS).message("keepaliveTime is a time in whole seconds, such as 30s"))]
    pub keepalive_time: Option<String>,
    /// How long after a failed try to connect the next is made. Absent: 10s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 18))]
    #[x_kube(
        validation = Rule::new(SECONDS).message("connectTime is a time in whole seconds, such as 10s"),
        validation = Rule::new(CONNECT).message("connectTime must be 1s to 65535s")
    )]
    pub connect_time: Option<String>,
    /// The Secret with the session's password (TCP-MD5, RFC 2385), in FerroLB's namespace: its key `password`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<SecretReference>,
    /// Whether a peer of another AS may be more than one hop away.
    #[serde(default)]
    pub ebgp_multi_hop: bool,
    /// How many hops away the peer is at the most; what comes from farther is dropped (RFC 5082). Absent: nothing is checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 254))]
    pub ttl_security: Option<i32>,
    /// Another AS than `myASN` that this peer knows the nodes by (RFC 7705).
    #[serde(default, rename = "localASN", skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub local_asn: Option<i64>,
    /// The BFDProfile by which a dead path to the peer is found. Absent: only the hold time finds it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub bfd_profile: Option<String>,
    /// Whether the peer keeps routes while the speaker restarts (RFC 4724).
    #[serde(default)]
    pub graceful_restart: GracefulRestart,
    /// Whether routes of both families go over this session. Otherwise those of the session's own family do; over an `interface` both
    /// always do.
    #[serde(default)]
    pub dual_stack_address_family: bool,
    /// Whether the node waits for the peer to connect. Otherwise it connects, and listens nowhere.
    #[serde(default)]
    pub passive: bool,
    /// Nodes that hold the session, by label; matching one selector is enough. Empty: every node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub node_selectors: Vec<LabelSelector>,
}

/// Which AS a peer may be of that is not named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DynamicASN {
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AddressFamily {
    /// IPv4.
    IPv4,
    /// IPv6.
    IPv6,
}

/// A Secret in FerroLB's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretReference {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What routers are told to send to, by family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.ipv4) || has(self.ipv6)").message("nextHop must set ipv4 or ipv6"))]
pub struct NextHopAddresses {
    /// For IPv4 prefixes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 7, max = 15))]
    #[x_kube(validation = Rule::new("isIP(self) && ip(self).family() == 4 && ip(self).isGlobalUnicast()")
        .message("nextHop.ipv4 must be an IPv4 unicast address"))]
    pub ipv4: Option<String>,
    /// For IPv6 prefixes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 45))]
    #[x_kube(validation = Rule::new("isIP(self) && ip(self).family() == 6 && ip(self).isGlobalUnicast()")
        .message("nextHop.ipv6 must be an IPv6 unicast address"))]
    pub ipv6: Option<String>,
}

/// Whether the peer keeps routes while the speaker restarts. It loses packets where a node dies and the peer cannot tell that
/// from a restart, so it is off by default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct GracefulRestart {
    /// Whether it is asked for.
    #[serde(default)]
    pub enabled: bool,
    /// How long the peer keeps routes at the most, 1 s to 4095 s.
    #[serde(default = "restart_time")]
    #[schemars(length(min = 2, max = 18))]
    #[x_kube(
        validation = Rule::new(SECONDS).message("restartTime is a time in whole seconds, such as 15s"),
        validation = Rule::new(RESTART).message("restartTime must be 1s to 4095s")
    )]
    pub restart_time: String,
}

impl Default for GracefulRestart {
    fn default() -> Self {
        Self { enabled: false, restart_time: restart_time() }
    }
}

fn port() -> i32 {
    179
}

fn restart_time() -> String {
    "15s".into()
}

// Each lets pass what is no time: another rule tells that.
const HOLD: &str = "!self.matches('^([0-9]{1,5}[hms]){1,3}$') || duration(self) == duration('0s') || \
     (duration(self) >= duration('3s') && duration(self) <= duration('65535s'))";
const CONNECT: &str = "!self.matches('^([0-9]{1,5}[hms]){1,3}$') || \
     (duration(self) >= duration('1s') && duration(self) <= duration('65535s'))";
const RESTART: &str = "!self.matches('^([0-9]{1,5}[hms]){1,3}$') || \
     (duration(self) >= duration('1s') && duration(self) <= duration('4095s'))";
const KEEPALIVE: &str = "!has(self.keepaliveTime) || !self.keepaliveTime.matches('^([0-9]{1,5}[hms]){1,3}$') || \
     (has(self.holdTime) && !self.holdTime.matches('^([0-9]{1,5}[hms]){1,3}$')) || \
     duration(self.keepaliveTime).getSeconds() * 3 <= \
       (has(self.holdTime) ? duration(self.holdTime).getSeconds() : 90)";
const SOURCE_FAMILY: &str = "!has(self.sourceAddress) || !isIP(self.sourceAddress) || \
     (has(self.peerAddress) ? !isIP(self.peerAddress) || ip(self.peerAddress).family() == ip(self.sourceAddress).family() : \
      !has(self.defaultGateway) || (self.defaultGateway == 'IPv4' ? 4 : 6) == ip(self.sourceAddress).family())";
const MULTI_HOP_EXTERNAL: &str = "!self.ebgpMultiHop || !((has(self.dynamicASN) && self.dynamicASN == 'internal') || \
     (has(self.myASN) && has(self.peerASN) && self.myASN == self.peerASN))";
