//! A client that asks each millisecond while something is done on purpose: none of its requests may be lost.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Result, ensure};
use ferrolb_lab::Lab;
use ferrolb_lab::probe::{Probe, Witness, monotonic_ns};

use crate::proxy::kube_proxy_knows;
use crate::wait::{PATIENCE, wait_for};

/// An answer that is later than this is none; what was sent since is on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(500);

/// The client, and since when it is watched.
pub(crate) struct Flow {
    address: IpAddr,
    probe: Probe,
    since: u64,
}

impl Flow {
    /// Starts it once kube-proxy knows the VIP on every node: where it does not, a flow that moves there is not translated, whoever
    /// answers ARP. `probe` returns a client that gets answers.
    pub(crate) fn start(lab: &Lab, address: IpAddr, probe: impl FnOnce() -> Result<Probe>) -> Result<Self> {
        for node in lab.nodes() {
            wait_for("kube-proxy knows the VIP", PATIENCE, || kube_proxy_knows(&node, address))?;
        }
        let probe = probe()?;
        Ok(Self { address, probe, since: monotonic_ns() })
    }

    /// Who has begun to answer since the beginning.
    pub(crate) fn servers(&self) -> Vec<String> {
        let report = self.probe.so_far();
        let servers = report.servers(Witness::Datagram);
        servers.into_iter().filter(|(at, _)| *at > self.since).map(|(_, name)| name.to_owned()).collect()
    }

    /// Ends it: no request since the beginning went unanswered.
    pub(crate) fn lost_nothing(self) -> Result<()> {
        sleep(ON_ITS_WAY);
        let until = monotonic_ns();
        sleep(ON_ITS_WAY);
        let report = self.probe.finish()?;
        let gaps = report.gaps(Witness::Datagram);
        let lost: Vec<_> = gaps
            .into_iter()
            .filter(|(from, _, lost)| *lost > 0 && (self.since..until).contains(from))
            .collect();
        let sent = report.counts(Witness::Datagram).map(|counts| counts.sent);
        println!("{}: of {sent:?} datagrams these were lost: {lost:?}", self.address);
        ensure!(lost.is_empty(), "lost in what was planned, from, to, how many: {lost:?}");
        Ok(())
    }
}
