//! The turns of the thread. In each, every peer of which something arrived has one buffer of it heard; then commands, timers,
//! and what each has to be sent, up to a limit. No peer can make the others wait for longer than that takes.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use ferrolb_bgp::session::{Restart, Stop};
use ferrolb_sansio::{Instant, Rng};
use tokio::sync::mpsc::Sender;

use super::doors::{DOOR_V6, Doors, waits_for};
use super::links::{LINKS, Links};
use super::message::{Command, Output, PeerSetup, Report};
use super::peer::{Peer, Shared};
use crate::sys::tcp::Connection;
use crate::sys::{self, Poller, Ready};

/// The thread's own state.
#[derive(Debug)]
pub(super) struct Thread {
    shared: Shared,
    commands: Receiver<Command>,
    outputs: Sender<Output>,
    peers: BTreeMap<Arc<str>, Peer>,
    /// Those that were removed or moved, until their last octets are out.
    leaving: Vec<Peer>,
    doors: Doors,
    links: Links,
    restart: Restart,
    rng: Rng,
    /// Since when everything that should be told is known.
    complete: Option<Instant>,
    draining: bool,
    /// When to end at the latest.
    ending: Option<Instant>,
    strangers: u64,
    events_dropped: u64,
}

impl Thread {
    pub(super) fn new(
        poller: Poller,
        commands: Receiver<Command>,
        outputs: Sender<Output>,
        restart: Restart,
        seed: u64,
    ) -> Self {
        Self {
            shared: Shared { poller, number: LINKS, buffer: Box::new([0; _]) },
            commands,
            outputs,
            peers: BTreeMap::new(),
            leaving: Vec::new(),
            doors: Doors::default(),
            links: Links::default(),
            restart,
            rng: Rng::new(seed),
            complete: None,
            draining: false,
            ending: None,
            strangers: 0,
            events_dropped: 0,
        }
    }

    /// Works until told to stop.
    pub(super) fn run(mut self) {
        loop {
            let due = self.poll_timeout().map_or(LONGEST, |due| due.since(sys::now()).min(LONGEST));
            let Ok(ready) = self.shared.poller.sleep(due) else {
                // Without a poller nothing is heard any more: better to end and be restarted.
                return;
            };
            let ready: Vec<Ready> = ready.collect();
            let now = sys::now();
            ready.into_iter().for_each(|ready| self.ready(now, ready));
            while let Ok(command) = self.commands.try_recv() {
                self.obey(sys::now(), command);
            }
            let now = sys::now();
            if self.doors.poll_timeout().is_some_and(|at| at <= now) {
                self.set_doors(now);
            }
            let complete = self.complete.map(|since| now.since(since));
            for peer in self.peers.values_mut().chain(&mut self.leaving) {
                if let Some(complete) = complete {
                    peer.forget_restart(complete);
                }
                peer.expire(now, &mut self.shared);
                peer.advance(now, &mut self.shared);
            }
            self.advance_links(now);
            self.publish_events();
            self.leaving.retain(|peer| !peer.has_stopped());
            if self.ending.is_some_and(|latest| latest <= now || self.peers.values().all(Peer::has_stopped)) {
                return;
            }
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let peers = self.peers.values().chain(&self.leaving).filter_map(Peer::poll_timeout);
        peers.chain(self.doors.poll_timeout()).chain(self.links.poll_timeout()).chain(self.ending).min()
    }

    fn ready(&mut self, now: Instant, ready: Ready) {
        if ready.number <= DOOR_V6 {
            for _ in 0..GUESTS {
                let Some((connection, address, scope)) = self.doors.next(ready.number) else { return };
                self.accept(now, connection, address, scope);
            }
            return;
        }
        if ready.number == LINKS {
            self.links.receive(now, self.shared.buffer.as_mut_slice());
            return;
        }
        let mut peers = self.peers.values_mut().chain(&mut self.leaving);
        peers.any(|peer| peer.ready(now, ready, &mut self.shared));
    }

    fn accept(&mut self, now: Instant, connection: Connection, address: IpAddr, scope: u32) {
        let expected = self.peers.values_mut().find(|peer| {
            let link = peer.plan.remote.link.as_ref().map_or(0, |(index, _)| *index);
            waits_for(&peer.plan) && peer.plan.remote.address == address && link == scope
        });
        match expected {
            Some(peer) => peer.accept(now, connection, &mut self.shared),
            None => self.strangers += 1,
        }
    }

    fn obey(&mut self, now: Instant, command: Command) {
        match command {
            Command::Peer(plan) => self.plan(now, *plan),
            Command::Forget(name) => {
                if let Some(mut peer) = self.peers.remove(&name) {
                    peer.stop(now, Stop::Remove);
                    self.leaving.push(peer);
                    self.set_doors(now);
                }
            }
            Command::Links(links) => self.links.set(now, links, &self.shared.poller, &mut self.rng),
            Command::Routes { peer, changes } => {
                if let Some(peer) = self.peers.get_mut(&peer) {
                    peer.set_routes(changes);
                    // Others may wait in the queue, and a router is idle until it is told.
                    peer.advance(now, &mut self.shared);
                }
            }
            Command::Complete => {
                self.complete = Some(now);
                self.peers.values_mut().for_each(Peer::set_complete);
            }
            Command::Draining(draining) => {
                self.draining = draining;
                self.peers.values_mut().for_each(|peer| peer.set_draining(draining));
            }
            Command::PathDown(name) => {
                if let Some(peer) = self.peers.get_mut(&name) {
                    peer.path_down(now);
                }
            }
            Command::Report(report) => self.report(now, report),
            Command::Stop(stop) => {
                self.ending = Some(now + longest(&stop));
                self.peers.values_mut().for_each(|peer| peer.stop(now, stop.clone()));
            }
        }
    }

    fn plan(&mut self, now: Instant, plan: PeerSetup) {
        let name = Arc::clone(&plan.name);
        match self.peers.remove(&name) {
            Some(mut peer) if !peer.moves(&plan) => {
                peer.change(now, plan);
                self.peers.insert(name, peer);
            }
            before => {
                let rng = Rng::new(self.rng.next());
                let mut peer = Peer::new(now, plan, self.restart, rng);
                peer.set_draining(self.draining);
                if self.complete.is_some() {
                    peer.set_complete();
                }
                if let Some(mut before) = before {
                    peer.take_routes(&before);
                    before.stop(now, Stop::Remove);
                    self.leaving.push(before);
                }
                self.peers.insert(name, peer);
            }
        }
        self.set_doors(now);
    }

    fn set_doors(&mut self, now: Instant) {
        let plans = self.peers.values().map(|peer| &peer.plan);
        for problem in self.doors.set(now, &plans, &self.shared.poller) {
            self.publish(Output::NotListening { problem });
        }
    }

    fn advance_links(&mut self, now: Instant) {
        let peers = &self.peers;
        let stands =
            |index| peers.values().any(|peer| peer.is_established() && peer.plan.remote.is_on(index));
        self.links.advance(now, &self.shared.poller, &mut self.rng, stands);
        if let Some(routers) = self.links.untold()
            && self.outputs.try_send(Output::Routers(routers.clone())).is_ok()
        {
            self.links.set_told();
        }
    }

    fn publish_events(&mut self) {
        for peer in self.peers.values_mut().chain(&mut self.leaving) {
            while let Some(event) = peer.poll_event() {
                let (name, remote) = (Arc::clone(&peer.plan.name), peer.plan.remote.clone());
                let output = Output::Event { peer: name, remote, event };
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
        report.strangers = self.strangers;
        report.events_dropped = self.events_dropped;
        report.peers.clear();
        let peers = self.peers.values().map(|peer| peer.report(self.doors.obstacle(&peer.plan)));
        report.peers.extend(peers);
        self.publish(Output::Report(report));
    }
}

/// How long a stop may take, with what peers need to take back the routes.
fn longest(stop: &Stop) -> Duration {
    match stop {
        Stop::Leave { wait, .. } => *wait + LAST,
        Stop::Restart { .. } | Stop::Remove => LAST,
    }
}

/// So that commands are never waited for longer, should a wake-up be lost.
const LONGEST: Duration = Duration::from_secs(1);
/// Whoever did not take the last words by then does not read.
const LAST: Duration = Duration::from_secs(3);
/// Connections taken in one turn.
const GUESTS: usize = 16;
