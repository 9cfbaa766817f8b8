//! Balancing anew when somebody asks for it by an annotation on an L2Advertisement.
//!
//! What is done is kept where it outlives the controller: the moves in the slices, that they are there in the advertisement's
//! status. A controller that comes between the two finds every VIP where it is or on its way, asks for nothing else, and says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ferrolb_api::{L2Advertisement, REBALANCE};
use ferrolb_model::NodeName;
use ferrolb_placement::Decision;

use super::{announce::Announcements, standing::Standing};

/// What of balancing was asked for and done.
#[derive(Debug, Default)]
pub(crate) struct Rebalances {
    asked: BTreeMap<String, Asked>,
    /// VIPs of which no slice says yet where they go.
    unpublished: BTreeSet<IpAddr>,
}

/// One advertisement's annotation.
#[derive(Debug, Default)]
struct Asked {
    /// What it says.
    value: String,
    /// The value for which VIPs were balanced, by its status.
    told: String,
    /// The same by this controller, which is told once slices say it.
    done: String,
}

impl Rebalances {
    /// An advertisement was seen.
    pub(super) fn seen(&mut self, name: &str, object: &L2Advertisement) {
        let annotations = object.metadata.annotations.as_ref();
        let value = annotations.and_then(|all| all.get(REBALANCE)).map(String::as_str).unwrap_or_default();
        let asked = self.asked.entry(name.to_owned()).or_default();
        asked.value = value.chars().take(LONGEST).collect();
        asked.told = object.status.as_ref().map(|status| status.rebalanced_for.clone()).unwrap_or_default();
    }

    /// An advertisement is gone.
    pub(super) fn forget(&mut self, name: &str) {
        self.asked.remove(name);
    }

    /// What its status should say that VIPs were balanced for.
    pub(super) fn told(&self, name: &str) -> String {
        let Some(asked) = self.asked.get(name) else { return String::new() };
        let done = !asked.done.is_empty() && self.unpublished.is_empty();
        if done { asked.done.clone() } else { asked.told.clone() }
    }

    /// The advertisements whose VIPs are to be balanced, each once for each value.
    fn take_due(&mut self) -> BTreeSet<String> {
        let is_due = |asked: &Asked| ![&String::new(), &asked.told, &asked.done].contains(&&asked.value);
        let due = self.asked.iter_mut().filter(|(_, asked)| is_due(asked));
        let due = due.map(|(name, asked)| {
            asked.done.clone_from(&asked.value);
            name.clone()
        });
        due.collect()
    }
}

impl Announcements {
    /// Asks for the moves that bring balance, where somebody has asked for that.
    pub(super) fn rebalance(&mut self) {
        let due = if self.started { self.rebalances.take_due() } else { BTreeSet::new() };
        if due.is_empty() {
            return;
        }
        let owners = self.owners();
        let placed = self.placer.rebalance(&due, |address| owners.get(&address).cloned());
        let moving: BTreeSet<IpAddr> = self.placer.moving().map(|(address, _)| address).collect();
        tracing::info!(advertisements = ?due, moves = moving.len(), "VIPs are balanced anew, as an annotation asks.");
        self.rebalances.unpublished.extend(placed.iter().map(|change| change.address));
        self.publish(placed);
    }

    /// Looks at what slices say and who answers. Returns whether an advertisement's status should say something else.
    pub(super) fn follow_moves(&mut self) -> bool {
        let waited = !self.rebalances.unpublished.is_empty();
        let mut unpublished = std::mem::take(&mut self.rebalances.unpublished);
        unpublished.retain(|address| {
            let announced = matches!(self.placer.decision(*address), Some(Decision::Announced(_)));
            announced && self.slices.published(*address).is_none()
        });
        self.rebalances.unpublished = unpublished;
        let there = |(address, to): &(IpAddr, &NodeName)| match self.standing(*address) {
            Standing::By(owner) => owner.node == **to,
            Standing::Not(_) | Standing::Contested(_) | Standing::Unknown(_) => false,
        };
        let arrived: Vec<IpAddr> = self.placer.moving().filter(there).map(|(address, _)| address).collect();
        for address in arrived {
            let placed = self.placer.arrived(address);
            self.publish(placed);
        }
        waited && self.rebalances.unpublished.is_empty()
    }

    /// Who answers for each VIP, as far as anybody has said.
    fn owners(&self) -> BTreeMap<IpAddr, NodeName> {
        let owner = |address: &IpAddr| match self.standing(*address) {
            Standing::By(owner) => Some((*address, owner.node)),
            Standing::Not(_) | Standing::Contested(_) | Standing::Unknown(_) => None,
        };
        self.vips.keys().filter_map(owner).collect()
    }
}

/// What a status has room for.
const LONGEST: usize = 64;
