use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::machine::Machine;
use crate::outbox::Probe;
use crate::peers::Probing;
use crate::rules::NEVER;
use crate::state::State;

/// Questions on the wire to owners that seem to be gone.
impl Machine {
    /// Probes one VIP of each owner under suspicion: its own station first, then everybody.
    pub(crate) fn probe_suspects(&mut self) -> Instant {
        let now = self.now;
        let mut next = NEVER;
        for peer in self.peers.iter_mut() {
            let (true, Some(vip)) = (peer.suspects > 0, peer.probe_vip) else {
                peer.probing = None;
                continue;
            };
            let mut probing = peer.probing.unwrap_or(Probing { sent: 0, next: now });
            if probing.sent < 3 && probing.next <= now {
                let to = peer.station.map(|station| station.mac).filter(|_| probing.sent == 0);
                self.out.probe(Probe::Vip { vip, to });
                probing = Probing { sent: probing.sent + 1, next: now + peer.interval / 2 };
            }
            if probing.sent < 3 {
                next = next.min(probing.next);
            }
            peer.probing = Some(probing);
        }
        next
    }

    /// Asks everybody for a VIP nobody claims, three times before the backstop.
    pub(crate) fn probe_for_backstop(&mut self, address: IpAddr) -> Instant {
        let (silence, interval, now) = (self.silence(), self.pace.current, self.now);
        let Some(vip) = self.vips.get_mut(&address) else { return NEVER };
        let waits = matches!(vip.state, State::Backup { .. } | State::Suspect { .. });
        if !waits || vip.best.is_none() || vip.plan.is_none() {
            return NEVER;
        }
        let sent = vip.backstop_probes;
        let due = vip.held + silence * 2 + interval / 2 * u32::from(sent);
        if sent > BACKSTOP_PROBES {
            return NEVER;
        }
        if now < due {
            return due;
        }
        vip.backstop_probes += 1;
        if sent < BACKSTOP_PROBES {
            self.out.probe(Probe::Vip { vip: address, to: None });
        }
        due + interval / 2
    }
}

/// Probes before the backstop; one more step waits for the last answer.
pub(crate) const BACKSTOP_PROBES: u8 = 3;
