//! What a run must have measured, and between which bounds each figure makes sense: a run that measured nonsense fails.
//! These are no goals; machines differ.

use anyhow::Result;
use ferrolb_bench::Report;

use crate::plan::{Part, Plan};

type Bounds = &'static [(&'static str, f64, f64)];

const CAUSES: Bounds = &[
    ("silent_p50_ms", 40.0, 1000.0),
    ("silent_p99_ms", 40.0, 20_000.0),
    ("silent_max_ms", 40.0, 20_000.0),
    ("link_p50_ms", 10.0, 1000.0),
    ("link_p99_ms", 10.0, 20_000.0),
    ("link_max_ms", 10.0, 20_000.0),
    ("freeze_p50_ms", 40.0, 1000.0),
    ("freeze_p99_ms", 40.0, 20_000.0),
    ("freeze_max_ms", 40.0, 20_000.0),
    ("kill_p50_ms", 10.0, 1000.0),
    ("kill_p99_ms", 10.0, 20_000.0),
    ("kill_max_ms", 10.0, 20_000.0),
    ("ordinary_silent_p50_ms", 80.0, 2000.0),
    ("ordinary_silent_p99_ms", 80.0, 20_000.0),
    ("ordinary_silent_max_ms", 80.0, 20_000.0),
    ("ordinary_link_p99_ms", 10.0, 20_000.0),
    ("ordinary_freeze_p99_ms", 80.0, 20_000.0),
    ("ordinary_kill_p99_ms", 10.0, 20_000.0),
    ("keepalived_p50_ms", 10.0, 5000.0),
    ("keepalived_p99_ms", 10.0, 20_000.0),
    ("keepalived_max_ms", 10.0, 20_000.0),
    ("keepalived_kill_p50_ms", 1.0, 5000.0),
    ("keepalived_kill_p99_ms", 1.0, 20_000.0),
];

const MANY: Bounds = &[
    ("last_of_1000_ms", 60.0, 10_000.0),
    ("last_of_1000_max_ms", 60.0, 20_000.0),
    ("first_of_1000_ms", 40.0, 10_000.0),
    // The default rate, and the burst that the pace permits beside it.
    ("gratuitous_per_s", 500.0, 10_050.0),
];

/// A client that loses every tenth packet has measured itself.
const HANDOVER: Bounds = &[
    ("handovers", 1.0, 1e6),
    ("handover_sent", 1000.0, 1e9),
    ("handover_lost", 0.0, 10_000.0),
    ("handover_resets", 0.0, 10_000.0),
    ("drains", 1.0, 1e6),
    ("drain_sent", 1000.0, 1e9),
    ("drain_lost", 0.0, 10_000.0),
    ("drain_resets", 0.0, 10_000.0),
    ("upgrades", 1.0, 1e6),
    ("upgrade_sent", 1000.0, 1e9),
    ("upgrade_lost", 0.0, 10_000.0),
    ("upgrade_resets", 0.0, 10_000.0),
];

const BUSY: Bounds = &[
    ("busy_s", 1.0, 86_400.0),
    ("arp_p50_us", 1.0, 100_000.0),
    ("arp_p99_us", 1.0, 500_000.0),
    ("kernel_arp_p50_us", 1.0, 100_000.0),
    ("kernel_arp_p99_us", 1.0, 500_000.0),
    ("false_takeovers", 0.0, 1000.0),
    ("takeovers", 0.0, 1000.0),
    ("ordinary_arp_p50_us", 1.0, 100_000.0),
    ("ordinary_arp_p99_us", 1.0, 500_000.0),
    ("ordinary_false_takeovers", 0.0, 1000.0),
    ("ordinary_takeovers", 0.0, 1000.0),
];

const IDLE: Bounds = &[
    ("heartbeat_kbit_s", 30.0, 500.0),
    ("idle_cpu_percent_1", 0.0, 100.0),
    ("idle_cpu_percent", 0.01, 100.0),
    ("speaker_rss_mib", 0.5, 500.0),
    ("rss_mib_5000", 1.0, 500.0),
    ("rss_shared_mib_5000", 0.1, 500.0),
];

/// Whether all that was to be measured was, and makes sense.
pub(crate) fn check(report: &Report, plan: &Plan) -> Result<()> {
    let wanted: Vec<_> = plan.parts().into_iter().flat_map(of).copied().collect();
    report.check(&wanted)
}

fn of(part: Part) -> Bounds {
    match part {
        Part::Causes => CAUSES,
        Part::Many => MANY,
        Part::Handover => HANDOVER,
        Part::Busy => BUSY,
        Part::Idle => IDLE,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::plan::Args;

    fn plan(arguments: &[&str]) -> Plan {
        Plan::of(Args::parse_from([&["bench-failover"], arguments].concat()))
    }

    #[test]
    fn every_part_that_was_wanted_must_be_there() {
        let mut report = Report::new("bench-x");
        IDLE.iter().for_each(|(key, least, _)| {
            report.value(key, *least);
        });
        assert!(check(&report, &plan(&["--only", "idle"])).is_ok());
        let error = check(&report, &plan(&[])).unwrap_err().to_string();
        assert!(error.contains("silent_p50_ms is missing") && error.contains("arp_p99_us is missing"));
    }
}
