//! BIRD, and how many routes it has, read from its control socket.

use std::net::Ipv4Addr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_lab::{Lab, RouterProgram};
use ferrolb_tests::routing::{BirdControl, Family, Instance, Peer, Session};

use crate::stage::{OURS, ROUTERS, router};

/// Between two looks.
const INTERVAL: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(30);

/// A BIRD with a session for each sender, called `s0`, `s1`, … in their order.
pub(crate) struct Bird {
    peer: Peer,
    control: BirdControl,
}

impl Bird {
    pub(crate) fn start(lab: &Lab, number: u8, senders: &[Ipv4Addr]) -> Result<Self> {
        let session = |sender: &Ipv4Addr| Session {
            families: vec![Family::Ipv4],
            passive: true,
            ..Session::new(router(number), *sender, OURS)
        };
        let sessions: Vec<Session> = senders.iter().map(session).collect();
        let instance = Instance::new(ROUTERS, router(number), &sessions);
        let peer = Peer::start(lab, &format!("r{number}"), RouterProgram::Bird, instance);
        Ok(Self { control: BirdControl::connect(&peer.router)?, peer })
    }

    /// Waits until this session is up.
    pub(crate) fn establishes(&self, session: usize) -> Result<()> {
        let remote = &self.peer.instance().sessions[session].remote;
        let end = Instant::now() + PATIENCE;
        while !self.peer.is_established(remote) {
            ensure!(
                Instant::now() < end,
                "the session s{session} does not come up:\n{}",
                self.peer.router.log()
            );
            sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Waits until it has so many routes of a session.
    pub(crate) fn has(&mut self, session: usize, routes: usize) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let known = self.routes(session)?;
            if known == routes {
                return Ok(());
            }
            ensure!(Instant::now() < end, "BIRD has {known} routes of s{session}, not {routes}");
            sleep(INTERVAL);
        }
    }

    /// `Routes: 10000 imported, 0 exported, 10000 preferred`
    fn routes(&mut self, session: usize) -> Result<usize> {
        let answer = self.control.ask(&format!("show protocols all s{session}"))?;
        let line = answer.lines().find_map(|line| line.trim().strip_prefix("Routes:"));
        let count = line.and_then(|line| line.split_whitespace().next()).with_context(|| answer.clone())?;
        count.parse().with_context(|| answer.clone())
    }
}
