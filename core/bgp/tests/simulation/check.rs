use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ferrolb_bgp::policy::{NextHopSettings, NextHops, Policy};
use ferrolb_bgp::session::{Event, Reason, StateName};
use ferrolb_bgp::wire::{Announcement, Negotiated};
use ferrolb_bgp::{Family, Prefix};
use ferrolb_sansio::Instant;

use crate::host::addresses;
use crate::reader::{Change, changes};
use crate::world::World;

/// What was found to be wrong.
#[derive(Debug, Default)]
pub(crate) struct Checks {
    pub(crate) violations: Vec<String>,
    seen: [usize; 2],
    /// Since when a session is in the state Established.
    pub(crate) up: [Option<Instant>; 2],
}

/// A connect time of 10 s, shortened by a quarter at most, and a quick attempt after a session that was well.
const DIALS_A_MINUTE: usize = 12;
const MOST_TOLD: usize = 5;
const MINUTE: Duration = Duration::from_secs(60);

impl World {
    /// What must hold at any time.
    pub(crate) fn check(&mut self) {
        for host in 0..2 {
            self.read_events(host);
            self.no_two_sessions(host);
            self.no_hot_loop(host);
            self.silence_ends(host);
        }
    }

    fn violated(&mut self, what: fmt::Arguments<'_>) {
        if self.checks.violations.len() < MOST_TOLD {
            self.checks.violations.push(format!("{:?}: {what}", self.now));
        }
    }

    /// A peer is given up for its silence after the hold time and not before.
    fn read_events(&mut self, host: usize) {
        while let Some((at, event)) = self.hosts[host].events.get(self.checks.seen[host]).cloned() {
            self.checks.seen[host] += 1;
            match event {
                Event::State { to, .. } => {
                    self.checks.up[host] = (to == StateName::Established).then_some(at);
                }
                Event::Ended { state, reason } => self.ended(host, state, &reason),
                Event::Fault(fault) => {
                    self.violated(format_args!("{host} finds fault with its like: {fault}"));
                }
                Event::Stopped => {}
            }
        }
    }

    fn ended(&mut self, host: usize, state: StateName, reason: &Reason) {
        match reason {
            Reason::Malformed(_)
            | Reason::Refused(_)
            | Reason::Fault(_)
            | Reason::Unexpected { .. }
            | Reason::Misdirected(_) => {
                self.violated(format_args!("{host} in {state}: {reason}"));
            }
            Reason::HoldTimerExpired(_)
            | Reason::NotConnected(_)
            | Reason::ConnectTimeout(_)
            | Reason::Failed(_)
            | Reason::Closed
            | Reason::Heard(_)
            | Reason::SendHoldTimerExpired
            | Reason::BfdDown
            | Reason::Collision
            | Reason::Replaced
            | Reason::Reconfigured
            | Reason::Reset(_)
            | Reason::Leaving(_)
            | Reason::Restarting(_)
            | Reason::Removed => {}
        }
    }

    /// Routes are told on one transport only.
    fn no_two_sessions(&mut self, host: usize) {
        let told = self.tcp.of(host).into_iter();
        let told = told.filter(|(id, at, _)| self.tcp.connections[id].ends[*at].told).count();
        if told > 1 {
            self.violated(format_args!("{host} tells its routes on {told} transports"));
        }
    }

    fn no_hot_loop(&mut self, host: usize) {
        let dials = &self.hosts[host].dials;
        if let Some(at) = dials.len().checked_sub(DIALS_A_MINUTE + 1)
            && self.now.since(dials[at]) < MINUTE
            && dials.last() == Some(&self.now)
        {
            self.violated(format_args!("{host} has dialled {DIALS_A_MINUTE} times within a minute"));
        }
    }

    /// A session whose peer is silent ends within the hold time.
    fn silence_ends(&mut self, host: usize) {
        if !self.hosts[host].runs(self.now) {
            return;
        }
        let Some(session) = &self.hosts[host].session else { return };
        let hold_time = session.peer().map(|peer| peer.hold_time).unwrap_or_default();
        if !self.hosts[host].established() || hold_time.is_zero() {
            return;
        }
        let heard = self.tcp.of(host).into_iter().map(|(id, at, _)| self.tcp.connections[&id].ends[at].heard);
        let silent = self.now.since(heard.max().unwrap_or(self.now));
        if silent > hold_time + Duration::from_millis(1) && self.checks.up[host].is_some() {
            self.violated(format_args!("{host} is up though nothing was heard for {silent:?}"));
        }
    }

    /// What must hold once the network has been whole for long enough.
    pub(crate) fn check_calm(&mut self) {
        for host in 0..2 {
            if !self.hosts[host].established() {
                let state = self.hosts[host].session.as_ref().map(ferrolb_bgp::session::Session::state);
                self.violated(format_args!("{host} is not up at the end, but in {state:?}"));
            } else if self.hosts[1 - host].table.routes != self.expected(host) {
                self.violated(format_args!("{} has not the table that {host} means it to have", 1 - host));
            }
        }
    }

    /// The table that a host's peer should have.
    fn expected(&self, host: usize) -> BTreeMap<Prefix, Vec<u8>> {
        let session = self.hosts[host].session.as_ref().unwrap();
        let negotiated = session.peer().map(|peer| peer.negotiated).unwrap_or_default();
        let policy = Policy {
            local_as: self.hosts[host].settings.local_as,
            internal: negotiated.internal,
            next_hops: NextHops::choose(&addresses(host), &NextHopSettings::default(), false),
            draining: false,
        };
        let said = |prefix: &Prefix, route| said(prefix, &policy, route, &negotiated);
        self.hosts[host].desired.iter().map(|(prefix, route)| (*prefix, said(prefix, route))).collect()
    }
}

fn said(
    prefix: &Prefix,
    policy: &Policy,
    route: &ferrolb_bgp::policy::Route,
    negotiated: &Negotiated,
) -> Vec<u8> {
    let attributes = policy.attributes(prefix, route).unwrap();
    let announcement = Announcement::new(Family::of(prefix), &attributes, negotiated).unwrap();
    let mut out = Vec::new();
    announcement.write(&mut out, &mut [*prefix].into_iter());
    let [Change::Announced(_, said)] = &changes(&out)[..] else { panic!("one prefix is announced") };
    said.clone()
}
