//! BIRD, and its counters, read from its control socket: a control program for each look would cost more than what is looked for.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::Ipv4Addr;
use std::os::unix::net::UnixStream;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ferrolb_lab::{Lab, RouterProgram};
use ferrolb_tests::routing::{Family, Instance, Peer, Session};

use crate::stage::{OURS, ROUTERS, router};

/// Between two looks.
const INTERVAL: Duration = Duration::from_micros(200);
const PATIENCE: Duration = Duration::from_secs(30);

/// A BIRD with a session for each sender, called `s0`, `s1`, … in their order.
pub(crate) struct Bird {
    peer: Peer,
    control: BufReader<UnixStream>,
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
        let pid = *peer.router.space().pids_of("bird")?.first().context("BIRD does not run")?;
        let socket = format!("/proc/{pid}/root/run/bird/bird.ctl");
        let control = UnixStream::connect(&socket).with_context(|| format!("cannot connect to {socket}"))?;
        let mut bird = Self { peer, control: BufReader::new(control) };
        bird.answer()?;
        Ok(bird)
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
        writeln!(self.control.get_mut(), "show protocols all s{session}")?;
        let answer = self.answer()?;
        let line = answer.lines().find_map(|line| line.trim().strip_prefix("Routes:"));
        let count = line.and_then(|line| line.split_whitespace().next()).with_context(|| answer.clone())?;
        count.parse().with_context(|| answer.clone())
    }

    /// Lines of one answer; the last begins with four digits and a space.
    fn answer(&mut self) -> Result<String> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            ensure!(self.control.read_line(&mut line)? > 0, "BIRD closed its control socket");
            let is_last = line.len() > 4 && line.as_bytes()[4] == b' ' && line[..4].parse::<u16>().is_ok();
            text += &line;
            if is_last {
                return Ok(text);
            }
        }
    }
}
