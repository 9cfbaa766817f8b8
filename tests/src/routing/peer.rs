//! A routing program as tests see it: told an [`Instance`], asked for sessions and routes.

use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_lab::{Lab, Router, RouterProgram, wait};
use ipnet::IpNet;

use super::instance::{Instance, Remote};
use super::route::{Heard, Route, Table};
use super::{bird, exabgp, frr, gobgp, openbgpd};

/// How long a session may take to come up or go, with what a busy machine adds.
pub const SETTLED: Duration = Duration::from_secs(30);

/// States of RFC 4271 §8.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionState {
    /// Idle.
    Idle,
    /// Connect.
    Connect,
    /// Active.
    Active,
    /// OpenSent.
    OpenSent,
    /// OpenConfirm.
    OpenConfirm,
    /// Established.
    Established,
}

impl SessionState {
    /// Reads it in any program's spelling; what stands between two sessions (`Close`, `Clearing`, …) is Idle.
    pub(super) fn parse(text: &str) -> Self {
        match text.to_lowercase().as_str() {
            "connect" => Self::Connect,
            // BIRD's word for a side that only waits.
            "active" | "passive" => Self::Active,
            "opensent" => Self::OpenSent,
            "openconfirm" => Self::OpenConfirm,
            "established" => Self::Established,
            _ => Self::Idle,
        }
    }
}

/// A running program. When a test fails its log is printed.
#[derive(Debug)]
pub struct Peer {
    /// The program.
    pub router: Router,
    instance: Instance,
}

impl Peer {
    /// Starts `program` on `host`.
    pub fn start(lab: &Lab, host: &str, program: RouterProgram, instance: Instance) -> Self {
        let router = Router::start(lab, host, program, &configuration(program, &instance)).unwrap();
        Self { router, instance }
    }

    /// Gives it another instance while it runs.
    pub fn reconfigure(&mut self, instance: Instance) {
        self.router.reload(&configuration(self.router.program(), &instance)).unwrap();
        self.instance = instance;
    }

    /// What it was told.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// All it heard, from all its sessions.
    ///
    /// # Errors
    /// When the program cannot be asked.
    pub fn heard(&self) -> Result<Vec<Heard>> {
        match self.router.program() {
            RouterProgram::Bird => bird::heard(&self.router, &self.instance),
            RouterProgram::Frr => frr::heard(&self.router),
            RouterProgram::GoBgp => gobgp::heard(&self.router),
            RouterProgram::OpenBgpd => openbgpd::heard(&self.router),
            RouterProgram::ExaBgp => exabgp::heard(&self.router),
        }
    }

    /// What it heard in one session.
    ///
    /// # Errors
    /// When the program cannot be asked.
    pub fn routes(&self, remote: &Remote) -> Result<Table> {
        let (heard, name) = (self.heard()?, remote.name());
        let mut table = Table::new();
        for heard in heard.into_iter().filter(|heard| heard.from == name) {
            let prefix = heard.prefix;
            ensure!(table.insert(prefix, heard.route).is_none(), "{prefix} was heard twice from {name}");
        }
        Ok(table)
    }

    /// How far a session is.
    ///
    /// # Errors
    /// When the program cannot be asked.
    pub fn session_state(&self, remote: &Remote) -> Result<SessionState> {
        match self.router.program() {
            RouterProgram::Bird => bird::session_state(&self.router, &self.instance, remote),
            RouterProgram::Frr => frr::session_state(&self.router, remote),
            RouterProgram::GoBgp => gobgp::session_state(&self.router, remote),
            RouterProgram::OpenBgpd => openbgpd::session_state(&self.router, remote),
            RouterProgram::ExaBgp => exabgp::session_state(&self.router, remote),
        }
    }

    /// Whether a session is up.
    pub fn is_established(&self, remote: &Remote) -> bool {
        self.session_state(remote).is_ok_and(|state| state == SessionState::Established)
    }

    /// How many sessions with the remote have come up since the program started: FRR.
    ///
    /// # Errors
    /// When the program cannot be asked.
    pub fn sessions_begun(&self, remote: &Remote) -> Result<u64> {
        match self.router.program() {
            RouterProgram::Frr => frr::sessions_begun(&self.router, remote),
            program @ (RouterProgram::Bird
            | RouterProgram::GoBgp
            | RouterProgram::OpenBgpd
            | RouterProgram::ExaBgp) => panic!("{program:?} does not count them"),
        }
    }

    /// Waits until all its sessions are up.
    pub fn establishes(&self) {
        for session in &self.instance.sessions {
            let what = format!("{:?} has its session with {}", self.router.program(), session.remote.name());
            wait(&what, SETTLED, || self.is_established(&session.remote)).unwrap();
        }
    }

    /// Whether the BFD session with the remote is up: BIRD and FRR.
    pub fn bfd_is_up(&self, remote: &Remote) -> bool {
        match self.router.program() {
            RouterProgram::Bird => bird::bfd_is_up(&self.router, remote).unwrap(),
            RouterProgram::Frr => frr::bfd_is_up(&self.router, remote).unwrap(),
            program @ (RouterProgram::GoBgp | RouterProgram::OpenBgpd | RouterProgram::ExaBgp) => {
                panic!("{program:?} has no BFD")
            }
        }
    }

    /// Waits until one session brought these routes, and no others.
    pub fn hears(&self, remote: &Remote, routes: &[(IpNet, Route)]) {
        let wanted: Table = routes.iter().cloned().collect();
        let mut last = None;
        let hears = wait("routes", SETTLED, || {
            last = Some(self.routes(remote));
            matches!(&last, Some(Ok(table)) if *table == wanted)
        });
        assert!(
            hears.is_ok(),
            "{:?} has from {}\n{last:#?}\nnot\n{wanted:#?}",
            self.router.program(),
            remote.name()
        );
    }

    /// Whether there is a route of that session to the prefix.
    pub fn has(&self, remote: &Remote, prefix: IpNet) -> bool {
        self.routes(remote).unwrap().contains_key(&prefix)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let name = self.router.space().name();
            println!("--- {:?} on {name}\n{}", self.router.program(), self.router.log());
        }
    }
}

fn configuration(program: RouterProgram, instance: &Instance) -> String {
    match program {
        RouterProgram::Bird => bird::configuration(instance),
        RouterProgram::Frr => frr::configuration(instance),
        RouterProgram::GoBgp => gobgp::configuration(instance),
        RouterProgram::OpenBgpd => openbgpd::configuration(instance),
        RouterProgram::ExaBgp => exabgp::configuration(instance),
    }
}
