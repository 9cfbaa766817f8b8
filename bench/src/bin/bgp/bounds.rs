//! What a run must have measured, and between which bounds each figure makes sense: a run that measured nonsense fails.
//! These are no goals; machines differ.

use anyhow::Result;
use ferrolb_bench::Report;

const BOUNDS: &[(&str, f64, f64)] = &[
    ("routes_10k_ms", 1.0, 2_000.0),
    ("floor_10k_ms", 0.5, 500.0),
    ("routes_10k_ratio", 0.5, 100.0),
    ("routes_100k_ms", 10.0, 20_000.0),
    ("floor_100k_ms", 5.0, 5_000.0),
    ("routes_100k_ratio", 0.5, 100.0),
    ("change_p50_ms", 0.01, 500.0),
    ("change_p99_ms", 0.02, 2_000.0),
    ("service_to_bird_p50_ms", 0.5, 2_000.0),
    ("service_to_bird_p99_ms", 1.0, 10_000.0),
    ("rss_mib", 1.0, 500.0),
    ("rss_shared_mib", 0.1, 500.0),
];

pub(crate) fn check(report: &Report) -> Result<()> {
    report.check(BOUNDS)
}
