//! Waiting between two failures until all is as it should be.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::clients::Clients;
use crate::rig::{Rig, Scheduling};

const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// How long everything must have been as it should be.
const SETTLED_FOR: Duration = Duration::from_millis(200);
const GLANCE: Duration = Duration::from_millis(100);

/// Waits until both clients are served by one node, which owns the VIP while the other speakers stand by; that node.
pub(crate) fn speakers(rig: &Rig, clients: &Clients, scheduling: Scheduling) -> Result<String> {
    settle(clients, |node| {
        let owners = rig.owners(scheduling, 1)?;
        ensure!(owners.get(node) == Some(&1), "{node} answers, and the VIP is owned thus: {owners:?}");
        Ok(())
    })
}

/// Waits until both clients have been served by one and the same node for a while, of which `check` approves; that node.
pub(crate) fn settle(clients: &Clients, check: impl Fn(&str) -> Result<()>) -> Result<String> {
    let end = Instant::now() + SETTLED_WITHIN;
    let (mut last, mut since) = (None, Instant::now());
    loop {
        let began = Instant::now();
        clients.mark();
        sleep(GLANCE);
        let node = clients.only_node().and_then(|node| check(&node).map(|()| node));
        match node {
            Ok(node) if last.as_ref() == Some(&node) => {
                if since.elapsed() >= SETTLED_FOR {
                    return Ok(node);
                }
            }
            Ok(node) => (last, since) = (Some(node), began),
            Err(error) if Instant::now() > end => return Err(error.context("the nodes do not settle")),
            Err(_) => last = None,
        }
    }
}
