//! A node: a table of sessions, and a process that may stop, die or be late.

use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use ferrolb_bfd::{Heard, Hops, Path, Profile, Table};
use ferrolb_sansio::{Instant, Rng};

pub(crate) struct Node {
    pub(crate) table: Table,
    /// The nodes it has sessions with, and how.
    pub(crate) wanted: Vec<(usize, Profile)>,
    /// What arrived while it did not run; `None` while it does.
    pub(crate) stopped: Option<Stop>,
    /// When its loop wakes next.
    pub(crate) wake: Option<Instant>,
    /// How late its loop may be, and the most that this ever was.
    pub(crate) lateness: Duration,
    pub(crate) most_late: Duration,
    /// When it last went on after it had been stopped.
    pub(crate) went_on: Instant,
}

pub(crate) enum Stop {
    /// The process does not run; its socket goes on.
    Frozen(Vec<(Instant, usize, Rc<[u8]>)>),
    /// The machine does not run.
    Paused,
    /// There is no process.
    Dead,
}

impl Node {
    pub(crate) fn new(now: Instant, seed: u64, wanted: &[(usize, Profile)]) -> Self {
        let mut table = Table::new(64, Rng::new(seed));
        for (peer, profile) in wanted {
            table.want(now, path(*peer), *profile).unwrap();
        }
        Self {
            table,
            wanted: wanted.to_vec(),
            stopped: None,
            wake: None,
            lateness: Duration::ZERO,
            most_late: Duration::ZERO,
            went_on: now,
        }
    }
}

pub(crate) fn address(node: usize) -> IpAddr {
    IpAddr::from([192, 0, 2, u8::try_from(node + 1).unwrap()])
}

pub(crate) fn path(peer: usize) -> Path {
    Path::new(Hops::Single, address(peer), None, None).unwrap()
}

pub(crate) fn peer_of(path: &Path) -> usize {
    match path.peer() {
        IpAddr::V4(address) => usize::from(address.octets()[3]) - 1,
        IpAddr::V6(_) => unreachable!("nodes have IPv4 addresses"),
    }
}

pub(crate) fn heard(from: usize, to: usize) -> Heard {
    Heard { hops: Hops::Single, source: address(from), destination: address(to), interface: 2, ttl: 255 }
}

/// A datagram as the virtual switch carries it: who, from whom, what.
pub(crate) fn frame(from: usize, to: usize, payload: &[u8]) -> Vec<u8> {
    let mac = |node: usize| [2, 0, 0, 0, 0, u8::try_from(node).unwrap()];
    [&mac(to)[..], &mac(from), payload].concat()
}
