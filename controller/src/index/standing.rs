//! Whether and by whom an address is announced.

use std::net::IpAddr;

use ferrolb_model::NodeName;
use ferrolb_placement::{Decision, NotAnnounced};

use super::{announce::Announcements, ownership::Owner};

/// Whether and by whom an address is announced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// This node answers.
    By(Owner),
    /// Nobody may.
    Not(NotAnnounced),
    /// Nobody does, because a station that is no speaker uses the address: what the first candidate says of that.
    Contested(String),
    /// These candidates were asked, and nobody has said yet who answers.
    Unknown(Vec<NodeName>),
}

impl Announcements {
    /// Whether and by whom an address is announced.
    pub(crate) fn standing(&self, address: IpAddr) -> Standing {
        let placement = match self.placer.decision(address) {
            Some(Decision::NotAnnounced(reason)) => return Standing::Not(reason.clone()),
            Some(Decision::Announced(placement)) => placement,
            None => return Standing::Unknown(Vec::new()),
        };
        let version = self.slices.published(address);
        let owner = version.and_then(|version| self.ownership.owner(address, &placement.nodes, version));
        let contested = || self.ownership.contested(address, placement.nodes.first()?);
        match owner {
            Some(owner) => Standing::By(owner.with_remark(placement)),
            None => {
                contested().map_or_else(|| Standing::Unknown(placement.nodes.clone()), Standing::Contested)
            }
        }
    }
}
