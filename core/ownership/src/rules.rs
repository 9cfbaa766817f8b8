use std::net::IpAddr;

use ferrolb_sansio::Instant;

use crate::LostCause;
use crate::acts::Why;
use crate::machine::Machine;
use crate::state::{State, Vip};

/// What shall become of a VIP now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It is (still) in this state; look again then.
    Be(State, Instant),
    Claim(Why),
    /// To be asked for before it is claimed.
    Clear,
    Mute,
    Resign,
    /// Nobody takes what is offered.
    Refused,
}

pub(crate) const NEVER: Instant = Instant::MAX;

impl Machine {
    /// Applies the rules to one VIP; returns when to look at it again.
    pub(crate) fn evaluate(&mut self, address: IpAddr) -> Instant {
        let Some(vip) = self.vips.get_mut(&address) else { return NEVER };
        vip.rouse(self.passed);
        let Some(vip) = self.vips.get(&address) else { return NEVER };
        if vip.owned() || self.held_by_peer(address, vip) {
            let now = self.now;
            let vip = self.vips.get_mut(&address).expect("it was there one line above");
            (vip.held, vip.backstop_probes) = (now, 0);
        }
        let Some(vip) = self.vips.get(&address) else { return NEVER };
        let verdict = self.decide(address, vip);
        self.restless.insert(address);
        match verdict {
            Verdict::Be(state, again) => {
                self.enter(address, state);
                self.offer(address);
                let again = self.probe_for_backstop(address).min(self.evict(address)).min(again);
                if self.settle(address) { NEVER } else { again }
            }
            Verdict::Claim(why) => {
                self.claim(address, why);
                NEVER
            }
            Verdict::Clear => self.clear(address),
            Verdict::Mute => {
                self.mute(address, LostCause::Unheard);
                NEVER
            }
            Verdict::Refused => {
                self.keep(address);
                self.now
            }
            Verdict::Resign => {
                self.resign(address);
                NEVER
            }
        }
    }

    pub(crate) fn decide(&self, address: IpAddr, vip: &Vip) -> Verdict {
        match vip.state {
            State::Joining => Verdict::Be(vip.state, NEVER),
            State::Owner | State::Ceding(_) => self.decide_owner(vip),
            State::Mute => {
                let until = self.listening + self.silence();
                if self.now >= until && self.carrier && !self.is_shadowed() && !self.unheard(vip) {
                    Verdict::Be(State::BACKUP, self.now)
                } else {
                    Verdict::Be(State::Mute, if until > self.now { until } else { NEVER })
                }
            }
            State::Backup { .. } | State::Suspect { .. } => self.decide_backup(address, vip),
        }
    }

    fn decide_owner(&self, vip: &Vip) -> Verdict {
        if vip.plan.is_none() {
            return Verdict::Resign;
        }
        if self.unheard(vip) {
            return Verdict::Mute;
        }
        if let State::Ceding(offering) = vip.state {
            return self.decide_ceding(vip, offering);
        }
        // First of all, since nobody takes what is offered under a ballot below one that is known.
        let cut_off = vip.ballot().is_some_and(|ballot| !ballot.connected);
        if cut_off && self.settled() {
            return Verdict::Claim(Why::Connected);
        }
        if let Some(cause) = self.cause(vip) {
            return self.decide_to_cede(vip, cause);
        }
        Verdict::Be(State::Owner, NEVER)
    }
}
