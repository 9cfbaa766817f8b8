//! Faults by command: `ferrolb-lab fault …`.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::Result;
use clap::Subcommand;

use crate::lab::Lab;
use crate::switch::{Direction, Querier};

/// What can go wrong. Hosts are named as their ports are: n1, client, cp, router; n1-eth1, client2.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Fault {
    /// Pull a cable out.
    LinkDown { host: String },
    /// Put it back.
    LinkUp { host: String },
    /// Drop all frames from and to a host, whose carrier stays.
    Silence { host: String },
    /// Let them pass again.
    Unsilence { host: String },
    /// Lose frames from one host to another, in this direction only.
    Lose {
        from: String,
        to: String,
        #[arg(default_value_t = 100)]
        percent: u8,
    },
    /// Part sets of hosts from one another: `partition n1,client n2,n3`.
    Partition {
        #[arg(required = true, num_args = 2..)]
        sets: Vec<String>,
    },
    /// End every loss and partition.
    Heal,
    /// Keep frames to a multicast group from passing a port.
    FilterGroup { way: Direction, host: String, group: IpAddr },
    /// Let them pass again.
    UnfilterGroup { way: Direction, host: String, group: IpAddr },
    /// Let only so many broadcast and multicast frames of a host pass.
    CapStorms {
        host: String,
        per_second: u32,
        #[arg(default_value_t = 5)]
        at_once: u32,
    },
    /// Let all pass again.
    UncapStorms { host: String },
    /// Keep hosts from hearing one another, as in a private VLAN.
    Isolate { hosts: Vec<String> },
    /// Let them hear one another again.
    Unisolate { hosts: Vec<String> },
    /// Make the switch learn who wants which multicast group.
    Snoop { querier: Querier },
    /// End that.
    Unsnoop,
    /// Make ports wait twice this many seconds after they come up.
    SpanTree { forward_delay: u64 },
}

impl Fault {
    pub(crate) fn inflict(&self, lab: &Lab) -> Result<()> {
        match self {
            Self::LinkDown { host } => lab.link_down(host),
            Self::LinkUp { host } => lab.link_up(host),
            Self::Silence { host } => lab.silence(host),
            Self::Unsilence { host } => lab.unsilence(host),
            Self::Lose { from, to, percent } => lab.lose(from, to, *percent),
            Self::Partition { sets } => {
                let sets: Vec<Vec<&str>> = sets.iter().map(|set| set.split(',').collect()).collect();
                lab.partition(&sets.iter().map(Vec::as_slice).collect::<Vec<_>>())
            }
            Self::Heal => lab.heal(),
            Self::FilterGroup { way, host, group } => lab.filter_group(*way, host, *group),
            Self::UnfilterGroup { way, host, group } => lab.unfilter_group(*way, host, *group),
            Self::CapStorms { host, per_second, at_once } => lab.cap_storms(host, *per_second, *at_once),
            Self::UncapStorms { host } => lab.uncap_storms(host),
            Self::Isolate { hosts } => lab.isolate(&names(hosts)),
            Self::Unisolate { hosts } => lab.unisolate(&names(hosts)),
            Self::Snoop { querier } => lab.snoop(*querier),
            Self::Unsnoop => lab.unsnoop(),
            Self::SpanTree { forward_delay } => lab.span_tree(Duration::from_secs(*forward_delay)),
        }
    }
}

fn names(hosts: &[String]) -> Vec<&str> {
    hosts.iter().map(String::as_str).collect()
}
