//! What the speaker says of itself in its `SpeakerState`. Pure.

mod exceptions;
mod sessions;
mod vips;

pub use vips::Said;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ferrolb_api::{
    Configuration, Interface, MAX_INTERFACES, MAX_SEGMENT_NODES, Scheduling, Segment, SpeakerStateStatus,
};
use ferrolb_neighbor::Mac;
use ferrolb_ownership::{NodeName, SegmentStatus, Timing};
use ferrolb_sansio::Instant;
use jiff::Timestamp;

use crate::hearing::Hearing;
use crate::index::Desired;
use crate::paths::Paths;
use crate::sessions::Report as Sessions;
use crate::sessions::told::Waiting;
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
    /// How the BGP sessions are.
    pub sessions: &'a Sessions,
    /// The paths to peers that BFD watches.
    pub paths: &'a Paths,
    /// Peers that there is no session with yet, by name, and what is waited for.
    pub waiting: &'a BTreeMap<String, Waiting>,
    /// Foreign stations heard lately.
    pub duplicates: &'a Duplicates,
    /// What is told of the other speakers.
    pub hearing: &'a Hearing,
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
    pub(super) fn date(&self, at: Instant) -> Timestamp {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let offset = seconds(at.since(self.boot)) - seconds(self.boot.since(at));
        Timestamp::from_second(self.date.as_second().saturating_add(offset)).unwrap_or(self.date)
    }
}

/// The status that `facts` amount to. Equal facts give equal statuses, whatever was `said` before.
pub fn status(facts: &Facts<'_>, said: &mut Said) -> SpeakerStateStatus {
    let vips = said.of(facts);
    let (bgp, bgp_sessions) = sessions::sessions(facts);
    SpeakerStateStatus {
        vips_owned: vips.owned,
        exceptions: vips.exceptions,
        truncated: vips.truncated,
        leaving: bounded(facts.desired.leaving.clone(), 256),
        interfaces: interfaces(facts),
        bgp,
        bgp_sessions,
        bfd: sessions::bfd_sessions(facts),
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

fn interfaces(facts: &Facts<'_>) -> Vec<Interface> {
    let used = facts.desired.interfaces.values().map(|(interface, _)| interface);
    let all = used.chain(&facts.desired.idle).take(MAX_INTERFACES);
    all.map(|interface| described(facts, interface)).collect()
}

fn described(facts: &Facts<'_>, interface: &ferrolb_ownership::Interface) -> Interface {
    Interface {
        segment: facts.hearing.told(&interface.name).map(|told| segment(facts.realtime, told)),
        name: interface.name.clone(),
        addresses: interface.addresses.iter().take(MAX_INTERFACES).map(ToString::to_string).collect(),
        carrier: interface.carrier,
    }
}

fn segment(realtime: bool, told: &SegmentStatus) -> Segment {
    let fastest = if realtime { Timing::REALTIME } else { Timing::ORDINARY }.min_interval;
    let names = |nodes: &[NodeName]| nodes.iter().take(MAX_SEGMENT_NODES).map(ToString::to_string).collect();
    Segment {
        heartbeat_milliseconds: i32::try_from((told.interval.as_micros() + 500) / 1_000).unwrap_or(i32::MAX),
        relaxed: told.interval > fastest,
        heard: names(&told.heard),
        multicast_filtered: names(&told.filtered),
        isolated: told.isolated,
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
mod tests;
