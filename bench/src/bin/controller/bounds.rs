//! What a run must have measured, and between which bounds each figure makes sense: a run that measured nonsense fails.
//! Bounds of time are wide, machines differ; those of writes are exact, they do not depend on the machine.

use anyhow::Result;
use ferrolb_bench::Report;

const HOUR_MS: f64 = 3_600_000.0;

/// Keys of FerroLB, of the raw run and of echo, each with the least and the most that is believed.
const OURS: &[(&str, f64, f64)] = &[
    ("services", 1.0, 60_000.0),
    ("raw_patch_per_s", 10.0, 20_000.0),
    ("assigned_per_s", 10.0, 20_000.0),
    ("start_to_last_s", 0.001, 3600.0),
    ("writes_per_service", 1.0, 1.0),
    ("status_patches_per_service", 1.0, 2.0),
    ("all_writes_per_service", 1.0, 4.5),
    ("restart_writes", 0.0, 0.0),
    ("restart_cpu_s", 0.001, 60.0),
    ("restart_new_service_ms", 1.0, 60_000.0),
    ("restart_sigterm_to_new_service_ms", 1.0, 60_000.0),
    ("delete_create_ms", 0.1, 60_000.0),
    ("delete_create_writes", 1.0, 1.5),
    ("delete_create_all_writes", 1.0, 10.0),
    ("latency_p50_ms", 0.0, 1000.0),
    ("latency_p99_ms", 0.1, 5000.0),
    ("latency_full_p50_ms", 0.0, 1000.0),
    ("latency_full_p99_ms", 0.1, 5000.0),
    ("echo_p50_ms", 0.0, 1000.0),
    ("echo_p99_ms", 0.1, 5000.0),
    ("echo_full_p50_ms", 0.0, 1000.0),
    ("echo_full_p99_ms", 0.1, 5000.0),
    ("rss_mib", 1.0, 2000.0),
    ("rss_anon_mib", 1.0, 1000.0),
    ("rss_shared_mib", 0.1, 1000.0),
];

/// Keys of MetalLB.
const RIVALS: &[(&str, f64, f64)] = &[
    ("metallb_assigned_per_s", 1.0, 20_000.0),
    ("metallb_ratio", 0.001, 5.0),
    ("metallb_start_to_last_s", 0.001, 3600.0),
    ("metallb_writes_per_service", 1.0, 100.0),
    ("metallb_status_patches_per_service", 1.0, 100.0),
    ("metallb_all_writes_per_service", 1.0, 100.0),
    ("metallb_restart_writes", 0.0, 1e6),
    ("metallb_restart_cpu_s", 0.001, 3600.0),
    ("metallb_restart_new_service_ms", 1.0, HOUR_MS),
    ("metallb_delete_create_ms", 0.1, HOUR_MS),
    ("metallb_delete_create_writes", 1.0, 1e6),
    ("metallb_latency_p50_ms", 0.1, HOUR_MS),
    ("metallb_latency_p99_ms", 0.1, HOUR_MS),
    ("metallb_latency_full_p50_ms", 0.1, HOUR_MS),
    ("metallb_latency_full_p99_ms", 0.1, HOUR_MS),
    ("metallb_rss_anon_mib", 1.0, 10_000.0),
    ("metallb_rss_shared_mib", 0.1, 10_000.0),
    ("takeover_s", 0.001, 3600.0),
    ("takeover_moved", 0.0, 0.0),
    ("takeover_touched", 0.0, 0.0),
];

/// Whether everything was measured and makes sense; with the keys of MetalLB if it took part.
pub(crate) fn check(report: &Report, least_ratio: f64, rival: bool) -> Result<()> {
    let rivals = if rival { RIVALS } else { &[] };
    let ratio = ("ratio", least_ratio, 5.0);
    let all: Vec<_> = OURS.iter().chain(rivals).copied().chain([ratio]).collect();
    report.check(&all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sane() -> Report {
        let mut report = Report::new("bench-x");
        OURS.iter().for_each(|(key, least, _)| {
            report.value(key, *least);
        });
        report.value("ratio", 0.09);
        report
    }

    #[test]
    fn every_key_must_be_there_and_within_its_bounds() {
        assert!(check(&sane(), 0.01, false).is_ok());
        assert!(check(&sane(), 0.1, false).unwrap_err().to_string().contains("ratio is 0.09"));
        assert!(check(&sane(), 0.01, true).unwrap_err().to_string().contains("metallb_ratio is missing"));
        assert!(check(&Report::new("bench-x"), 0.01, false).is_err());
        let mut wrong = sane();
        wrong.value("metallb_ratio", 1.0);
        assert!(
            check(&wrong, 0.01, true).unwrap_err().to_string().contains("metallb_rss_anon_mib is missing")
        );
    }
}
