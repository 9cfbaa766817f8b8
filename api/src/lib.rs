//! FerroLB's API: group `ferrolb.io`, version `v1beta1`, every kind cluster-scoped.
//!
//! ```text
//!  people write                          FerroLB writes
//!  IPAddressPool ----+                   AnnouncementSlice   controller -> speakers: what to announce
//!  L2Advertisement --+-> controller ---> Service.status      controller -> users:    the address
//!  BGPAdvertisement -+                   SpeakerState        speaker -> controller:  what is so
//!         and BGPPeer, BFDProfile, Community --> speakers
//! ```
//!
//! Rules that one object can be checked against alone are CEL rules in the generated CRDs, so the API server
//! refuses a bad object with the sentence written here; what needs several objects becomes a condition.

#![expect(
    clippy::duplicated_attributes,
    reason = "each printcolumn of the kube attribute has keys of its own"
)]
#![expect(unreachable_pub, reason = "KubeSchema derives a private copy of each type for its schema")]

mod advertisement;
mod annotation;
mod assignment;
mod bgp;
pub mod condition;
mod generate;
mod pool;
mod selector;
mod sessions;
mod slice;
mod speaker_state;

pub use advertisement::{L2Advertisement, L2AdvertisementSpec, L2AdvertisementStatus, PreferredNodes};
pub use annotation::{
    ADDRESS_POOL, ALLOW_SHARED_IP, CLEANUP_FINALIZER, EXCLUDE_NODE_LABEL, LEAVING_TAINTS,
    LOAD_BALANCER_CLASS, LOAD_BALANCER_IPS, METALLB_ADDRESS_POOL, METALLB_ALLOW_SHARED_IP,
    METALLB_LOAD_BALANCER_IPS, MOVE_TO, REBALANCE,
};
pub use assignment::{read_assignment, write_assignment};
pub use bgp::{
    AddressFamily, BFDProfile, BFDProfileSpec, BGPAdvertisement, BGPAdvertisementSpec, BGPPeer, BGPPeerSpec,
    Community, CommunityAlias, CommunitySpec, ConditionsStatus, DynamicASN, GracefulRestart,
    MAX_ADVERTISING_NODES, NextHopAddresses, PASSWORD_KEY, SecretReference, WELL_KNOWN_COMMUNITIES,
};
pub use generate::{crd_files, crds};
pub use pool::{IPAddressPool, IPAddressPoolSpec, IPAddressPoolStatus, ServiceAllocation, Sharing};
pub use selector::{LabelSelector, Operator, Requirement};
pub use sessions::{
    BfdSession, BfdSessionState, BgpSession, BgpSessionState, MAX_BFD_SESSIONS, MAX_BGP_SESSIONS,
    PrefixCounts,
};
pub use slice::{
    AnnouncementSlice, AnnouncementSliceSpec, BgpAnnouncement, Layer2Announcement, MAX_ADVERTISEMENTS,
    MAX_CANDIDATES, MAX_SLICE_VIPS, RoutedBy, ServiceReference, TrafficPolicy, VipAnnouncement,
};
pub use speaker_state::{
    Configuration, Exception, ExceptionKind, Interface, MAX_EXCEPTIONS, MAX_INTERFACES, MAX_SEGMENT_NODES,
    Scheduling, Segment, SpeakerState, SpeakerStateSpec, SpeakerStateStatus,
};

/// The API group of every kind here.
pub const GROUP: &str = "ferrolb.io";
/// The served and stored version.
pub const VERSION: &str = "v1beta1";
