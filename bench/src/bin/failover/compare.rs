//! One VIP, one failure of its owner at a time: the speakers with and without real-time scheduling, and keepalived, by turns.
//!
//! A run takes the time from right before the failure is made (so it holds the few milliseconds that `ip`, `nft` or finding
//! the process take) to the first answer from another node, as two clients see it: one with a warm neighbour cache, that
//! asks by UDP each millisecond and follows gratuitous ARP, and one that asks by ARP each millisecond as if it had never
//! heard of the VIP. The later of the two counts. Then the failure is undone and all agree again before the next.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use ferrolb_bench::{Report, Samples};

use crate::cause::Cause;
use crate::clients::Clients;
use crate::plan::Plan;
use crate::rig::Rig;
use crate::subject::Subject;

/// Milliseconds until a client was answered by another node.
#[derive(Debug, Default)]
struct Outages {
    /// The later of the two.
    both: Samples,
    warm: Samples,
    anew: Samples,
}

pub(crate) fn measure(rig: &Rig, plan: &Plan, report: &mut Report) -> Result<()> {
    let mut outages: BTreeMap<(Subject, Cause), Outages> = BTreeMap::new();
    for turn in 0..plan.turns {
        for subject in Subject::ALL {
            subject.start(rig)?;
            let clients = Clients::start(rig, subject.vip())?;
            for cause in Cause::ALL {
                for run in share(plan.failures(subject, cause), turn, plan.turns) {
                    let (warm, anew) = once(rig, subject, &clients, cause)
                        .with_context(|| format!("{subject:?}, {} run {run}", cause.name()))?;
                    let outages = outages.entry((subject, cause)).or_default();
                    outages.both.add(warm.max(anew));
                    outages.warm.add(warm);
                    outages.anew.add(anew);
                }
            }
        }
    }
    for ((subject, cause), outages) in &outages {
        tell(report, *subject, *cause, outages);
    }
    Ok(())
}

/// The runs of one turn, of `runs` in all.
fn share(runs: u32, turn: u32, turns: u32) -> std::ops::Range<u32> {
    runs * turn / turns..runs * (turn + 1) / turns
}

/// One failure: milliseconds until the warm client and the one that asks anew were answered by another node.
fn once(rig: &Rig, subject: Subject, clients: &Clients, cause: Cause) -> Result<(f64, f64)> {
    let owner = subject.settle(rig, clients)?;
    let mark = clients.mark();
    let injected = cause.inject(rig, subject, &owner)?;
    let found = clients.another_than(&owner, mark);
    cause.undo(rig, subject, &owner)?;
    let (warm, anew) = found?;
    Ok((milliseconds(injected, warm), milliseconds(injected, anew)))
}

/// Nanoseconds of the clients' clock as a distance in milliseconds.
pub(crate) fn milliseconds(from: u64, to: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "an outage is far below 2^53 ns")]
    let nanoseconds = to.saturating_sub(from) as f64;
    nanoseconds / 1e6
}

fn tell(report: &mut Report, subject: Subject, cause: Cause, Outages { both, warm, anew }: &Outages) {
    for (name, share) in [("p50", 50), ("p99", 99), ("max", 100)] {
        report.value(&subject.key(cause, name), both.percentile(share));
    }
    report
        .value(&subject.key(cause, "warm_p99"), warm.percentile(99))
        .value(&subject.key(cause, "anew_p99"), anew.percentile(99));
    eprintln!(
        "{subject:?}, {}: p50 {:.0} ms, p99 {:.0} ms, longest {:.0} ms of {}",
        cause.name(),
        both.median(),
        both.percentile(99),
        both.max(),
        both.len()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_share_all_runs() {
        let shares: Vec<_> = (0..3).map(|turn| share(100, turn, 3)).collect();
        assert_eq!(shares, [0..33, 33..66, 66..100]);
    }
}
