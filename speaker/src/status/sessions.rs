use ferrolb_api::{
    BfdSession, BfdSessionState, BgpSession, BgpSessionState, MAX_BFD_SESSIONS, MAX_BGP_SESSIONS,
    PrefixCounts,
};
use ferrolb_bfd::{State, Status};
use ferrolb_bgp::session::{Peer, StateName};

use super::{Facts, bounded};
use crate::paths::Wish;
use crate::sessions::PeerReport;
use crate::sessions::told::Waiting;

/// The BGP sessions, by peer, and how many of all are up.
pub(super) fn sessions(facts: &Facts<'_>) -> (Vec<BgpSession>, String) {
    let mut all: Vec<BgpSession> = facts.sessions.peers.iter().map(|report| session(facts, report)).collect();
    for (name, waiting) in facts.waiting {
        match all.iter_mut().find(|session| session.peer == *name) {
            Some(session) => session.last_error = bounded(waiting.problem.clone(), 512),
            None => all.push(not_begun(facts, name, waiting)),
        }
    }
    all.sort_by(|one, other| one.peer.cmp(&other.peer));
    let up = all.iter().filter(|session| session.state == BgpSessionState::Established).count();
    let share = if all.is_empty() { String::new() } else { format!("{up}/{}", all.len()) };
    all.truncate(MAX_BGP_SESSIONS);
    (all, share)
}

fn session(facts: &Facts<'_>, report: &PeerReport) -> BgpSession {
    let count = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
    let [ipv4, ipv6] = report.told.map(count);
    let received = report.counters.announced_now.map(two_digits);
    // What hinders now comes before what ended an earlier session.
    let last_error = report.obstacle.as_ref().or(report.unsent.1.as_ref());
    let last_error = last_error.or_else(|| report.last_error.as_ref().map(|error| &error.text));
    BgpSession {
        peer: report.name.to_string(),
        address: report.remote.to_string(),
        state: state(report.state),
        since: facts.calendar.date(report.since),
        last_error: bounded(last_error.cloned().unwrap_or_default(), 512),
        announced: PrefixCounts { ipv4, ipv6 },
        received: PrefixCounts { ipv4: received[0], ipv6: received[1] },
        capabilities: report.introduced.as_ref().map(capabilities).unwrap_or_default(),
        hold_time_seconds: report
            .introduced
            .as_ref()
            .map_or(0, |peer| i32::try_from(peer.hold_time.as_secs()).unwrap_or(i32::MAX)),
        bfd: facts
            .paths
            .wishes()
            .iter()
            .find(|wish| wish.peer == report.name)
            .map(|wish| bfd_state(facts, wish)),
    }
}

fn not_begun(facts: &Facts<'_>, name: &str, waiting: &Waiting) -> BgpSession {
    BgpSession {
        peer: name.to_owned(),
        address: String::new(),
        state: BgpSessionState::Idle,
        since: facts.calendar.date(waiting.since),
        last_error: bounded(waiting.problem.clone(), 512),
        announced: PrefixCounts::default(),
        received: PrefixCounts::default(),
        capabilities: Vec::new(),
        hold_time_seconds: 0,
        bfd: None,
    }
}

fn state(name: StateName) -> BgpSessionState {
    match name {
        StateName::Idle => BgpSessionState::Idle,
        StateName::Active => BgpSessionState::Active,
        StateName::Connect => BgpSessionState::Connect,
        StateName::OpenSent => BgpSessionState::OpenSent,
        StateName::OpenConfirm => BgpSessionState::OpenConfirm,
        StateName::Established => BgpSessionState::Established,
    }
}

/// The BFD sessions, by peer.
pub(super) fn bfd_sessions(facts: &Facts<'_>) -> Vec<BfdSession> {
    facts.paths.wishes().iter().filter_map(|wish| bfd_session(facts, wish)).take(MAX_BFD_SESSIONS).collect()
}

/// `None` before the wire thread has told of it.
fn bfd_session(facts: &Facts<'_>, wish: &Wish) -> Option<BfdSession> {
    let bfd = &facts.report.bfd;
    let status = watched(facts, wish);
    let (since, last_error) = match bfd.unusable.iter().find(|unusable| unusable.path == wish.path) {
        Some(unusable) => (unusable.since, unusable.problem.to_string()),
        None => {
            let status = status?;
            (status.since, status.last_down.map(|(_, cause)| cause.to_string()).unwrap_or_default())
        }
    };
    let detection = status.and_then(|status| status.detection_time).unwrap_or_default();
    Some(BfdSession {
        peer: wish.peer.to_string(),
        address: wish.address.clone(),
        state: bfd_state(facts, wish),
        since: facts.calendar.date(since),
        last_error: bounded(last_error, 256),
        detection_milliseconds: i32::try_from(detection.as_millis()).unwrap_or(i32::MAX),
    })
}

fn bfd_state(facts: &Facts<'_>, wish: &Wish) -> BfdSessionState {
    match watched(facts, wish).map(|status| status.state) {
        Some(State::AdminDown) => BfdSessionState::AdminDown,
        Some(State::Down) | None => BfdSessionState::Down,
        Some(State::Init) => BfdSessionState::Init,
        Some(State::Up) => BfdSessionState::Up,
    }
}

fn watched<'a>(facts: &'a Facts<'_>, wish: &Wish) -> Option<&'a Status> {
    facts.report.bfd.sessions.iter().find(|status| status.path == wish.path)
}

/// Rounded down, so that a peer with a table in motion does not have the SpeakerState written every second.
fn two_digits(number: u64) -> i32 {
    let unit = 10_u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    i32::try_from(number / unit * unit).unwrap_or(i32::MAX)
}

/// What both sides are able to, in the words of the RFCs.
fn capabilities(peer: &Peer) -> Vec<String> {
    let negotiated = &peer.negotiated;
    let families = negotiated.families.iter().map(|family| family.to_string());
    let others = [
        (negotiated.four_octet_asns, "four-octet AS numbers"),
        (negotiated.extended_messages, "extended messages"),
        (negotiated.extended_next_hop, "IPv6 next hops for IPv4"),
        (negotiated.route_refresh, "route refresh"),
        (negotiated.enhanced_route_refresh, "enhanced route refresh"),
        (peer.graceful_restart.is_some(), "graceful restart"),
    ];
    families.chain(others.into_iter().filter(|(has, _)| *has).map(|(_, name)| name.to_owned())).collect()
}
