use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use ferrolb_neighbor::advertising::{AdvertisingInterface, Event};
use ferrolb_sansio::{Instant, Rng};

use super::doors::DOOR_V6;
use super::line::words;
use super::message::Routers;
use crate::interfaces::LinkLocal;
use crate::sys::{Poller, RouterSocket};

/// The interfaces on which this node and a router find each other by router advertisements. There is one socket for all of them,
/// and none while there is no such interface.
#[derive(Debug, Default)]
pub(super) struct Links {
    wanted: Vec<LinkLocal>,
    socket: Option<RouterSocket>,
    links: BTreeMap<u32, Link>,
    routers: Routers,
    /// Whether the routers are others than was told.
    untold: bool,
    /// When to try again to open the socket.
    again: Option<Instant>,
    message: Vec<u8>,
}

#[derive(Debug)]
struct Link {
    link: LinkLocal,
    interface: AdvertisingInterface,
}

/// The number of the socket with the poller; connections have greater ones.
pub(super) const LINKS: u64 = DOOR_V6 + 1;

impl Links {
    /// These are all from now on. One of another hardware address, or with other addresses, begins anew.
    pub(super) fn set(&mut self, now: Instant, wanted: Vec<LinkLocal>, poller: &Poller, rng: &mut Rng) {
        self.wanted = wanted;
        let Self { wanted, socket, links, routers, .. } = self;
        links.retain(|index, known| {
            let stays = wanted.contains(&known.link);
            if !stays {
                self.untold |= routers.heard.remove(index).is_some();
                // It may be gone, and the membership with it.
                let _ = socket.as_ref().map(|socket| socket.leave(*index));
            }
            stays
        });
        if wanted.is_empty() {
            *socket = None;
        }
        self.open(now, poller, rng);
    }

    /// When something is to be done next.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.links.values().filter_map(|link| link.interface.poll_timeout()).chain(self.again).min()
    }

    /// Hears what has come, up to a limit.
    pub(super) fn receive(&mut self, now: Instant, buffer: &mut [u8]) {
        let Some(socket) = &mut self.socket else { return };
        for _ in 0..MESSAGES {
            // What the kernel cannot describe is of no use, and taken away all the same.
            let Ok(Some(heard)) = socket.receive(buffer) else { return };
            if let Some(link) = self.links.get_mut(&heard.interface) {
                let message = buffer.get(..heard.len).unwrap_or_default();
                link.interface.handle_message(now, heard.source, heard.hop_limit, message);
            }
        }
    }

    /// Does what is due. `stands` says whether a session over the interface with this index does.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        poller: &Poller,
        rng: &mut Rng,
        stands: impl Fn(u32) -> bool,
    ) {
        if self.again.is_some_and(|at| at <= now) {
            self.open(now, poller, rng);
        }
        let Some(socket) = &self.socket else { return };
        for (&index, Link { link, interface }) in &mut self.links {
            interface.set_session(now, stands(index));
            if interface.poll_timeout().is_some_and(|due| due <= now) {
                interface.handle_timeout(now);
            }
            while let Some(to) = interface.poll_transmit(&mut self.message) {
                let sent = link.addresses.first().map(|own| socket.send(index, *own, to, &self.message));
                if to.is_multicast() && !matches!(sent, Some(Ok(()))) {
                    interface.handle_unsent(now);
                }
            }
            let heard = &mut self.routers.heard;
            let before = heard.get(&index).copied();
            match interface.poll_event() {
                Some(Event::Router(router)) => drop(heard.insert(index, router)),
                Some(Event::Silent) => drop(heard.remove(&index)),
                None => {}
            }
            self.untold |= heard.get(&index).copied() != before;
        }
    }

    /// The routers, if they are others than was told.
    pub(super) fn untold(&self) -> Option<&Routers> {
        self.untold.then_some(&self.routers)
    }

    /// The routers were told.
    pub(super) fn set_told(&mut self) {
        self.untold = false;
    }

    /// Opens the socket if it is not, and begins with the interfaces that are new.
    fn open(&mut self, now: Instant, poller: &Poller, rng: &mut Rng) {
        self.again = None;
        if self.wanted.is_empty() {
            return self.set_problem(None);
        }
        let socket = match self.socket.take().map_or_else(|| opened(poller), Ok) {
            Ok(socket) => socket,
            Err(error) => {
                self.again = Some(now + AGAIN);
                let why = words(&error);
                return self.set_problem(Some(format!(
                    "router advertisements can be neither sent nor heard: {why}"
                )));
            }
        };
        for link in &self.wanted {
            self.links.entry(link.index).or_insert_with(|| {
                // Without it solicitations are not heard; all else is.
                let _ = socket.join(link.index);
                let interface = AdvertisingInterface::new(now, link.mac, link.addresses.clone(), rng.next());
                Link { link: link.clone(), interface }
            });
        }
        self.socket = Some(socket);
        self.set_problem(None);
    }

    fn set_problem(&mut self, problem: Option<String>) {
        self.untold |= self.routers.problem != problem;
        self.routers.problem = problem;
    }
}

fn opened(poller: &Poller) -> io::Result<RouterSocket> {
    let socket = RouterSocket::open()?;
    poller.add(&socket, LINKS, false)?;
    Ok(socket)
}

/// After so long whatever hinders may have passed.
const AGAIN: Duration = Duration::from_secs(10);
/// Heard in one turn.
const MESSAGES: usize = 16;
