//! `BGPPeer`, `BGPAdvertisement`, `BFDProfile` and `Community`.

mod advertisement;
mod aliases;
mod bfd;
mod community;
pub mod node;
mod peer;
mod seconds;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use advertisement::{Advertisement, Preference, Routes, advertisement};
pub use aliases::{AliasProblem, Aliases};
pub use bfd::{BfdProfile, bfd_profile};
pub use community::{CommunityEntry, CommunitySet, CommunityValue};
pub use peer::{MyAsn, Peer, PeerAsn, PeerAt, peer};

/// The name of an object, and when it was created in seconds since 1970.
fn name_and_age(metadata: &ObjectMeta) -> (String, i64) {
    let created = metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second());
    (metadata.name.clone().unwrap_or_default(), created)
}
