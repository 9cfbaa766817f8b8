use core::time::Duration;

use ferrolb_neighbor::Mac;
use ferrolb_sansio::Instant;

use crate::LostCause;
use crate::machine::Machine;
use crate::wire::{self, Block};

/// After this without a frame of the other interface, that one is not on our segment any more.
const FORGET: Duration = Duration::from_secs(2);

/// Two interfaces of one node on one segment: the one with the lower index speaks, the other keeps quiet.
impl Machine {
    /// An authentic frame of this process came in by this interface, and it was not sent by it.
    pub(crate) fn own_frame(&mut self, received: Instant, from: Mac, body: &[u8]) {
        self.sibling = Some(from);
        let index = wire::blocks(body).flatten().find_map(|block| match block {
            Block::Interface(index) => Some(index),
            Block::Node(_)
            | Block::Peers(_)
            | Block::Page { .. }
            | Block::Tombstones(_)
            | Block::PageRequest(_)
            | Block::News(_)
            | Block::Lost(_)
            | Block::Resign(_)
            | Block::TableRequest
            | Block::Table { .. }
            | Block::Offer(_)
            | Block::Evict(_)
            | Block::Keys(_)
            | Block::Flapping(_)
            | Block::Unknown => None,
        });
        if index.is_none_or(|index| index >= self.index) {
            return;
        }
        let before = self.is_shadowed();
        self.shadowed = Some(received);
        if !before {
            self.mute_all(LostCause::OtherInterface);
            self.wake();
        }
    }

    /// Whether another interface of this node speaks on this segment.
    pub(crate) fn is_shadowed(&self) -> bool {
        self.shadowed.is_some_and(|at| self.now.since(at) < FORGET)
    }
}
