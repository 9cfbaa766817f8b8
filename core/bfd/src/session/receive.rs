use ferrolb_sansio::{Instant, Rng};

use super::{Hearing, Phase, Session};
use crate::status::{Change, DownCause};
use crate::{Diagnostic, Discard, Packet, State};

impl Session {
    /// Hears a packet that was found to be of this session, from "Set bfd.RemoteDiscr" in RFC 5880 §6.8.6 to its end. It
    /// arrived at `at`.
    pub(crate) fn handle_packet(
        &mut self,
        now: Instant,
        at: Instant,
        packet: &Packet,
        rng: &mut Rng,
    ) -> Result<Option<Change>, Discard> {
        self.remote.take(packet);
        if packet.is_final {
            self.negotiation.heard_final();
        } else {
            self.negotiation.heard_other(self.is_up());
        }
        let change = match (self.phase, packet.state) {
            (Phase::AdminDown { .. }, _) => return Err(Discard::AdminDown),
            (Phase::Down, State::Down) => {
                // The reason why it went down stays, so that the peer can know it.
                self.enter(now, Phase::Init, self.diagnostic);
                None
            }
            (Phase::Down, State::Init) | (Phase::Init, State::Init | State::Up) => {
                self.ups += 1;
                self.enter(now, Phase::Up, Diagnostic::None);
                Some(Change::Up)
            }
            (Phase::Up, State::AdminDown) => {
                self.enter(now, Phase::Down, Diagnostic::NeighborSignaledDown);
                Some(Change::PeerAdminDown)
            }
            (Phase::Init, State::AdminDown) | (Phase::Up, State::Down) => {
                self.go_down(now, Diagnostic::NeighborSignaledDown, DownCause::Signaled(packet.diagnostic))
            }
            (Phase::Down, State::AdminDown | State::Up)
            | (Phase::Init, State::Down)
            | (Phase::Up, State::Init | State::Up) => None,
        };
        self.received += 1;
        let at = self.hearing.map_or(at, |hearing| hearing.at.max(at));
        self.hearing = Some(Hearing { at, grace: None });
        if packet.poll {
            self.sending.answer();
        }
        self.say_what_changed(now, rng);
        Ok(change)
    }
}
