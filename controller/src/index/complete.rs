//! Which kinds have been listed whole.

/// A kind that must be known whole before anything is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
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
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 11] = [
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
}

/// The kinds listed so far.
#[derive(Debug, Default)]
pub(crate) struct Complete(std::collections::BTreeSet<Kind>);

impl Complete {
    /// This kind has been listed.
    pub(crate) fn listed(&mut self, kind: Kind) {
        self.0.insert(kind);
    }

    /// The kinds still to come.
    pub(crate) fn missing(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| !self.0.contains(kind)).collect()
    }
}
