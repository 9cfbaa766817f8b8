//! How soon BFD finds out that a peer is silent, beside BIRD watching the same peer, and what many sessions cost.
//! README.md beside the crate defines each figure.

mod bird;
mod detect;
mod many;
mod watcher;

use anyhow::Result;
use clap::Parser;
use ferrolb_bench::Report;
use ferrolb_lab::{Lab, Options};

/// How soon BFD finds out that a peer is silent, beside BIRD.
#[derive(Debug, Parser)]
struct Args {
    /// Silences of each pace.
    #[arg(default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
}

const NAME: &str = "bench-bfd";

/// Figures outside of these mean that something else was measured; they are no goals.
const BOUNDS: &[(&str, f64, f64)] = &[
    ("detect_10x3_p50_ms", 15.0, 60.0),
    ("bird_10x3_p50_ms", 15.0, 60.0),
    ("detect_50x3_p50_ms", 75.0, 300.0),
    ("bird_50x3_p50_ms", 75.0, 300.0),
    ("sessions_256_cpu_percent", 0.1, 100.0),
];

fn main() -> Result<()> {
    let Args { runs } = Args::parse();
    Lab::down_named(NAME)?;
    let options = Options { name: NAME.into(), nodes: 2, routers: 2, cluster: false, ..Options::default() };
    let lab = Lab::up(&options)?;
    let measured = measure(&lab, runs);
    lab.down()?;
    let report = measured?;
    report.finish()?;
    report.check(BOUNDS)
}

fn measure(lab: &Lab, runs: u32) -> Result<Report> {
    let mut report = Report::new("bench-bfd");
    report.count("runs", runs.into());
    for interval in [10, 50] {
        detect::measure(lab, interval, runs, &mut report)?;
    }
    many::measure(lab, &mut report)?;
    Ok(report)
}
