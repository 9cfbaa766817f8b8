//! How soon routers have what a speaker was told: a batch of VIPs in BIRD's table, beside messages that were packed
//! beforehand, and one change among many on the wire. README.md beside the crate defines each figure.
//!
//! The speaker's own parts are driven from here, without the file or the API server that would tell them, because the clock
//! starts when the speaker has read what changed.

mod batch;
mod bird;
mod bounds;
mod change;
mod floor;
mod memory;
mod speaker;
mod stage;

use anyhow::Result;
use clap::Parser;
use ferrolb_bench::Report;

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
    let stage = Stage::up()?;
    let measured = measure(&stage, runs);
    stage.down()?;
    let report = measured?;
    report.finish()?;
    bounds::check(&report)
}

fn measure(stage: &Stage, runs: u32) -> Result<Report> {
    let mut report = Report::new("bench-bgp");
    report.count("runs", runs.into());
    batch::measure(stage, runs, &mut report)?;
    change::measure(stage, runs * 100, &mut report)?;
    memory::measure(stage, &mut report)?;
    Ok(report)
}
