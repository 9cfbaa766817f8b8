use core::time::Duration;
use std::net::IpAddr;

use ferrolb_neighbor::Mac;
use ferrolb_sansio::Instant;

use crate::machine::Machine;
use crate::outbox::Probe;
use crate::rules::{NEVER, Verdict};
use crate::state::{State, Vip};
use crate::{Event, LostCause};

/// Asking for an address that somebody else was heard using before it is claimed (RFC 5227 §2.1.1).
///
/// The gaps are not random as there: the plan's order shall decide who is through with it first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Clearance {
    sent: u8,
    next: Instant,
}

/// A station that is no speaker, heard using an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Foreign {
    pub(crate) mac: Mac,
    pub(crate) at: Instant,
}

impl Clearance {
    /// PROBE_NUM, PROBE_MIN and ANNOUNCE_WAIT of RFC 5227 §1.1.
    const PROBES: u8 = 3;
    const INTERVAL: Duration = Duration::from_secs(1);
    const WAIT: Duration = Duration::from_secs(2);
    /// After an answer nothing is asked for this long.
    const PAUSE: Duration = Duration::from_secs(10);
    /// What was not acted upon for so long shows nothing any more.
    const VALID: Duration = Duration::from_secs(1);

    fn after_conflict(now: Instant) -> Self {
        Self { sent: 0, next: now + Self::PAUSE }
    }

    fn given(self, now: Instant) -> bool {
        self.sent == Self::PROBES && now >= self.next && now.since(self.next) < Self::VALID
    }
}

/// How long a use of an address is remembered.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Who claims what nobody held asks for it in the same moment; an answer within this makes it yield.
const ANSWERED_WITHIN: Duration = Duration::from_millis(500);

/// Addresses that somebody used before they became VIPs.
impl Machine {
    /// The station that used the VIP lately, unless a speaker sends from there.
    pub(crate) fn contestant(&self, vip: &Vip) -> Option<Mac> {
        let foreign = vip.foreign.filter(|foreign| self.now.since(foreign.at) < REMEMBERED)?;
        (!self.is_speaker(foreign.mac)).then_some(foreign.mac)
    }

    /// A claim that replaces nobody waits until the address was asked for in vain.
    pub(crate) fn if_clear(&self, vip: &Vip, verdict: Verdict) -> Verdict {
        match verdict {
            Verdict::Claim(_) if self.contestant(vip).is_some() => {
                let given = vip.clearance.is_some_and(|clearance| clearance.given(self.now));
                if given { verdict } else { Verdict::Clear }
            }
            Verdict::Be(..)
            | Verdict::Claim(_)
            | Verdict::Clear
            | Verdict::Mute
            | Verdict::Resign
            | Verdict::Refused => verdict,
        }
    }

    /// Asks for the address where that is due; returns when to go on.
    pub(crate) fn clear(&mut self, address: IpAddr) -> Instant {
        let now = self.now;
        let Some(vip) = self.vips.get_mut(&address) else { return NEVER };
        let fresh = Clearance { sent: 0, next: now };
        let mut clearance = vip.clearance.unwrap_or(fresh);
        if now.since(clearance.next) >= Clearance::VALID {
            clearance = fresh;
        }
        if now >= clearance.next && clearance.sent < Clearance::PROBES {
            self.out.probe(Probe::Claim { vip: address });
            let sent = clearance.sent + 1;
            let wait = if sent < Clearance::PROBES { Clearance::INTERVAL } else { Clearance::WAIT };
            clearance = Clearance { sent, next: now + wait };
        }
        vip.clearance = Some(clearance);
        clearance.next
    }

    /// A station that is no speaker uses the VIP. What is owned is kept, unless it was claimed only now and nobody held it:
    /// whoever had the address before keeps it (RFC 5227 §2.1.1).
    pub(crate) fn contested(&mut self, received: Instant, address: IpAddr, mac: Mac) {
        let now = self.now;
        if self.is_speaker(mac) {
            return;
        }
        let Some(vip) = self.vips.get_mut(&address).filter(|vip| vip.plan.is_some()) else { return };
        vip.foreign = Some(Foreign { mac, at: received });
        let asks = vip.clearance.is_some_and(|clearance| clearance.sent > 0);
        if asks && !vip.owned() {
            self.out.event(Event::Duplicate { vip: address, mac });
        }
        if vip.clearance.is_some() {
            vip.clearance = Some(Clearance::after_conflict(now));
            // It is told of until it is forgotten.
            self.restless.insert(address);
            self.edition += 1;
        }
        let answered = vip.claimed_freely.is_some_and(|at| received.since(at) < ANSWERED_WITHIN);
        if answered && vip.state == State::Owner {
            vip.clearance = Some(Clearance::after_conflict(now));
            self.give_up(address, LostCause::Contested);
        }
    }

    /// Whether a speaker of this cluster sends from the station, believed or not, or this node's other interface.
    fn is_speaker(&self, mac: Mac) -> bool {
        self.sibling == Some(mac)
            || self.peers.at(mac).is_some()
            || self.peers.iter().any(|peer| peer.station.is_some_and(|station| station.mac == mac))
    }
}
