//! How much is measured.

use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::cause::Cause;
use crate::subject::Subject;

/// How long VIPs are not served when their owner fails or leaves, beside keepalived.
#[derive(Debug, Parser)]
pub(crate) struct Args {
    /// Failures of each kind. Fewer than 10: everything is short, to show that it works, not how well.
    #[arg(default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    runs: u32,
    /// Seconds for which nobody may take over although all processors are busy.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    busy_for: u64,
    /// Only these parts, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
}

/// A part of the benchmark that stands by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// One VIP, whose owner fails in several ways; keepalived by turns.
    Causes,
    /// A thousand VIPs of one node that falls silent.
    Many,
    /// Owners that leave in order.
    Handover,
    /// Answers and ownership while all processors are busy.
    Busy,
    /// What the speakers cost while nothing happens.
    Idle,
}

/// How much of each is measured.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) runs: u32,
    only: Vec<Part>,
    /// In how many turns the subjects share the runs of each cause.
    pub(crate) turns: u32,
    /// Failures of the owner of all of many VIPs.
    pub(crate) many_runs: u32,
    /// How long before each of them nothing happens.
    pub(crate) many_rest: Duration,
    /// Owners that are asked to end.
    pub(crate) handovers: u32,
    /// Times that all speakers are restarted, one after another.
    pub(crate) upgrades: u32,
    /// Questions by ARP while all processors are busy, for each way of scheduling.
    pub(crate) questions: u32,
    /// How long take-overs are counted meanwhile, the questions included.
    pub(crate) busy: Duration,
    /// How long heartbeats are counted.
    pub(crate) heartbeats: Duration,
    /// How long processor time is counted of speakers with nothing to do.
    pub(crate) idle: Duration,
    /// How long speakers are left alone before.
    pub(crate) idle_rest: Duration,
}

impl Plan {
    const QUICK_BELOW: u32 = 10;

    pub(crate) fn of(args: Args) -> Self {
        let seconds = Duration::from_secs;
        let full = Self {
            runs: args.runs,
            only: args.only,
            turns: 3,
            many_runs: 10,
            // The last round of announcements after a claim is sent after 5 s.
            many_rest: seconds(7),
            handovers: 30,
            upgrades: 10,
            questions: 5_000,
            busy: seconds(args.busy_for),
            heartbeats: seconds(10),
            idle: seconds(20),
            // Five rounds of announcements of 5000 VIPs, paced, take 8 s.
            idle_rest: seconds(15),
        };
        if full.runs >= Self::QUICK_BELOW {
            return full;
        }
        Self {
            turns: 1,
            many_runs: 1,
            many_rest: seconds(1),
            handovers: 2,
            upgrades: 1,
            questions: 200,
            busy: seconds(2),
            heartbeats: seconds(1),
            idle: seconds(2),
            idle_rest: seconds(1),
            ..full
        }
    }

    /// What is measured, in order.
    pub(crate) fn parts(&self) -> Vec<Part> {
        let wanted = |part: &Part| self.only.is_empty() || self.only.contains(part);
        Part::value_variants().iter().copied().filter(wanted).collect()
    }

    /// How often a subject fails for this cause. Those that are compared fail as often as ours does; what only completes the
    /// picture less often, so that a run fits into half an hour.
    pub(crate) fn failures(&self, subject: Subject, cause: Cause) -> u32 {
        match (subject, cause) {
            (Subject::Realtime, _) | (Subject::Ordinary | Subject::Keepalived, Cause::Silent) => self.runs,
            (Subject::Ordinary, Cause::Link | Cause::Freeze | Cause::Kill)
            | (Subject::Keepalived, Cause::Kill) => self.runs.div_ceil(3),
            (Subject::Keepalived, Cause::Link | Cause::Freeze) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(arguments: &[&str]) -> Plan {
        Plan::of(Args::try_parse_from([&["bench-failover"], arguments].concat()).unwrap())
    }

    #[test]
    fn few_runs_make_everything_short() {
        assert_eq!(plan(&["3"]).busy, Duration::from_secs(2));
        assert_eq!(plan(&["300", "--busy-for", "600"]).busy, Duration::from_secs(600));
        assert!(plan(&["100"]).handovers >= 30);
    }

    #[test]
    fn parts_are_chosen_by_name_and_keep_their_order() {
        assert_eq!(plan(&["--only", "idle,many"]).parts(), [Part::Many, Part::Idle]);
        assert_eq!(plan(&[]).parts(), Part::value_variants());
    }
}
