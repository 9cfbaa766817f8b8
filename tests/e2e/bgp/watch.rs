//! Every change of a route in a router's kernel: what is asked for again and again may miss what lasts for a moment.

use std::io::Read;
use std::process::Stdio;

use anyhow::Result;
use ferrolb_lab::Running;
use ferrolb_tests::routing::Peer;
use ipnet::IpNet;
use nix::sys::signal::Signal;

use super::rack::node_v4;

/// A route that is watched.
pub(super) struct Watch {
    monitor: Running,
    prefix: IpNet,
}

/// The routes to a prefix that a kernel had, one after the other.
#[derive(Debug)]
pub(super) struct History(Vec<String>);

impl Watch {
    pub(super) fn start(router: &Peer, prefix: IpNet) -> Result<Self> {
        let space = router.router.space();
        let mut monitor = space.command(["ip", "-oneline", "monitor", "route"])?;
        Ok(Self { monitor: space.spawn(monitor.stdout(Stdio::piped()))?, prefix })
    }

    /// What has happened by now.
    pub(super) fn end(mut self) -> Result<History> {
        self.monitor.signal(Signal::SIGTERM)?;
        let mut told = String::new();
        self.monitor.child().stdout.take().expect("it was asked for").read_to_string(&mut told)?;
        let address = self.prefix.addr().to_string();
        let of_prefix = |line: &&str| line.split_whitespace().any(|word| word == address);
        Ok(History(told.lines().filter(of_prefix).map(str::to_owned).collect()))
    }
}

impl History {
    /// Whether there was a moment without a way over the node.
    pub(super) fn lacked(&self, node: &str) -> bool {
        let node = node_v4(node).to_string();
        self.0
            .iter()
            .any(|route| route.starts_with("Deleted") || !route.split_whitespace().any(|word| word == node))
    }
}
