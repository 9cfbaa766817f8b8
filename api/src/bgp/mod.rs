//! The kinds of BGP and BFD: peers, what they are told, and how a dead path to them is found.

mod advertisement;
mod bfd;
mod community;
mod peer;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use advertisement::{BGPAdvertisement, BGPAdvertisementSpec, MAX_ADVERTISING_NODES};
pub use bfd::{BFDProfile, BFDProfileSpec};
pub use community::{Community, CommunityAlias, CommunitySpec, WELL_KNOWN_COMMUNITIES};
pub use peer::{
    AddressFamily, BGPPeer, BGPPeerSpec, DynamicASN, GracefulRestart, NextHopAddresses, PASSWORD_KEY,
    SecretReference,
};

/// Whether an object is in force. Live sessions are in `SpeakerState`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConditionsStatus {
    /// `Ready`, `Accepted`, `ResolvedRefs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    pub conditions: Vec<Condition>,
}

/// A time of whole seconds: `90s`, `1m30s`.
pub(super) const SECONDS: &str = "self.matches('^([0-9]{1,5}[hms]){1,3}$')";
