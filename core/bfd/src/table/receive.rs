use ferrolb_sansio::Instant;

use super::Table;
use crate::{Discard, Heard, Packet, State};

impl Table {
    /// Hears the payload of a datagram that came to one of the two ports. It arrived at `at`, which is not after `now`.
    ///
    /// # Errors
    /// Why it was discarded; that is counted, and there is nothing to do.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        at: Instant,
        heard: &Heard,
        payload: &[u8],
    ) -> Result<(), Discard> {
        self.now = now;
        let outcome = self.hear(now, at.min(now), heard, payload);
        match outcome {
            Ok(()) => self.counters.received += 1,
            Err(why) => self.counters.discard(why),
        }
        outcome
    }

    fn hear(&mut self, now: Instant, at: Instant, heard: &Heard, payload: &[u8]) -> Result<(), Discard> {
        let packet = Packet::parse(payload)?;
        let place = self.find(heard, &packet)?;
        let Some(entry) = &mut self.entries[place] else { return Err(Discard::UnknownPeer) };
        // The discriminator selects the session; that it came from its peer is asked besides, because nothing is signed.
        if !entry.path.is_of(heard) {
            return Err(Discard::ElsewhereFrom);
        }
        entry.path.check_ttl(heard, entry.session.profile())?;
        if packet.authenticated {
            return Err(Discard::Authenticated);
        }
        let outcome = entry.session.handle_packet(now, at, &packet, &mut self.rng);
        if let Ok(change) = outcome {
            self.tell(now, place, change);
        }
        // What is discarded because the session is switched off may still be what that end waits for.
        self.settle(place);
        outcome.map(drop)
    }

    /// The place of the session that a packet is for (RFC 5880 §6.3, §6.8.6; RFC 5881 §3; RFC 5883 §3).
    fn find(&self, heard: &Heard, packet: &Packet) -> Result<usize, Discard> {
        match (packet.yours, packet.state) {
            (Some(yours), _) => {
                self.by_discriminator.get(&yours).copied().ok_or(Discard::UnknownDiscriminator)
            }
            (None, State::Init | State::Up) => Err(Discard::UnnamedSession),
            (None, State::AdminDown | State::Down) => {
                let to_peer = self.by_path.range(crate::Path::all_to(heard.hops, heard.source));
                // Backwards: those that name an address and an interface come first.
                let found = to_peer.rev().find(|(path, _)| path.is_of(heard));
                found.map(|(_, place)| *place).ok_or(Discard::UnknownPeer)
            }
        }
    }
}
