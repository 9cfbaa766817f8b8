//! Who is compared.

use std::net::Ipv4Addr;

use anyhow::Result;

use crate::cause::Cause;
use crate::clients::Clients;
use crate::keepalived;
use crate::rig::{Rig, Scheduling};
use crate::settle;
use crate::vips::{VIP, Vips};

/// Something that keeps one VIP answered by one of three nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    /// Speakers with real-time scheduling.
    Realtime,
    /// Speakers without.
    Ordinary,
    /// keepalived.
    Keepalived,
}

impl Subject {
    pub(crate) const ALL: [Self; 3] = [Self::Realtime, Self::Keepalived, Self::Ordinary];

    /// The key of a figure about a cause. keepalived has one VIP that falls silent above all.
    pub(crate) fn key(self, cause: Cause, what: &str) -> String {
        let cause_name = cause.name();
        match (self, cause) {
            (Self::Realtime, _) => format!("{cause_name}_{what}_ms"),
            (Self::Ordinary, _) => format!("ordinary_{cause_name}_{what}_ms"),
            (Self::Keepalived, Cause::Silent) => format!("keepalived_{what}_ms"),
            (Self::Keepalived, Cause::Link | Cause::Freeze | Cause::Kill) => {
                format!("keepalived_{cause_name}_{what}_ms")
            }
        }
    }

    /// Its VIP.
    pub(crate) fn vip(self) -> Ipv4Addr {
        match self {
            Self::Realtime | Self::Ordinary => VIP,
            Self::Keepalived => keepalived::VIP,
        }
    }

    /// Starts it on all nodes, in place of what runs there.
    pub(crate) fn start(self, rig: &Rig) -> Result<()> {
        match self {
            Self::Realtime => rig.deploy(Scheduling::Realtime, &Vips::one()),
            Self::Ordinary => rig.deploy(Scheduling::Ordinary, &Vips::one()),
            Self::Keepalived => keepalived::start_all(rig),
        }
    }

    /// Starts it on one node again, after it was killed there.
    pub(crate) fn restart(self, rig: &Rig, node: &str) -> Result<()> {
        match self {
            Self::Realtime => rig.start_speaker(node, Scheduling::Realtime),
            Self::Ordinary => rig.start_speaker(node, Scheduling::Ordinary),
            Self::Keepalived => keepalived::start(rig, node),
        }
    }

    /// Its processes on one node.
    pub(crate) fn processes(self, rig: &Rig, node: &str) -> Result<Vec<i32>> {
        match self {
            Self::Realtime | Self::Ordinary => Ok(vec![rig.speaker(node)?]),
            Self::Keepalived => keepalived::processes(rig, node),
        }
    }

    /// Waits until both clients are served by one node, and all nodes agree that it is this one; that node.
    pub(crate) fn settle(self, rig: &Rig, clients: &Clients) -> Result<String> {
        match self {
            Self::Realtime => settle::speakers(rig, clients, Scheduling::Realtime),
            Self::Ordinary => settle::speakers(rig, clients, Scheduling::Ordinary),
            // It tells nobody what it thinks; that the clients hear one node alone has to do.
            Self::Keepalived => settle::settle(clients, |_| Ok(())),
        }
    }
}
