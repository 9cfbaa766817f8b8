//! Answers and ownership while all processors of the machine are busy with ordinary work: what a speaker is scheduled
//! with decides whether it answers in time, and nobody may take over from an owner that lives.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ferrolb_bench::Report;
use ferrolb_lab::{Lab, Running};

use crate::arp;
use crate::plan::Plan;
use crate::rig::{Rig, Scheduling};
use crate::vips::{VIP, Vips};

/// How often the speakers' counters are read; they are as old as this themselves.
const PERIOD: Duration = Duration::from_secs(1);
/// n2's own address, for which its kernel answers: as fast as anybody can in the lab.
const OF_A_NODE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 12);
/// Each question is another host's, and a kernel that knows twice as many neighbours answers no new ones.
const NEIGHBOURS: u32 = 500;
/// Counters of different speakers that belong together may be this many readings apart.
const APART: usize = 2;

pub(crate) fn measure(rig: &Rig, plan: &Plan, report: &mut Report) -> Result<()> {
    report.value("busy_s", plan.busy.as_secs_f64());
    for (scheduling, prefix) in [(Scheduling::Realtime, ""), (Scheduling::Ordinary, "ordinary_")] {
        rig.deploy(scheduling, &Vips::one())?;
        let (series, latencies, kernels) = {
            let lab = &rig.lab;
            let _load = Load::start(lab)?;
            thread::scope(|scope| {
                let asking = scope.spawn(|| {
                    let latencies = arp::latencies(lab, VIP, plan.questions)?;
                    anyhow::Ok((latencies, arp::latencies(lab, OF_A_NODE, plan.questions.min(NEIGHBOURS))?))
                });
                let series = watch(rig, plan.busy);
                let asked = asking.join().map_err(|_| anyhow::anyhow!("the asking thread panicked"))?;
                let (latencies, kernels) = asked?;
                anyhow::Ok((series?, latencies, kernels))
            })?
        };
        let (first, last) = (&series[0], &series[series.len() - 1]);
        let gaps = last.gaps.iter().sum::<u64>() - first.gaps.iter().sum::<u64>();
        report
            .value(&format!("{prefix}arp_p50_us"), latencies.median())
            .value(&format!("{prefix}arp_p99_us"), latencies.percentile(99))
            .value(&format!("{prefix}arp_max_us"), latencies.max())
            .value(&format!("{prefix}kernel_arp_p50_us"), kernels.median())
            .value(&format!("{prefix}kernel_arp_p99_us"), kernels.percentile(99))
            .count(&format!("{prefix}false_takeovers"), false_takeovers(&series))
            .count(&format!("{prefix}takeovers"), last.take_overs - first.take_overs)
            .count(&format!("{prefix}long_gaps"), gaps);
        eprintln!(
            "busy, {scheduling:?}: ARP p50 {:.0} µs, p99 {:.0} µs (the kernel {:.0} and {:.0}), {} take-overs, {gaps} long gaps",
            latencies.median(),
            latencies.percentile(99),
            kernels.median(),
            kernels.percentile(99),
            last.take_overs - first.take_overs
        );
    }
    Ok(())
}

/// Loops that do nothing but run, twice as many as there are processors, spread over the nodes; dropping it ends them.
struct Load(#[expect(dead_code, reason = "held for its end")] Vec<Running>);

impl Load {
    fn start(lab: &Lab) -> Result<Self> {
        let nodes = lab.nodes();
        let loops = 2 * thread::available_parallelism()?.get();
        let spin = |place: usize| {
            let node = &nodes[place % nodes.len()];
            let mut command = node.command(["sh", "-c", "while :; do :; done"])?;
            node.spawn(command.stdin(Stdio::null()))
        };
        Ok(Self((0..loops).map(spin).collect::<Result<_>>()?))
    }
}

/// What the speakers counted until one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Reading {
    /// Of all speakers.
    take_overs: u64,
    /// Of each: times its thread stood still for longer than D − 2 T.
    gaps: Vec<u64>,
    /// The place of who owns the VIP, if one does.
    owner: Option<usize>,
}

fn watch(rig: &Rig, time: Duration) -> Result<Vec<Reading>> {
    let end = Instant::now() + time;
    let mut series = vec![read(rig)?];
    while Instant::now() < end {
        thread::sleep(PERIOD);
        series.push(read(rig)?);
    }
    // What happened last is in the counters only now.
    thread::sleep(2 * PERIOD);
    series.push(read(rig)?);
    Ok(series)
}

fn read(rig: &Rig) -> Result<Reading> {
    let mut reading = Reading::default();
    for (place, node) in rig.nodes().iter().enumerate() {
        let metrics = rig.metrics(node).context("a busy speaker does not say how it is")?;
        let take_over = metrics.sum("ferrolb_speaker_ownership_changes_total", &["cause=\"take-over\""]);
        let gaps = metrics.sum("ferrolb_speaker_late_wakeups_total", &["severity=\"unheard\""]);
        reading.take_overs += take_over as u64;
        reading.gaps.push(gaps as u64);
        if metrics.sum("ferrolb_speaker_vips", &["state=\"owner\""]) == 1.0 {
            reading.owner = Some(place);
        }
    }
    Ok(reading)
}

/// Take-overs around which the owner's own thread did not stand still for longer than D − 2 T.
fn false_takeovers(series: &[Reading]) -> u64 {
    let mut found = 0;
    for now in 1..series.len() {
        let taken = series[now].take_overs - series[now - 1].take_overs;
        let owner = series[..now].iter().rev().find_map(|reading| reading.owner);
        let before = &series[now.saturating_sub(APART)];
        let after = &series[(now + APART).min(series.len() - 1)];
        let stood_still = owner.is_some_and(|owner| after.gaps[owner] > before.gaps[owner]);
        if !stood_still {
            found += taken;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(take_overs: u64, gaps: [u64; 2], owner: usize) -> Reading {
        Reading { take_overs, gaps: gaps.to_vec(), owner: Some(owner) }
    }

    #[test]
    fn a_take_over_is_false_unless_the_owner_stood_still() {
        let quiet = reading(3, [1, 0], 0);
        assert_eq!(false_takeovers(&[quiet.clone(), quiet.clone()]), 0);
        let own_fault = [quiet.clone(), quiet.clone(), reading(4, [2, 0], 1)];
        assert_eq!(false_takeovers(&own_fault), 0);
        let told_later = [quiet.clone(), reading(4, [1, 0], 1), reading(4, [2, 0], 1)];
        assert_eq!(false_takeovers(&told_later), 0);
        let takers_fault = [quiet.clone(), reading(4, [1, 5], 1)];
        assert_eq!(false_takeovers(&takers_fault), 1);
        let long_ago = [reading(3, [0, 0], 0), quiet.clone(), quiet.clone(), quiet, reading(5, [1, 0], 1)];
        assert_eq!(false_takeovers(&long_ago), 2);
    }
}
