use std::sync::Arc;

use ferrolb_api::{Exception, MAX_EXCEPTIONS};
use ferrolb_ownership::{StateName, VipPlan, VipStatus};

use super::{Facts, exceptions};
use crate::wire::Edition;

/// What is said of VIPs, and what it was made from: thousands of them are looked at only after one has changed.
#[derive(Debug, Default)]
pub struct Said(Option<(Vec<Edition>, OfVips)>);

/// What is said of VIPs.
#[derive(Clone, Debug, Default)]
pub(super) struct OfVips {
    pub(super) owned: i32,
    pub(super) exceptions: Vec<Exception>,
    pub(super) truncated: bool,
}

impl Said {
    /// The plans or the duplicates have changed.
    pub fn forget(&mut self) {
        self.0 = None;
    }

    pub(super) fn of(&mut self, facts: &Facts<'_>) -> OfVips {
        let editions = || facts.report.ports.iter().map(|port| port.edition);
        match &self.0 {
            Some((known, said)) if known.iter().copied().eq(editions()) => said.clone(),
            Some(_) | None => {
                let said = of_vips(facts);
                self.0 = Some((editions().collect(), said.clone()));
                said
            }
        }
    }
}

fn of_vips(facts: &Facts<'_>) -> OfVips {
    let mut said = OfVips::default();
    for (interface, plan, vip) in vips(facts) {
        said.owned += i32::from(answers(vip));
        for exception in exceptions::of(facts, interface, plan, vip) {
            if said.exceptions.len() < MAX_EXCEPTIONS {
                said.exceptions.push(exception);
            } else {
                said.truncated = true;
            }
        }
    }
    said
}

/// Each VIP of the plan on each interface, with its placement and its state.
fn vips<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = (&'a Arc<str>, &'a VipPlan, &'a VipStatus)> {
    facts.report.ports.iter().flat_map(move |port| {
        let planned =
            facts.desired.interfaces.values().find(|(interface, _)| *interface.name == *port.interface);
        port.vips.iter().filter_map(move |vip| {
            let (_, plan) = planned?;
            Some((&port.interface, plan.vips.get(&vip.vip)?, vip))
        })
    })
}

pub(super) fn answers(vip: &VipStatus) -> bool {
    matches!(vip.state, StateName::Owner | StateName::Ceding)
}
