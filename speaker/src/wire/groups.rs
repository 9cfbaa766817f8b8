//! Joining groups takes the kernel up to a millisecond each, so a thread without a deadline does it.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use crate::sys::Groups;

/// What an interface is to be a member of.
#[derive(Debug)]
pub(super) enum Wish {
    /// These groups, sorted.
    Member { index: u32, name: Arc<str>, groups: Vec<IpAddr> },
    /// Nothing any more.
    Gone(u32),
}

/// Fulfils wishes until nobody can have any more. What the kernel would not do it is asked for again now and then.
pub(super) fn fulfil(wishes: &Receiver<Wish>) {
    let mut members: BTreeMap<u32, Member> = BTreeMap::new();
    loop {
        let complete = members.values().all(|member| member.complete);
        let wish = if complete { wishes.recv().map_err(Into::into) } else { wishes.recv_timeout(RETRY) };
        match wish {
            Ok(Wish::Member { index, name, groups }) => {
                let member = members.entry(index).or_insert_with(|| Member::new(index, &name));
                member.wanted = groups;
                member.join(|group, error| {
                    tracing::warn!(interface = %name, %group, %error, "A multicast group cannot be joined; it is tried again.");
                });
            }
            Ok(Wish::Gone(index)) => drop(members.remove(&index)),
            Err(RecvTimeoutError::Timeout) => {
                for member in members.values_mut().filter(|member| !member.complete) {
                    member.join(|_, _| ());
                }
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// One interface.
struct Member {
    groups: Groups,
    wanted: Vec<IpAddr>,
    /// Whether it is a member of all of them, and switches are told.
    complete: bool,
}

impl Member {
    fn new(index: u32, name: &str) -> Self {
        Self { groups: Groups::new(index, name, ferrolb_ownership::PORT), wanted: Vec::new(), complete: true }
    }

    fn join(&mut self, failed: impl FnMut(IpAddr, std::io::Error)) {
        self.complete = self.groups.set(&self.wanted, failed);
    }
}

/// From one attempt to the next.
const RETRY: Duration = Duration::from_secs(5);
