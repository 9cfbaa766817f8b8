use ferrolb_sansio::Instant;

use super::Session;
use super::link::Side;
use super::reason::Reason;
use super::state::{Peer, Phase};

impl Session {
    /// Decides which of two transports is kept, once the peer's OPEN has arrived on one of them (RFC 4271 §6.8). Says
    /// whether that one is.
    ///
    /// The one is kept that was opened by the speaker with the greater identifier, or with the greater AS if these are equal
    /// (RFC 6286 §2.3): both sides come to the same result. It is the loser that is closed, at once if it is the other one,
    /// since whose OPEN has not arrived yet is known too. A loser whose rival has not come as far goes on, for the rival
    /// may never come.
    pub(super) fn resolve_collision(&mut self, now: Instant, side: Side, peer: &Peer) -> bool {
        let Some(other) = self.links.get(side.other()) else { return true };
        let ours = (self.settings.identifier, self.settings.local_as);
        let winner = if ours > (peer.identifier, peer.asn) { Side::Dialled } else { Side::Accepted };
        let keep = match other.phase {
            Phase::Established { .. } => false,
            Phase::OpenConfirm(_) => winner == side,
            Phase::Connect | Phase::OpenSent if winner == side => true,
            Phase::Connect | Phase::OpenSent => return true,
        };
        let loser = if keep { side.other() } else { side };
        self.end(now, loser, Reason::Collision);
        keep
    }
}
