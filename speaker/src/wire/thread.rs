use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use ferrolb_ownership::{Interface, Keys, Presence, Segment};
use ferrolb_sansio::{Instant, Rng};
use tokio::sync::mpsc::Sender;

use super::Identity;
use super::bfd::Bfd;
use super::groups::Wish;
use super::message::{Command, Output, Report};
use super::pace::Pace;
use super::port::{Buffers, Port};
use crate::sys::{self, Wakeups};

/// How far the end of layer 2 is.
#[derive(Clone, Copy, Debug)]
enum Ending {
    No,
    /// VIPs are offered to others.
    HandsOver {
        since: Instant,
    },
    /// What nobody took was given up, and is told.
    Resigned {
        since: Instant,
    },
    /// Nothing is left of it.
    HandedOver,
}

/// The wire thread's own state.
#[derive(Debug)]
pub(super) struct Thread {
    identity: Identity,
    rng: Rng,
    wakeups: Wakeups,
    commands: Receiver<Command>,
    outputs: Sender<Output>,
    wishes: mpsc::Sender<Wish>,
    beat: Arc<AtomicU64>,
    ports: BTreeMap<u32, Port>,
    bfd: Bfd,
    buffers: Buffers,
    pace: Pace,
    presence: Presence,
    stale: bool,
    ending: Ending,
    /// Since when peers are told that BFD is switched off, after which the thread ends.
    switched_off: Option<Instant>,
    events_dropped: u64,
}

impl Thread {
    pub(super) fn new(
        identity: Identity,
        wakeups: Wakeups,
        commands: Receiver<Command>,
        outputs: Sender<Output>,
        wishes: mpsc::Sender<Wish>,
        beat: Arc<AtomicU64>,
    ) -> Self {
        let mut rng = Rng::new(identity.seed);
        Self {
            bfd: Bfd::new(Rng::new(rng.next())),
            rng,
            identity,
            wakeups,
            commands,
            outputs,
            wishes,
            beat,
            ports: BTreeMap::new(),
            buffers: Buffers::new(),
            pace: Pace::new(sys::now()),
            presence: Presence::Staying,
            stale: false,
            ending: Ending::No,
            switched_off: None,
            events_dropped: 0,
        }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) {
        loop {
            let wake = sys::now();
            self.beat.store(wake.as_nanos(), Ordering::Relaxed);
            // Frames before timers: a heartbeat that waits in the socket must stop its timer from firing.
            let mut heard = self.bfd.drain(wake);
            for port in self.ports.values_mut() {
                heard |= port.drain(wake, &mut self.buffers);
            }
            let rest = if heard { self.pace.rest(wake, sys::now()) } else { Duration::ZERO };
            while let Ok(command) = self.commands.try_recv() {
                self.obey(command);
            }
            let now = sys::now();
            self.watch_peers(now);
            for port in self.ports.values_mut() {
                port.segment.handle_timeout(now);
                port.transmit(&mut self.buffers);
            }
            self.publish_events();
            if self.has_ended() {
                return;
            }
            let due = self.ports.values().filter_map(|port| port.segment.poll_timeout()).min();
            let due = due.into_iter().chain(self.bfd.poll_timeout()).min();
            let deadline = due.unwrap_or(Instant::MAX).min(now + self.longest_sleep());
            if !rest.is_zero() {
                std::thread::sleep(rest.min(deadline.since(sys::now())));
            }
            if self.wakeups.sleep(deadline).is_err() {
                // Without a timer there is no telling when a peer is silent: better to end and be restarted.
                return;
            }
        }
    }

    fn obey(&mut self, command: Command) {
        let now = sys::now();
        match command {
            Command::Interface(interface) => self.attach(now, interface),
            Command::Detach(index) => {
                let acquainted = self.ports.remove(&index).filter(|port| port.segment.is_acquainted());
                self.identity.acquainted.extend(acquainted.map(|port| port.name.to_string()));
                let _ = self.wishes.send(Wish::Gone(index));
            }
            Command::Plan { index, plan } => {
                self.change(index, |segment| segment.handle_plan(now, plan));
            }
            Command::Ready { index, vip, ready } => {
                if let Some(port) = self.ports.get_mut(&index) {
                    port.segment.handle_ready(now, vip, ready);
                }
            }
            Command::Presence(presence) => {
                self.presence = presence;
                for port in self.ports.values_mut() {
                    port.segment.handle_presence(now, presence);
                }
            }
            Command::Stale(stale) => {
                self.stale = stale;
                for port in self.ports.values_mut() {
                    port.segment.handle_stale(now, stale);
                }
            }
            Command::Keys(keys) => {
                for port in self.ports.values_mut() {
                    port.segment.handle_keys(now, Keys::clone(&keys));
                }
                self.identity.settings.keys = *keys;
            }
            Command::Bfd { path, profile } => {
                if let Some(problem) = self.bfd.want(path, profile, &self.wakeups) {
                    self.publish(Output::BfdUnusable { path, problem });
                }
            }
            Command::BfdGone(path) => self.bfd.unwant(&path),
            Command::Report(report) => self.report(now, report),
            Command::HandOver => self.hand_over(now),
            Command::Stop => {
                self.hand_over(now);
                self.bfd.end();
                self.switched_off.get_or_insert(now);
            }
        }
    }

    fn hand_over(&mut self, now: Instant) {
        match self.ending {
            Ending::No => {
                self.ending = Ending::HandsOver { since: now };
                self.presence = Presence::Draining;
                for port in self.ports.values_mut() {
                    port.segment.handle_presence(now, Presence::Draining);
                }
            }
            Ending::HandsOver { .. } | Ending::Resigned { .. } | Ending::HandedOver => {}
        }
    }

    fn attach(&mut self, now: Instant, interface: Interface) {
        let index = interface.index;
        if self.ports.contains_key(&index) {
            self.change(index, |segment| segment.handle_interface(now, interface));
            return;
        }
        let name: Arc<str> = interface.name.as_str().into();
        match Port::open(now, self.identity.settings.clone(), interface, self.rng.next(), &self.wakeups) {
            Ok(mut port) => {
                port.segment.handle_presence(now, self.presence);
                port.segment.handle_stale(now, self.stale);
                if self.identity.acquainted.contains(&*port.name) {
                    port.segment.handle_acquainted(now);
                }
                self.ports.insert(index, port);
                self.change(index, |_| ());
            }
            Err(error) => self.publish(Output::Unusable { interface: name, error }),
        }
    }

    /// Changes a segment in a way after which it may want other groups.
    fn change(&mut self, index: u32, change: impl FnOnce(&mut Segment)) {
        let Some(port) = self.ports.get_mut(&index) else { return };
        change(&mut port.segment);
        if let Some(groups) = port.changed_groups() {
            // The thread that joins ends only after this one.
            let _ = self.wishes.send(Wish::Member { index, name: Arc::clone(&port.name), groups });
        }
    }

    fn watch_peers(&mut self, now: Instant) {
        let (bfd, outputs, dropped) = (&mut self.bfd, &self.outputs, &mut self.events_dropped);
        bfd.handle_timeout(now, &self.wakeups, |path, problem| {
            let told = outputs.try_send(Output::BfdUnusable { path, problem });
            *dropped += u64::from(told.is_err());
        });
    }

    fn publish_events(&mut self) {
        // First: a session of BGP may depend on it.
        while let Some(event) = self.bfd.poll_event() {
            self.publish(Output::Bfd(event));
        }
        for port in self.ports.values_mut() {
            while let Some(event) = port.poll_event() {
                let output = Output::Event { interface: Arc::clone(&port.name), event };
                if self.outputs.try_send(output).is_err() {
                    self.events_dropped += 1;
                }
            }
        }
    }

    fn publish(&mut self, output: Output) {
        if self.outputs.try_send(output).is_err() {
            self.events_dropped += 1;
        }
    }

    fn report(&mut self, now: Instant, mut report: Report) {
        report.at = now;
        self.bfd.report(&mut report.bfd);
        report.events_dropped = self.events_dropped;
        report.ports.truncate(self.ports.len());
        for (place, port) in self.ports.values().enumerate() {
            if report.ports.len() == place {
                report.ports.push(port.blank_report());
            }
            port.report(&mut report.ports[place]);
        }
        self.publish(Output::Report(report));
    }

    /// Takes the next step towards the end; whether nothing is left to do before it.
    fn has_ended(&mut self) -> bool {
        let now = sys::now();
        match self.ending {
            Ending::HandsOver { since } if now.since(since) >= MAX_HANDOVER => {
                for port in self.ports.values_mut() {
                    port.segment.handle_end(now);
                    port.transmit(&mut self.buffers);
                }
                self.ending = Ending::Resigned { since: now };
            }
            Ending::HandsOver { since } => {
                let owns = self.ports.values().any(Port::owns_any);
                if now.since(since) >= LAST_WORDS && !owns {
                    self.leave_segments();
                }
            }
            Ending::Resigned { since } if now.since(since) >= LAST_WORDS => self.leave_segments(),
            Ending::No | Ending::Resigned { .. } | Ending::HandedOver => {}
        }
        let is_alone = matches!(self.ending, Ending::HandedOver);
        let has_told = |since| self.bfd.has_ended() || now.since(since) >= MAX_HANDOVER;
        is_alone && self.switched_off.is_some_and(has_told)
    }

    /// Who has left hears nobody and claims nothing, however long the rest of the end takes.
    fn leave_segments(&mut self) {
        self.ports.clear();
        self.ending = Ending::HandedOver;
    }

    fn longest_sleep(&self) -> Duration {
        match (self.ending, self.switched_off) {
            (Ending::No | Ending::HandedOver, None) => MAX_SLEEP,
            (Ending::HandsOver { .. } | Ending::Resigned { .. }, _) | (_, Some(_)) => {
                Duration::from_millis(5)
            }
        }
    }
}

/// What is told is repeated for 20 ms; before this it may not have left yet.
const LAST_WORDS: Duration = Duration::from_millis(30);
/// Who cannot hand over within this time resigns; a peer that does not show within it that it knows of the end is left alone.
const MAX_HANDOVER: Duration = Duration::from_secs(1);
/// So that a thread with nothing to do still shows that it lives.
const MAX_SLEEP: Duration = Duration::from_millis(500);
