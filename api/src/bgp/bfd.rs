//! `BFDProfile`: how quickly a dead path to a peer is found.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::ConditionsStatus;

/// How quickly a dead path to a peer is found (RFC 5880), for the BGPPeers that name it.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ferrolb.io",
    version = "v1beta1",
    kind = "BFDProfile",
    plural = "bfdprofiles",
    shortname = "flbbfd",
    category = "ferrolb",
    status = "ConditionsStatus",
    derive = "PartialEq",
    doc = "How quickly a dead path to a peer is found (BFD), for the BGPPeers that name it.",
    printcolumn(name = "Receive", type_ = "integer", json_path = ".spec.receiveInterval"),
    printcolumn(name = "Transmit", type_ = "integer", json_path = ".spec.transmitInterval"),
    printcolumn(name = "Multiplier", type_ = "integer", json_path = ".spec.detectMultiplier"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status"
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct BFDProfileSpec {
    /// The shortest time between two packets of the peer that this side can take, in milliseconds.
    #[serde(default = "interval")]
    #[schemars(range(min = 10, max = 60_000))]
    pub receive_interval: i32,
    /// The shortest time between two packets that this side sends, in milliseconds. The slower of this and what the peer can
    /// take is what is sent.
    #[serde(default = "interval")]
    #[schemars(range(min = 10, max = 60_000))]
    pub transmit_interval: i32,
    /// How many packets of this side the peer may miss before it takes the path for dead.
    #[serde(default = "multiplier")]
    #[schemars(range(min = 2, max = 255))]
    pub detect_multiplier: i32,
    /// Whether this side waits for the peer's first packet (RFC 5880 §6.1).
    #[serde(default)]
    pub passive_mode: bool,
    /// The least TTL of a packet that is believed, for peers more than one hop away (RFC 5883). A peer on the link is believed
    /// with 255 only (RFC 5881).
    #[serde(default = "ttl", rename = "minimumTtl")]
    #[schemars(range(min = 1, max = 254))]
    pub minimum_ttl: i32,
}

fn interval() -> i32 {
    300
}

fn multiplier() -> i32 {
    3
}

fn ttl() -> i32 {
    254
}
