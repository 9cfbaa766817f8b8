//! Whether the Service's status says what it should, and whether anybody is there to write it.

use std::net::IpAddr;

use ferrolb_ipam::Outcome;

use crate::{
    Link, LinkKind, Reason, State,
    facts::{Condition, Controller, Facts, Known, Subject},
};

pub(crate) fn link(facts: &Facts, subject: &Subject, outcome: &Outcome) -> Link {
    let says = match &subject.allocated {
        Some(Condition { status: true, reason, .. }) => format!("IPAllocated is True ({reason})"),
        Some(Condition { status: false, reason, .. }) => format!("IPAllocated is False ({reason})"),
        None => "there is no condition IPAllocated".to_owned(),
    };
    let details = vec![controller_line(&facts.controller)];
    if agrees(subject, outcome) {
        return Link::new(LinkKind::Condition, State::Ok, format!("{says}, as it should be"))
            .details(details);
    }
    let should = should_say(outcome);
    match &facts.controller {
        Known::Known(Controller::Leads { .. }) => Link::new(
            LinkKind::Condition,
            State::Waiting,
            format!("{says}, and should say {should}: the controller has not written it yet"),
        )
        .details(details)
        .advice(
            "ask again in a second; if it stays so, look at the Service's Events and at the controller's log: \
             kubectl -n ferrolb-system logs -l app.kubernetes.io/component=controller",
        ),
        Known::Known(Controller::Lapsed { .. } | Controller::Released | Controller::Never) => Link::new(
            LinkKind::Condition,
            State::Broken,
            format!("{says}, and should say {should}, but no controller leads"),
        )
        .reason(Reason::NoController)
        .details(details)
        .advice("kubectl -n ferrolb-system get pods -l app.kubernetes.io/component=controller"),
        Known::Unknown(_) => Link::new(
            LinkKind::Condition,
            State::Unknown,
            format!("{says}, and should say {should}; whether a controller leads could not be read"),
        )
        .details(details),
    }
}

/// Whether the status is what the outcome asks for: addresses and reason. Messages may be of another moment.
fn agrees(subject: &Subject, outcome: &Outcome) -> bool {
    let ingress = subject.service.ingress.addresses();
    let condition = subject.allocated.as_ref();
    let is = |status: bool, reason: Option<&str>| {
        condition.is_some_and(|one| one.status == status && reason.is_none_or(|reason| one.reason == reason))
    };
    let has = |addresses: &[ferrolb_model::Assignment]| {
        let wanted: Vec<IpAddr> = addresses.iter().map(|one| one.address).collect();
        ingress == wanted
    };
    match outcome {
        Outcome::Assigned(addresses) => has(addresses) && is(true, None),
        Outcome::Kept { addresses, refusal } => has(addresses) && is(true, Some(refusal.reason())),
        Outcome::Refused(refusal) => ingress.is_empty() && is(false, Some(refusal.reason())),
        Outcome::Foreign(_) | Outcome::Removed => true,
    }
}

fn should_say(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Assigned(_) => "True with its addresses".into(),
        Outcome::Kept { refusal, .. } => format!("True ({})", refusal.reason()),
        Outcome::Refused(refusal) => format!("False ({})", refusal.reason()),
        Outcome::Foreign(_) | Outcome::Removed => "nothing".into(),
    }
}

/// Who leads, as a line.
pub(crate) fn controller_line(controller: &Known<Controller>) -> String {
    match controller {
        Known::Known(Controller::Leads { holder, renewed }) => {
            format!("controller {holder} leads; it renewed its lease {renewed} s ago")
        }
        Known::Known(Controller::Lapsed { holder, renewed }) => {
            format!("controller {holder} led, but has not renewed its lease for {renewed} s")
        }
        Known::Known(Controller::Released) => {
            "the last controller gave its lease back and none has taken it".into()
        }
        Known::Known(Controller::Never) => "no controller has ever led: there is no lease".into(),
        Known::Unknown(why) => format!("the controller's lease could not be read: {why}"),
    }
}
