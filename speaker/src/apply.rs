//! The difference between what the wire thread was told and what it is to do.

use std::collections::BTreeMap;

use ferrolb_ownership::{Interface, Plan, Presence};

use crate::index::Desired;
use crate::wire::Command;

/// What the wire thread has been told.
#[derive(Debug, Default)]
pub struct Told {
    interfaces: BTreeMap<u32, (Interface, Plan)>,
    presence: Presence,
    stale: bool,
}

impl Told {
    /// The interface could not be used: it counts as not told, so that it is tried again.
    pub fn forget(&mut self, name: &str) {
        self.interfaces.retain(|_, (interface, _)| interface.name != name);
    }

    /// The commands that lead to `desired`, which counts as told from now on. Interfaces that go come first, since a new
    /// one may have the index of an old one.
    pub fn changes(&mut self, desired: &Desired) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.presence != desired.presence {
            self.presence = desired.presence;
            commands.push(Command::Presence(desired.presence));
        }
        if self.stale != desired.stale {
            self.stale = desired.stale;
            commands.push(Command::Stale(desired.stale));
        }
        self.interfaces.retain(|&index, (interface, _)| {
            let stays = desired.interfaces.get(&index).is_some_and(|(now, _)| now.name == interface.name);
            if !stays {
                commands.push(Command::Detach(index));
            }
            stays
        });
        for (&index, (interface, plan)) in &desired.interfaces {
            let told = self.interfaces.get(&index);
            if told.is_none_or(|(told, _)| told != interface) {
                commands.push(Command::Interface(interface.clone()));
            }
            match told {
                Some((_, told)) => change_plan(index, told, plan, &mut commands),
                None => commands.push(Command::Plan { index, plan: plan.clone() }),
            }
        }
        self.interfaces.clone_from(&desired.interfaces);
        commands
    }
}

fn change_plan(index: u32, told: &Plan, plan: &Plan, commands: &mut Vec<Command>) {
    if told == plan {
        return;
    }
    let same_placement = told.revision == plan.revision
        && told.vips.len() == plan.vips.len()
        && told.vips.iter().zip(&plan.vips).all(|((told_ip, told), (ip, vip))| {
            let same_target = told.move_to == vip.move_to;
            told_ip == ip && same_target && told.candidates == vip.candidates && told.revision == vip.revision
        });
    if !same_placement {
        commands.push(Command::Plan { index, plan: plan.clone() });
        return;
    }
    for ((_, told), (&vip, now)) in told.vips.iter().zip(&plan.vips) {
        if told.ready != now.ready {
            commands.push(Command::Ready { index, vip, ready: now.ready });
        }
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_ownership::{Mac, NodeName, VipPlan};

    use super::*;

    fn desired(name: &str, carrier: bool, vips: &[(&str, u64, bool)]) -> Desired {
        let interface = Interface {
            index: 2,
            name: name.to_owned(),
            mac: Mac([2; 6]),
            addresses: Vec::new(),
            gateways: Vec::new(),
            carrier,
        };
        let vips = vips.iter().map(|&(ip, revision, ready)| {
            let candidates = vec![NodeName::new("node-a").unwrap()];
            (ip.parse().unwrap(), VipPlan { candidates, move_to: None, revision, ready })
        });
        let plan = Plan { revision: 1, vips: vips.collect() };
        Desired { interfaces: BTreeMap::from([(2, (interface, plan))]), ..Desired::default() }
    }

    fn names(told: &mut Told, desired: &Desired) -> String {
        let name = |command: &Command| match command {
            Command::Interface(_) => "interface",
            Command::Detach(_) => "detach",
            Command::Plan { .. } => "plan",
            Command::Ready { ready: true, .. } => "ready",
            Command::Ready { ready: false, .. } => "unready",
            Command::Presence(_) => "draining",
            Command::Stale(true) => "stale",
            Command::Stale(false) => "fresh",
            Command::Bfd { .. }
            | Command::BfdGone(_)
            | Command::Keys(_)
            | Command::Report(_)
            | Command::HandOver
            | Command::Stop => "other",
        };
        told.changes(desired).iter().map(name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn only_what_changed_is_told() {
        let mut told = Told::default();
        let both = [("192.0.2.1", 1, true), ("192.0.2.2", 1, true)];
        assert_eq!(names(&mut told, &desired("eth0", true, &both)), "interface plan");
        assert_eq!(names(&mut told, &desired("eth0", true, &both)), "");
        assert_eq!(names(&mut told, &desired("eth0", false, &both)), "interface");
        let one_unready = [("192.0.2.1", 1, true), ("192.0.2.2", 1, false)];
        assert_eq!(names(&mut told, &desired("eth0", false, &one_unready)), "unready");
        assert_eq!(names(&mut told, &desired("eth0", false, &both)), "ready");
        assert_eq!(names(&mut told, &desired("eth0", false, &both[..1])), "plan");
        assert_eq!(names(&mut told, &desired("eth0", false, &[("192.0.2.1", 2, true)])), "plan");
        assert_eq!(
            names(&mut told, &desired("eth7", false, &[("192.0.2.1", 2, true)])),
            "detach interface plan"
        );
        told.forget("eth7");
        assert_eq!(names(&mut told, &desired("eth7", false, &[("192.0.2.1", 2, true)])), "interface plan");
        let drained = Desired { presence: Presence::Draining, ..Desired::default() };
        assert_eq!(names(&mut told, &drained), "draining detach");
        assert_eq!(names(&mut told, &Desired { stale: true, ..drained.clone() }), "stale");
        assert_eq!(names(&mut told, &drained), "fresh");
    }
}
