//! How each kind of fault begins and ends.

use ferrolb_ownership::Presence;
use ferrolb_sim::{Conditions, Port};

use crate::fault::What;
use crate::world::World;

impl World {
    pub(crate) fn fault(&mut self, index: usize, begins: bool) {
        self.active[index] = begins;
        self.disturbed = self.now();
        self.touched = true;
        let what = self.faults[index].what.clone();
        if self.verbose {
            println!("{:?} {} {what:?}", self.now(), if begins { "begins:" } else { "ends:" });
        }
        match (what, begins) {
            (What::Freeze(node), true) => self.freeze(node),
            (What::Freeze(node), false) => self.thaw(node),
            (What::Paused(node), true) => {
                self.network.conditions = self.conditions();
                self.freeze(node);
            }
            (What::Paused(node), false) => {
                self.network.conditions = self.conditions();
                self.thaw(node);
            }
            (What::Crash(node), true) => self.speakers[node].segment = None,
            (What::Crash(node), false) => self.boot(node),
            (What::Stop(node), false) => {
                self.end(node);
                self.boot(node);
            }
            (What::Stale(node), stale) => self.stale(node, stale),
            (What::OldPlan(node), old) => {
                self.speakers[node].plan_is_old = old;
                if !old {
                    self.deliver_plan(node);
                }
            }
            (What::Move { vip, to }, true) => self.ask_to_move(vip, to),
            (What::Stop(node) | What::Drain(node), true) => self.presence(node, Presence::Draining),
            (What::Leave(node), true) => self.presence(node, Presence::Leaving),
            (What::Drain(node) | What::Leave(node), false) => self.presence(node, Presence::Staying),
            (What::ForwardDelay(node), begins) => {
                self.network.conditions = self.conditions();
                if begins {
                    self.carrier(node, false);
                    self.carrier(node, true);
                }
            }
            (What::Carrier(node), up) => self.carrier(node, !up),
            (What::NotReady(node), begins) => self.ready(node, !begins),
            (What::Late(node), late) => self.speakers[node].late = late,
            (What::Plan { vip, order }, true) => self.replan(vip, &order),
            (What::Plan { .. } | What::Move { .. }, false) => {}
            (
                What::Deaf(_)
                | What::OneWay(..)
                | What::Cut(..)
                | What::Isolated(_)
                | What::Dumb(_)
                | What::DumbToSpeakers(_)
                | What::Partition(_)
                | What::SpeakersPartition(_)
                | What::IsolatedPorts(_)
                | What::Loss(_)
                | What::LossFrom(..)
                | What::LossTo(..)
                | What::StormControl(_)
                | What::Delay(_),
                _,
            ) => self.network.conditions = self.conditions(),
        }
    }

    fn presence(&mut self, index: usize, presence: Presence) {
        self.change(index, |speaker, now| {
            speaker.presence = presence;
            if let Some(segment) = &mut speaker.segment {
                segment.handle_presence(now, presence);
            }
        });
    }

    /// It gives up what nobody took, says so and is gone.
    fn end(&mut self, index: usize) {
        self.change(index, |speaker, now| {
            if let Some(segment) = &mut speaker.segment {
                segment.handle_end(now);
            }
        });
    }

    fn stale(&mut self, index: usize, stale: bool) {
        self.change(index, |speaker, now| {
            speaker.stale = stale;
            if let Some(segment) = &mut speaker.segment {
                segment.handle_stale(now, stale);
            }
        });
    }

    fn ready(&mut self, index: usize, ready: bool) {
        let vips = self.scene.vips.clone();
        self.change(index, |speaker, now| {
            speaker.ready = ready;
            if let Some(segment) = &mut speaker.segment {
                vips.iter().for_each(|&vip| segment.handle_ready(now, vip, ready));
            }
        });
    }

    fn conditions(&self) -> Conditions {
        let (count, ports) = (self.scene.speakers, self.scene.ports());
        let mut conditions = Conditions::fair(ports);
        let apart = |mask: u64, one: usize, other: usize| (mask >> one ^ mask >> other) & 1 == 1;
        for (fault, _) in self.faults.iter().zip(&self.active).filter(|(_, active)| **active) {
            match fault.what {
                What::OneWay(from, to) => conditions.block(Port(from), Port(to)),
                What::Cut(one, other) => conditions.cut(Port(one), Port(other)),
                What::Isolated(node) | What::Paused(node) | What::ForwardDelay(node) => {
                    conditions.isolate(Port(node));
                }
                What::Deaf(node) => (0..ports).for_each(|from| conditions.block(Port(from), Port(node))),
                What::Dumb(node) => (0..ports).for_each(|to| conditions.block(Port(node), Port(to))),
                What::DumbToSpeakers(node) => {
                    (0..count).for_each(|to| conditions.block(Port(node), Port(to)));
                }
                What::Partition(mask) => {
                    pairs(ports).filter(|&(a, b)| apart(mask, a, b)).for_each(|(a, b)| {
                        conditions.block(Port(a), Port(b));
                    });
                }
                What::SpeakersPartition(mask) => {
                    pairs(count).filter(|&(a, b)| apart(mask, a, b)).for_each(|(a, b)| {
                        conditions.block(Port(a), Port(b));
                    });
                }
                What::IsolatedPorts(mask) => {
                    let isolated = |node: usize| mask >> node & 1 == 1;
                    pairs(count).filter(|&(a, b)| a != b && isolated(a) && isolated(b)).for_each(|(a, b)| {
                        conditions.block(Port(a), Port(b));
                    });
                }
                What::LossFrom(node, per_mille) => {
                    (0..ports).for_each(|to| conditions.thin(Port(node), Port(to), per_mille));
                }
                What::LossTo(node, per_mille) => {
                    (0..ports).for_each(|from| conditions.thin(Port(from), Port(node), per_mille));
                }
                What::StormControl(limit) => {
                    let limit = conditions.storm_limit.map_or(limit, |other| other.min(limit));
                    conditions.storm_limit = Some(limit);
                }
                What::Loss(per_mille) => conditions.loss_per_mille = conditions.loss_per_mille.max(per_mille),
                What::Delay(jitter) => conditions.jitter = jitter,
                What::Freeze(_)
                | What::Crash(_)
                | What::Stop(_)
                | What::Drain(_)
                | What::Leave(_)
                | What::Carrier(_)
                | What::NotReady(_)
                | What::Late(_)
                | What::Stale(_)
                | What::OldPlan(_)
                | What::Move { .. }
                | What::Plan { .. } => {}
            }
        }
        conditions
    }
}

fn pairs(count: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..count).flat_map(move |a| (0..count).map(move |b| (a, b)))
}
