use std::sync::Arc;

use ferrolb_api::{Exception, ExceptionKind};
use ferrolb_neighbor::Mac;
use ferrolb_ownership::{NodeName, StateName, VipPlan, VipStatus};
use ferrolb_sansio::Instant;

use super::vips::answers;
use super::{Facts, bounded};

/// What of a VIP is not as planned.
pub(super) fn of(
    facts: &Facts<'_>,
    interface: &Arc<str>,
    plan: &VipPlan,
    vip: &VipStatus,
) -> impl Iterator<Item = Exception> {
    let exception = |(kind, since, reason)| Exception {
        ip: vip.vip.to_string(),
        interface: interface.to_string(),
        kind,
        term: i64::try_from(vip.term).unwrap_or(i64::MAX),
        since: facts.calendar.date(since),
        reason: bounded(reason, 256),
    };
    let moved = unlike_planned(facts, plan, vip).map(|(kind, reason)| exception((kind, vip.since, reason)));
    let doubled = duplicate(facts, interface, vip).map(|(mac, since)| {
        let reason = format!("the station {mac} uses this address; take it off that station");
        exception((ExceptionKind::Duplicate, since, reason))
    });
    moved.into_iter().chain(doubled)
}

fn unlike_planned(facts: &Facts<'_>, plan: &VipPlan, vip: &VipStatus) -> Option<(ExceptionKind, String)> {
    let first = plan.candidates.first()?;
    let ours = first == facts.node;
    match vip.state {
        StateName::Owner | StateName::Ceding if !ours => {
            Some((ExceptionKind::Taken, taken(facts, plan, vip, first)))
        }
        StateName::Owner | StateName::Ceding | StateName::Joining => None,
        StateName::Backup | StateName::Suspect | StateName::Mute if !ours => None,
        StateName::Mute => Some((
            ExceptionKind::Missing,
            "this node was cut off or stalled and listens before it claims".to_owned(),
        )),
        StateName::Backup | StateName::Suspect => Some((ExceptionKind::Missing, missing(facts, plan, vip))),
    }
}

fn taken(facts: &Facts<'_>, plan: &VipPlan, vip: &VipStatus, first: &NodeName) -> String {
    if plan.move_to.as_ref() != Some(first) {
        return format!("{first}, its first candidate, does not answer for it");
    }
    match vip.damped_until.filter(|until| facts.report.at < *until) {
        Some(until) => {
            let until = facts.calendar.date(until);
            format!("it was moved twice within three minutes; {first} is to take it over at {until}")
        }
        None => format!("{first} is to take it over as soon as it can"),
    }
}

fn missing(facts: &Facts<'_>, plan: &VipPlan, vip: &VipStatus) -> String {
    let other = vip.owner.as_ref().filter(|owner| *owner != facts.node);
    let owner = || match (other, vip.contestant) {
        (Some(owner), _) => format!("{owner} answers for it"),
        (None, Some(mac)) => format!("it is claimed once the station {mac}, which uses it, is silent"),
        (None, None) => "no node is known to answer for it".to_owned(),
    };
    if !facts.desired.leaving.is_empty() {
        format!("this node is {}; {}", facts.desired.leaving, owner())
    } else if !plan.ready {
        "this node has no ready endpoint for it and another has (externalTrafficPolicy Local)".to_owned()
    } else if other.is_some() && plan.move_to.as_ref() == Some(facts.node) {
        format!("{} and is to hand it over", owner())
    } else {
        owner()
    }
}

/// A station that uses a VIP for which this node answers, or would if that were silent; and since when.
fn duplicate(facts: &Facts<'_>, interface: &Arc<str>, vip: &VipStatus) -> Option<(Mac, Instant)> {
    let heard = facts.duplicates.get(&(vip.vip, Arc::clone(interface)));
    match vip.contestant {
        Some(mac) => {
            Some((mac, heard.filter(|heard| heard.mac == mac).map_or(vip.since, |heard| heard.since)))
        }
        None => heard.filter(|_| answers(vip)).map(|heard| (heard.mac, heard.since)),
    }
}
