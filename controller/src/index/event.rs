//! What watches see, as one type.

use ferrolb_api::{
    AnnouncementSlice, BFDProfile, BGPAdvertisement, BGPPeer, Community, IPAddressPool, L2Advertisement,
    SpeakerState,
};
use ferrolb_model::ServiceId;
use ferrolb_runtime::{kinds, watch::Change};

use super::complete::Kind;

/// A change that a watch saw.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    Services(Change<kinds::Service>),
    Pools(Change<IPAddressPool>),
    Namespaces(Change<kinds::Namespace>),
    Nodes(Change<kinds::Node>),
    Endpoints(Change<kinds::EndpointSlice>),
    Advertisements(Change<L2Advertisement>),
    BgpAdvertisements(Change<BGPAdvertisement>),
    BgpPeers(Change<BGPPeer>),
    BfdProfiles(Change<BFDProfile>),
    Communities(Change<Community>),
    Speakers(Change<SpeakerState>),
    Slices(Change<AnnouncementSlice>),
    /// This Service is no load balancer and still has something of ours, from when nobody watched.
    Left(ServiceId),
}

impl Event {
    /// The kind, if this completes its list and deciding waits for it.
    pub(crate) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Services(Change::All(_)) => Some(Kind::Services),
            Self::Pools(Change::All(_)) => Some(Kind::Pools),
            Self::Namespaces(Change::All(_)) => Some(Kind::Namespaces),
            Self::Nodes(Change::All(_)) => Some(Kind::Nodes),
            Self::Advertisements(Change::All(_)) => Some(Kind::Advertisements),
            Self::BgpAdvertisements(Change::All(_)) => Some(Kind::BgpAdvertisements),
            Self::BgpPeers(Change::All(_)) => Some(Kind::BgpPeers),
            Self::BfdProfiles(Change::All(_)) => Some(Kind::BfdProfiles),
            Self::Communities(Change::All(_)) => Some(Kind::Communities),
            Self::Speakers(Change::All(_)) => Some(Kind::Speakers),
            Self::Slices(Change::All(_)) => Some(Kind::Slices),
            Self::Endpoints(_)
            | Self::Left(_)
            | Self::Services(_)
            | Self::Pools(_)
            | Self::Namespaces(_)
            | Self::Nodes(_)
            | Self::Advertisements(_)
            | Self::BgpAdvertisements(_)
            | Self::BgpPeers(_)
            | Self::BfdProfiles(_)
            | Self::Communities(_)
            | Self::Speakers(_)
            | Self::Slices(_) => None,
        }
    }
}
