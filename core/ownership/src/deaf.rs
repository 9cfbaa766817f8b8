use core::time::Duration;

use crate::machine::Machine;

/// A deaf candidate waits so long for a first frame before it acts on what it did not hear.
const LISTEN: Duration = Duration::from_secs(1);
/// Peers heard within this time are expected to be heard again.
const EXPECTED: Duration = Duration::from_secs(10);
/// One peer may die; that all of so many die at once is less likely than a dead receiver.
const ENOUGH_PEERS: usize = 2;

/// Whether silence is our own fault.
impl Machine {
    /// No frame of any kind for D, though a witness or two peers were heard before.
    pub(crate) fn deaf(&self) -> bool {
        let recent = || {
            let peers = self.peers.iter().filter(|peer| peer.proven);
            peers.filter(|peer| self.now.since(peer.contact) < EXPECTED).count() >= ENOUGH_PEERS
        };
        self.carrier && self.now.since(self.heard) > self.silence() && (self.witness.is_some() || recent())
    }

    /// Whether to wait for a frame before anything is claimed.
    pub(crate) fn listens_in_vain(&self) -> bool {
        self.now.since(self.heard) < LISTEN && self.deaf()
    }
}
