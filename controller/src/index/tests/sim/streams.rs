//! Watches: each kind has a stream of its own to each controller, in order within a kind and not between kinds.

use std::time::Duration;

use ferrolb_runtime::watch::Change;

use super::{super::super::Event, store::Store};

/// A watched kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Services,
    Pools,
    Namespaces,
    Nodes,
    Advertisements,
    BgpAdvertisements,
    BgpPeers,
    BfdProfiles,
    Communities,
    Speakers,
    Slices,
    /// Only watched once they matter.
    Endpoints,
}

impl Kind {
    /// Those watched from the start.
    pub(super) const ALL: [Self; 11] = [
        Self::Services,
        Self::Pools,
        Self::Namespaces,
        Self::Nodes,
        Self::Advertisements,
        Self::BgpAdvertisements,
        Self::BgpPeers,
        Self::BfdProfiles,
        Self::Communities,
        Self::Speakers,
        Self::Slices,
    ];

    pub(super) fn of(event: &Event) -> Self {
        match event {
            Event::Services(_) => Self::Services,
            Event::Pools(_) => Self::Pools,
            Event::Namespaces(_) => Self::Namespaces,
            Event::Nodes(_) => Self::Nodes,
            Event::Advertisements(_) => Self::Advertisements,
            Event::BgpAdvertisements(_) => Self::BgpAdvertisements,
            Event::BgpPeers(_) => Self::BgpPeers,
            Event::BfdProfiles(_) => Self::BfdProfiles,
            Event::Communities(_) => Self::Communities,
            Event::Speakers(_) => Self::Speakers,
            Event::Slices(_) => Self::Slices,
            Event::Endpoints(_) => Self::Endpoints,
            Event::Left(_) => unreachable!("told by nobody but the sweep"),
        }
    }

    /// Everything of this kind, as a list.
    pub(super) fn list(self, store: &Store) -> Event {
        match self {
            Self::Services => {
                let all = store.services.values().filter(|service| service.spec.r#type == "LoadBalancer");
                Event::Services(Change::All(all.cloned().collect()))
            }
            Self::Pools => Event::Pools(Change::All(store.pools.values().cloned().collect())),
            Self::Namespaces => Event::Namespaces(Change::All(store.namespaces.values().cloned().collect())),
            Self::Nodes => Event::Nodes(Change::All(store.nodes.values().cloned().collect())),
            Self::Advertisements => {
                Event::Advertisements(Change::All(store.advertisements.values().cloned().collect()))
            }
            // Which peers are told of what, changes nothing of what these histories are about.
            Self::BgpAdvertisements => Event::BgpAdvertisements(Change::All(Vec::new())),
            Self::BgpPeers => Event::BgpPeers(Change::All(Vec::new())),
            Self::BfdProfiles => Event::BfdProfiles(Change::All(Vec::new())),
            Self::Communities => Event::Communities(Change::All(Vec::new())),
            Self::Speakers => Event::Speakers(Change::All(store.speakers.values().cloned().collect())),
            Self::Slices => Event::Slices(Change::All(store.slices.values().cloned().collect())),
            Self::Endpoints => Event::Endpoints(Change::All(store.endpoints.values().cloned().collect())),
        }
    }
}

/// One watch of one controller.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stream {
    /// Whether what happens now will be told by it.
    pub(super) open: bool,
    /// Counts connections: a list of a former one is thrown away.
    pub(super) connection: u32,
    /// Nothing is handed over before this, so that order is kept.
    pub(super) next: Duration,
}
