//! How long VIPs are not served when their owner fails or leaves, what the speakers cost meanwhile, and keepalived beside
//! them: three nodes without a cluster, on a lab of network namespaces. README.md beside the crate defines each figure.

mod arp;
mod bounds;
mod busy;
mod cause;
mod clients;
mod compare;
mod flows;
mod handover;
mod idle;
mod keepalived;
mod many;
mod plan;
mod rig;
mod settle;
mod subject;
mod vips;

use std::time::Instant;

use anyhow::{Context, Result};
use clap::Parser as _;
use ferrolb_bench::Report;

use crate::plan::{Args, Part, Plan};
use crate::rig::Rig;

fn main() -> Result<()> {
    let plan = Plan::of(Args::parse());
    let rig = Rig::up()?;
    let measured = measure(&rig, &plan);
    rig.down()?;
    let report = measured?;
    report.finish()?;
    bounds::check(&report, &plan)
}

fn measure(rig: &Rig, plan: &Plan) -> Result<Report> {
    let mut report = Report::new("bench-failover");
    report.count("runs", plan.runs.into());
    for part in plan.parts() {
        let began = Instant::now();
        match part {
            Part::Causes => compare::measure(rig, plan, &mut report),
            Part::Many => many::measure(rig, plan, &mut report),
            Part::Handover => handover::measure(rig, plan, &mut report),
            Part::Busy => busy::measure(rig, plan, &mut report),
            Part::Idle => idle::measure(rig, plan, &mut report),
        }
        .with_context(|| format!("{part:?}"))?;
        rig.stop_all()?;
        eprintln!("{part:?} took {:.0} s", began.elapsed().as_secs_f64());
    }
    Ok(report)
}
