//! How long a VIP is not served after its owner failed, without a cluster: three standalone speakers on a lab of network
//! namespaces, one VIP, one failure at a time.
//!
//! A run takes the time from right before the failure is made (so it holds the few milliseconds that `ip` or `nft` take)
//! to the first answer from another node, as two clients see it: one with a warm neighbour cache, that asks by UDP each
//! millisecond and follows gratuitous ARP, and one that asks by ARP each millisecond as if it had never heard of the VIP.
//! The later of the two counts. Then the failure is undone and all speakers agree again before the next.

mod cause;
mod clients;
mod rig;

use anyhow::{Context, Result, ensure};
use ferrolb_bench::{Report, Samples};

use crate::cause::Cause;
use crate::clients::Clients;
use crate::rig::Rig;

fn main() -> Result<()> {
    let runs = std::env::args().nth(1).unwrap_or_else(|| "100".into());
    let runs: u32 = runs.parse().with_context(|| format!("{runs:?} is no number of runs"))?;
    ensure!(runs > 0, "at least one run is needed");
    let rig = Rig::up()?;
    let measured = measure(&rig, runs);
    rig.down()?;
    measured?.finish()
}

fn measure(rig: &Rig, runs: u32) -> Result<Report> {
    let clients = Clients::start(rig)?;
    let mut report = Report::new("bench-failover");
    report.count("runs", runs.into());
    for cause in Cause::ALL {
        let mut both = Samples::default();
        let (mut warm, mut anew) = (Samples::default(), Samples::default());
        for run in 0..runs {
            let seen = once(rig, &clients, cause).with_context(|| format!("{} run {run}", cause.name()))?;
            warm.add(seen.0);
            anew.add(seen.1);
            both.add(seen.0.max(seen.1));
        }
        let key = |what: &str| format!("{}_{what}_ms", cause.name());
        for (name, share) in [("p50", 50), ("p99", 99), ("max", 100)] {
            report.value(&key(name), both.percentile(share));
        }
        report.value(&key("warm_p99"), warm.percentile(99)).value(&key("anew_p99"), anew.percentile(99));
        eprintln!(
            "{}: p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms of {}",
            cause.name(),
            both.median(),
            both.percentile(99),
            both.max(),
            both.len()
        );
    }
    rig.settle(&clients)?;
    report.value("speaker_rss_mib", rig.speaker_mib()?);
    Ok(report)
}

/// One failure: milliseconds until the warm client and the one that asks anew were answered by another node.
fn once(rig: &Rig, clients: &Clients, cause: Cause) -> Result<(f64, f64)> {
    let owner = rig.settle(clients)?;
    let mark = clients.mark();
    let injected = cause.inject(rig, &owner)?;
    let found = clients.another_than(&owner, mark);
    cause.undo(rig, &owner)?;
    let (warm, anew) = found?;
    Ok((milliseconds(injected, warm), milliseconds(injected, anew)))
}

fn milliseconds(from: u64, to: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an outage is far below 2^53 ns")]
    let nanoseconds = to.saturating_sub(from) as f64;
    nanoseconds / 1e6
}
