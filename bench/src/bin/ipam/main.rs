//! What one address costs when a million are held: `bench-ipam [HELD [SCENARIO…]]`, see bench/README.md.

mod edits;
mod rig;
mod scenarios;

use anyhow::{Context, Result, ensure};
use ferrolb_bench::{Report, Samples};

use crate::scenarios::Scenario;

/// What one round of a scenario measured, in nanoseconds.
#[derive(Default)]
struct Times {
    alloc: Samples,
    remove: Samples,
    written: Samples,
}

fn main() -> Result<()> {
    let held = std::env::args().nth(1).unwrap_or_else(|| "1000000".into());
    let held: usize = held.parse().with_context(|| format!("{held:?} is no number of Services"))?;
    ensure!((1_000..=10_000_000).contains(&held), "between 1,000 and 10,000,000 Services can be measured");

    let asked: Vec<_> = std::env::args().skip(2).collect();
    let mut all = Vec::new();
    let mut start = None;
    for scenario in Scenario::ALL
        .into_iter()
        .filter(|one| asked.is_empty() || asked.iter().any(|name| name == one.name()))
    {
        let (rounds, started) = scenario.run(held)?;
        let rounds = Rounds(rounds);
        let alloc = rounds.medians(|times| &times.alloc);
        eprintln!(
            "{}: a new Service {:.0} ns ({:.0} to {:.0}), one removed {:.0} ns (medians of rounds)",
            scenario.name(),
            alloc.median(),
            alloc.min(),
            alloc.max(),
            rounds.medians(|times| &times.remove).median()
        );
        start.get_or_insert(started);
        all.push((scenario.name(), rounds));
    }
    let started = start.context("there is a first scenario")?;
    let edits = edits::run(held.min(100_000))?;

    let mut report = Report::new("bench-ipam");
    let worst = |pick: fn(&Rounds) -> f64| all.iter().map(|(_, rounds)| pick(rounds)).fold(0.0, f64::max);
    report
        .count("held", held as u64)
        .value("alloc_ns", worst(|rounds| rounds.medians(|times| &times.alloc).median()))
        .value("alloc_p99_ns", worst(|rounds| rounds.percentile(99, |times| &times.alloc)))
        .value("alloc_max_ns", worst(|rounds| rounds.percentile(100, |times| &times.alloc)))
        .value("remove_ns", worst(|rounds| rounds.medians(|times| &times.remove).median()))
        .value("remove_p99_ns", worst(|rounds| rounds.percentile(99, |times| &times.remove)))
        .value("written_ns", worst(|rounds| rounds.medians(|times| &times.written).median()))
        .value("settle_s", started.settle_s)
        .value("bytes_per_service", started.bytes_per_service);
    edits.report(&mut report);
    for (name, rounds) in &all {
        let picks: [(&str, Pick); 2] = [("alloc", |times| &times.alloc), ("remove", |times| &times.remove)];
        for (what, pick) in picks {
            let medians = rounds.medians(pick);
            report
                .value(&format!("{name}_{what}_ns"), medians.median())
                .value(&format!("{name}_{what}_round_min_ns"), medians.min())
                .value(&format!("{name}_{what}_round_max_ns"), medians.max())
                .value(&format!("{name}_{what}_p99_ns"), rounds.percentile(99, pick))
                .value(&format!("{name}_{what}_max_ns"), rounds.percentile(100, pick));
        }
    }
    report.finish()
}

/// Picks what was measured of one kind of event.
type Pick = fn(&Times) -> &Samples;

/// What all rounds of a scenario measured.
struct Rounds(Vec<Times>);

impl Rounds {
    /// The median of each round.
    fn medians(&self, pick: Pick) -> Samples {
        self.0.iter().map(|times| pick(times).median()).collect()
    }

    /// A percentile of the events of all rounds.
    fn percentile(&self, share: usize, pick: Pick) -> f64 {
        self.0.iter().flat_map(|times| pick(times).values()).collect::<Samples>().percentile(share)
    }
}
