use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ferrolb_bgp::session::Opening;
use ferrolb_sansio::Instant;

use super::line::words;
use super::message::PeerSetup;
use crate::sys::Poller;
use crate::sys::tcp::{Connection, Hops, Listener, Password};

/// The doors by which peers come in, one a family, open only while somebody may.
#[derive(Debug, Default)]
pub(super) struct Doors {
    v4: Door,
    v6: Door,
}

#[derive(Debug, Default)]
struct Door {
    listener: Option<Listener>,
    /// Whose segments must be signed, and with what.
    signed: BTreeMap<IpAddr, Password>,
    /// Why it cannot be opened, and when to try again.
    shut: Option<(String, Instant)>,
}

impl Doors {
    /// Opens, shuts and locks the doors as the peers need them; what went wrong and was not told yet.
    pub(super) fn set<'a>(
        &mut self,
        now: Instant,
        peers: &(impl Iterator<Item = &'a PeerSetup> + Clone),
        poller: &Poller,
    ) -> Vec<String> {
        let mut problems = Vec::new();
        for (door, v4) in [(&mut self.v4, true), (&mut self.v6, false)] {
            let expected =
                peers.clone().filter(|plan| waits_for(plan) && plan.remote.address.is_ipv4() == v4);
            let before = door.shut.as_ref().map(|(problem, _)| problem.clone());
            door.set(now, v4, expected, poller);
            let problem = door.shut.as_ref().map(|(problem, _)| problem);
            problems.extend(problem.filter(|problem| before.as_ref() != Some(problem)).cloned());
        }
        problems
    }

    /// When to try again what failed.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [&self.v4, &self.v6].into_iter().filter_map(|door| door.shut.as_ref().map(|(_, at)| *at)).min()
    }

    /// Why the peer cannot come in though it should.
    pub(super) fn obstacle(&self, plan: &PeerSetup) -> Option<String> {
        let door = if plan.remote.address.is_ipv4() { &self.v4 } else { &self.v6 };
        let problem = door.shut.as_ref().map(|(problem, _)| problem.clone());
        problem.filter(|_| waits_for(plan))
    }

    /// The next who wants to come in by the door of this number, if it is one: the connection, the address it is from, and the
    /// interface's index for a link-local one.
    pub(super) fn next(&self, number: u64) -> Option<(Connection, IpAddr, u32)> {
        let door = match number {
            DOOR_V4 => &self.v4,
            DOOR_V6 => &self.v6,
            _ => return None,
        };
        // Without file descriptors it waits in the kernel.
        door.listener.as_ref()?.accept().ok()?
    }
}

/// Numbers of doors with the poller; connections have greater ones.
pub(super) const DOOR_V4: u64 = 0;
pub(super) const DOOR_V6: u64 = 1;

pub(super) fn waits_for(plan: &PeerSetup) -> bool {
    match plan.settings.opening {
        Opening::Passive | Opening::Either => true,
        Opening::Active => false,
    }
}

impl Door {
    fn set<'a>(
        &mut self,
        now: Instant,
        v4: bool,
        expected: impl Iterator<Item = &'a PeerSetup> + Clone,
        poller: &Poller,
    ) {
        if expected.clone().next().is_none() {
            *self = Self::default();
            return;
        }
        let wanted: BTreeMap<IpAddr, Password> =
            expected.clone().filter_map(|plan| Some((plan.remote.address, plan.password.clone()?))).collect();
        let hops = expected.map(|plan| plan.hops);
        match self.open(v4, poller).and_then(|()| self.lock(wanted, hops)) {
            Ok(()) => self.shut = None,
            Err(error) => {
                let why = words(&error);
                let family = if v4 { "IPv4" } else { "IPv6" };
                let problem = format!(
                    "no peer can connect by {family}, because port {} cannot be listened on ({why}); is another BGP \
                     speaker on this node, such as the network plugin's?",
                    ferrolb_bgp::PORT
                );
                self.shut = Some((problem, now + AGAIN));
            }
        }
    }

    fn open(&mut self, v4: bool, poller: &Poller) -> std::io::Result<()> {
        if self.listener.is_none() {
            let listener = Listener::open(v4, ferrolb_bgp::PORT)?;
            poller.add(&listener, if v4 { DOOR_V4 } else { DOOR_V6 }, false)?;
            self.listener = Some(listener);
            self.signed.clear();
        }
        Ok(())
    }

    fn lock(
        &mut self,
        wanted: BTreeMap<IpAddr, Password>,
        hops: impl Iterator<Item = Hops>,
    ) -> std::io::Result<()> {
        let Some(listener) = &self.listener else { return Ok(()) };
        for peer in self.signed.keys().filter(|peer| !wanted.contains_key(*peer)) {
            listener.sign(*peer, None)?;
        }
        for (peer, password) in
            wanted.iter().filter(|(peer, password)| self.signed.get(*peer) != Some(*password))
        {
            listener.sign(*peer, Some(password))?;
        }
        self.signed = wanted;
        listener.limit(hops)
    }
}

/// After so long a port that was taken may be free.
const AGAIN: Duration = Duration::from_secs(10);
