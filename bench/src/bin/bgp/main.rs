//! How soon routers have what a speaker was told: a batch of VIPs in BIRD's table, beside messages that were packed
//! beforehand, one change among many on the wire, and a Service that is created in a cluster. README.md beside the crate
//! defines each figure.
//!
//! For the first two the speaker's own parts are driven from here, without the API server that would tell them, because the
//! clock starts when the speaker has read what changed.

mod batch;
mod bird;
mod bounds;
mod change;
mod cluster;
mod floor;
mod memory;
mod objects;
mod service;
mod speaker;
mod stage;

use anyhow::Result;
use clap::Parser;
use ferrolb_bench::Report;

use crate::service::Plan;
use crate::stage::Stage;

/// How soon routers have what a speaker was told.
#[derive(Debug, Parser)]
struct Args {
    /// Batches of each size, and a hundred times as many single changes.
    #[arg(default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
}

fn main() -> Result<()> {
    let Args { runs } = Args::parse();
    let mut report = Report::new("bench-bgp");
    report.count("runs", runs.into());
    let stage = Stage::up()?;
    let measured = measure(&stage, runs, &mut report);
    stage.down()?;
    measured?;
    service::measure(&plan(runs), &mut report)?;
    report.finish()?;
    bounds::check(&report)
}

fn measure(stage: &Stage, runs: u32, report: &mut Report) -> Result<()> {
    batch::measure(stage, runs, report)?;
    change::measure(stage, runs * 100, report)
}

/// With a single run it is only to be shown that all works.
fn plan(runs: u32) -> Plan {
    match runs {
        1 => Plan { vips: 500, services: 200, singles: 20 },
        _ => Plan { vips: 10_000, services: 5_000, singles: 15 * runs },
    }
}
