//! What the speaker says of itself in its `SpeakerState`. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_api::{
    Configuration, Exception, ExceptionKind, Interface, MAX_EXCEPTIONS, Scheduling, SpeakerStateStatus,
};
use ferrolb_neighbor::Mac;
use ferrolb_ownership::{NodeName, StateName, VipPlan, VipStatus};
use ferrolb_sansio::Instant;
use jiff::Timestamp;

use crate::index::Desired;
use crate::wire::Report;

/// Everything the status is made of.
#[derive(Debug)]
pub struct Facts<'a> {
    /// The own node.
    pub node: &'a NodeName,
    /// What the speaker is to do.
    pub desired: &'a Desired,
    /// How things are.
    pub report: &'a Report,
    /// Foreign stations heard lately.
    pub duplicates: &'a Duplicates,
    /// Turns boot time into dates.
    pub calendar: Calendar,
    /// Whether the wire thread has real-time scheduling.
    pub realtime: bool,
    /// What is wrong with the newest configuration.
    pub problem: Option<&'a str>,
    /// Whether the configuration is a snapshot of the last run.
    pub stale: bool,
}

/// Stations that use a VIP of ours, by VIP and interface: which, since when, and when heard last.
pub type Duplicates = BTreeMap<(IpAddr, Arc<str>), Duplicate>;

/// A station that uses a VIP of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Duplicate {
    /// Its address.
    pub mac: Mac,
    /// When it was heard first.
    pub since: Instant,
    /// When it was heard last.
    pub last: Instant,
}

/// Boot time and date read once, so that one moment has the same date in every status.
#[derive(Clone, Copy, Debug)]
pub struct Calendar {
    boot: Instant,
    date: Timestamp,
}

impl Calendar {
    /// Binds a moment to its date.
    pub fn new(boot: Instant, date: Timestamp) -> Self {
        Self { boot, date }
    }

    /// The date of a moment, in whole seconds.
    fn date(&self, at: Instant) -> Timestamp {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let offset = seconds(at.since(self.boot)) - seconds(self.boot.since(at));
        Timestamp::from_second(self.date.as_second().saturating_add(offset)).unwrap_or(self.date)
    }
}

/// The status that `facts` amount to. Equal facts give equal statuses.
pub fn status(facts: &Facts<'_>) -> SpeakerStateStatus {
    let mut exceptions = Vec::new();
    let mut truncated = false;
    let mut owned = 0;
    for (interface, plan, vip) in vips(facts) {
        let answers = matches!(vip.state, StateName::Owner | StateName::Ceding);
        owned += i32::from(answers);
        let duplicate = facts.duplicates.get(&(vip.vip, Arc::clone(interface)));
        for exception in exception(facts, interface, plan, &vip)
            .into_iter()
            .chain(duplicate.filter(|_| answers).map(|d| doubled(facts, interface, &vip, *d)))
        {
            if exceptions.len() < MAX_EXCEPTIONS {
                exceptions.push(exception);
            } else {
                truncated = true;
            }
        }
    }
    SpeakerStateStatus {
        vips_owned: owned,
        exceptions,
        truncated,
        leaving: bounded(facts.desired.leaving.clone(), 256),
        interfaces: facts.desired.interfaces.values().map(|(interface, _)| described(interface)).collect(),
        forwarding_mode: "delegate".to_owned(),
        scheduling: if facts.realtime { Scheduling::RealTime } else { Scheduling::Ordinary },
        configuration: Configuration {
            digest: facts.desired.digest.clone(),
            revision: if facts.desired.revision > 0 {
                facts.desired.revision.to_string()
            } else {
                String::new()
            },
            problem: problem(facts),
            stale: facts.stale,
        },
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// Each VIP of the plan on each interface, with its placement and its state.
fn vips<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = (&'a Arc<str>, &'a VipPlan, VipStatus)> {
    facts.report.ports.iter().flat_map(move |port| {
        let planned =
            facts.desired.interfaces.values().find(|(interface, _)| *interface.name == *port.interface);
        port.vips.iter().filter_map(move |vip| {
            let (_, plan) = planned?;
            Some((&port.interface, plan.vips.get(&vip.vip)?, vip.clone()))
        })
    })
}

fn exception(facts: &Facts<'_>, interface: &str, plan: &VipPlan, vip: &VipStatus) -> Option<Exception> {
    let first = plan.candidates.first()?;
    let ours = first == facts.node;
    let (kind, reason) = match vip.state {
        StateName::Owner | StateName::Ceding if !ours => (ExceptionKind::Taken, taken(plan, first)),
        StateName::Owner | StateName::Ceding | StateName::Joining => return None,
        StateName::Backup | StateName::Suspect | StateName::Mute if !ours => return None,
        StateName::Mute => (
            ExceptionKind::Missing,
            "this node was cut off or stalled and listens before it claims".to_owned(),
        ),
        StateName::Backup | StateName::Suspect => (ExceptionKind::Missing, missing(facts, plan, vip)),
    };
    Some(Exception {
        ip: vip.vip.to_string(),
        interface: interface.to_owned(),
        kind,
        term: i64::try_from(vip.term).unwrap_or(i64::MAX),
        since: facts.calendar.date(vip.since),
        reason: bounded(reason, 256),
    })
}

fn taken(plan: &VipPlan, first: &NodeName) -> String {
    match plan.move_to.as_ref() == Some(first) {
        true => format!("{first} is to take it over as soon as it can"),
        false => format!("{first}, its first candidate, does not answer for it"),
    }
}

fn missing(facts: &Facts<'_>, plan: &VipPlan, vip: &VipStatus) -> String {
    let owner = || match &vip.owner {
        Some(owner) => format!("{owner} answers for it"),
        None => "another speaker's claim stands and its node is not known yet".to_owned(),
    };
    if !facts.desired.leaving.is_empty() {
        format!("this node is {}; {}", facts.desired.leaving, owner())
    } else if !plan.ready {
        "this node has no ready endpoint for it and another has (externalTrafficPolicy Local)".to_owned()
    } else {
        match plan.move_to.as_ref() == Some(facts.node) {
            true => format!("{} and is to hand it over", owner()),
            false => owner(),
        }
    }
}

fn doubled(facts: &Facts<'_>, interface: &str, vip: &VipStatus, duplicate: Duplicate) -> Exception {
    Exception {
        ip: vip.vip.to_string(),
        interface: interface.to_owned(),
        kind: ExceptionKind::Duplicate,
        term: i64::try_from(vip.term).unwrap_or(i64::MAX),
        since: facts.calendar.date(duplicate.since),
        reason: format!("the station {} uses this address; take it off that station", duplicate.mac),
    }
}

fn described(interface: &ferrolb_ownership::Interface) -> Interface {
    Interface {
        name: interface.name.clone(),
        addresses: interface.addresses.iter().take(64).map(ToString::to_string).collect(),
        carrier: interface.carrier,
    }
}

fn problem(facts: &Facts<'_>) -> String {
    let all = facts.problem.into_iter().chain(facts.desired.problems.iter().map(String::as_str));
    bounded(all.collect::<Vec<_>>().join("; "), 1024)
}

/// At most `max` characters, as the API permits.
fn bounded(text: String, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use ferrolb_ownership::{Counters, Plan};

    use super::*;
    use crate::wire::{PortReport, SocketCounters};

    fn vip(last: u8, state: StateName) -> VipStatus {
        VipStatus {
            vip: IpAddr::from([192, 0, 2, last]),
            state,
            owner: Some(NodeName::new("node-b").unwrap()),
            term: 4,
            ballot: None,
            since: Instant::from_millis(1_500),
            contestant: None,
        }
    }

    fn placed(first: &str, ready: bool) -> VipPlan {
        VipPlan { candidates: vec![NodeName::new(first).unwrap()], move_to: None, revision: 1, ready }
    }

    fn with_status<T>(
        plans: &[(u8, VipPlan)],
        vips: Vec<VipStatus>,
        leaving: &str,
        check: impl FnOnce(SpeakerStateStatus) -> T,
    ) -> T {
        let interface = ferrolb_ownership::Interface {
            index: 2,
            name: "eth0".to_owned(),
            mac: Mac([2; 6]),
            addresses: vec!["192.0.2.10/24".parse().unwrap()],
            gateways: Vec::new(),
            carrier: true,
        };
        let vip_plans = plans.iter().map(|(last, plan)| (IpAddr::from([192, 0, 2, *last]), plan.clone()));
        let plan = Plan { revision: 1, vips: vip_plans.collect() };
        let interfaces = BTreeMap::from([(2, (interface, plan))]);
        let desired = Desired { interfaces, leaving: leaving.to_owned(), ..Desired::default() };
        let port = PortReport {
            interface: "eth0".into(),
            counters: Counters::default(),
            socket: SocketCounters::default(),
            vips,
        };
        let mac = Mac([2, 0, 0, 0, 0, 9]);
        let heard = Duplicate { mac, since: Instant::from_millis(9_000), last: Instant::from_millis(9_000) };
        check(status(&Facts {
            node: &NodeName::new("node-a").unwrap(),
            desired: &desired,
            report: &Report { ports: vec![port], ..Report::default() },
            duplicates: &Duplicates::from([((IpAddr::from([192, 0, 2, 9]), Arc::from("eth0")), heard)]),
            calendar: Calendar::new(Instant::from_millis(3_000), Timestamp::from_second(1_000).unwrap()),
            realtime: true,
            problem: Some("one"),
            stale: false,
        }))
    }

    #[test]
    fn what_is_not_as_planned_is_listed() {
        let plans = [
            (1, placed("node-a", true)),
            (2, placed("node-b", true)),
            (3, placed("node-a", true)),
            (4, placed("node-a", false)),
            (5, placed("node-b", true)),
            (9, placed("node-a", true)),
        ];
        let states = vec![
            vip(1, StateName::Owner),
            vip(2, StateName::Owner),
            vip(3, StateName::Backup),
            vip(4, StateName::Backup),
            vip(5, StateName::Backup),
            vip(9, StateName::Owner),
        ];
        with_status(&plans, states, "", |status| {
            assert_eq!(status.vips_owned, 3);
            let listed: Vec<_> = status.exceptions.iter().map(|e| (e.ip.as_str(), e.kind)).collect();
            assert_eq!(
                listed,
                [
                    ("192.0.2.2", ExceptionKind::Taken),
                    ("192.0.2.3", ExceptionKind::Missing),
                    ("192.0.2.4", ExceptionKind::Missing),
                    ("192.0.2.9", ExceptionKind::Duplicate),
                ]
            );
            assert_eq!(status.exceptions[1].reason, "node-b answers for it");
            assert!(status.exceptions[2].reason.contains("no ready endpoint"));
            assert!(status.exceptions[3].reason.contains("02:00:00:00:00:09"));
            assert_eq!(status.exceptions[0].since.as_second(), 999, "a second and a half before boot 3 s");
            assert_eq!(status.exceptions[3].since.as_second(), 1_006);
            assert_eq!(status.configuration.problem, "one");
            assert_eq!(status.interfaces[0].addresses, ["192.0.2.10/24"]);
        });
    }

    #[test]
    fn a_vip_that_moves_and_a_node_that_leaves_are_told_of() {
        let moved = |first: &str| VipPlan { move_to: NodeName::new(first).ok(), ..placed(first, true) };
        let plans = [(1, moved("node-a")), (2, moved("node-b"))];
        let states = vec![vip(1, StateName::Backup), vip(2, StateName::Ceding)];
        with_status(&plans, states.clone(), "", |status| {
            let reasons: Vec<_> =
                status.exceptions.iter().map(|exception| exception.reason.as_str()).collect();
            let wanted = [
                "node-b answers for it and is to hand it over",
                "node-b is to take it over as soon as it can",
            ];
            assert_eq!((reasons, status.leaving.as_str()), (wanted.to_vec(), ""));
        });
        with_status(&plans, states, "cordoned", |status| {
            assert_eq!(status.exceptions[0].reason, "this node is cordoned; node-b answers for it");
            assert_eq!(status.leaving, "cordoned");
        });
    }

    #[test]
    fn at_most_500_exceptions_are_listed() {
        let plan = placed("node-b", true);
        let vips = (0..=250).map(|last| vip(last, StateName::Owner)).collect::<Vec<_>>();
        let plans: Vec<_> = (0..=250).map(|last| (last, plan.clone())).collect();
        // The same 251 VIPs reported three times over.
        with_status(&plans, [vips.clone(), vips.clone(), vips].concat(), "", |status| {
            assert_eq!(status.exceptions.len(), MAX_EXCEPTIONS);
            assert!(status.truncated);
        });
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(bounded("äöü".to_owned(), 2), "äö");
        assert_eq!(bounded("ab".to_owned(), 2), "ab");
    }
}
