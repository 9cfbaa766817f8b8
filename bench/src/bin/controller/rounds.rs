//! All Services at once: raw patches, FerroLB and MetalLB by turns, then what else is measured with all of them there.

use anyhow::Result;
use ferrolb_bench::{Report, Resident, Samples};

use crate::bench::Bench;
use crate::program::Program;
use crate::subject::Subject;
use crate::writes::{Writes, wait_until_quiet};
use crate::{latency, raw, replace, restart, share, takeover};

/// Rounds of all, and in the last one everything that needs all Services to have their addresses.
pub(crate) async fn run(bench: &Bench<'_>, report: &mut Report) -> Result<()> {
    let plan = bench.plan;
    // The first requests of a cold API server are slow for whoever comes first: one round that does not count.
    raw::run(bench).await?;
    bench.population.clear().await?;

    let mut raw = Samples::default();
    let (mut ferrolb, mut metallb) = (Side::default(), Side::default());
    for round in 1..=plan.rounds {
        let raw_rate = raw::run(bench).await?;
        raw.add(raw_rate);
        eprintln!("round {round}: raw {raw_rate:.0} a second");
        bench.population.clear().await?;

        let last = round == plan.rounds;
        let program = ferrolb.assign(bench, Subject::Ferrolb, raw_rate, last).await?;
        if last {
            tail_of_ferrolb(bench, report, program).await?;
        } else {
            program.end().await?;
        }
        bench.population.clear().await?;

        let Some(rival) = plan.rival.as_ref().filter(|_| round + plan.rival_rounds > plan.rounds) else {
            continue;
        };
        let program = metallb.assign(bench, Subject::Metallb(rival), raw_rate, last).await?;
        if last {
            tail_of_metallb(bench, report, program).await?;
            takeover::measure(bench, report).await?;
        } else {
            program.end().await?;
            bench.population.clear().await?;
        }
    }
    spread(report, "raw_patch_per_s", &raw);
    ferrolb.tell(report, plan.services, "");
    if plan.rival.is_some() {
        metallb.tell(report, plan.services, "metallb_");
    }
    report.count("rounds", plan.rounds.into());
    Ok(())
}

/// What only makes sense once all Services have their addresses, in an order in which nothing disturbs what follows.
async fn tail_of_ferrolb(bench: &Bench<'_>, report: &mut Report, program: Program<'_>) -> Result<()> {
    let services = bench.plan.services;
    let grown = program.resident()?;
    let program = restart::ferrolb(bench, report, program).await?;
    // A process that found all Services at once may be larger than one that saw them come, or smaller: the larger counts.
    let started = program.resident()?;
    let resident = if grown.anonymous > started.anonymous { grown } else { started };
    tell_resident(report, "", resident);
    replace::measure(bench, report, &program, ("", bench.plan.replacements)).await?;
    program.end().await?;
    latency::compare(bench, report, "_full").await?;
    bench.tracker.wait_for(services, services).await.map(drop)
}

async fn tail_of_metallb(bench: &Bench<'_>, report: &mut Report, program: Program<'_>) -> Result<()> {
    let prefix = "metallb_";
    tell_resident(report, prefix, program.resident()?);
    let program = restart::metallb(bench, report, program).await?;
    replace::measure(bench, report, &program, (prefix, bench.plan.rival_replacements)).await?;
    latency::running(bench, report, &program).await?;
    program.end().await
}

fn tell_resident(report: &mut Report, prefix: &str, resident: Resident) {
    report
        .value(&format!("{prefix}rss_mib"), resident.anonymous + resident.shared)
        .value(&format!("{prefix}rss_anon_mib"), resident.anonymous)
        .value(&format!("{prefix}rss_shared_mib"), resident.shared);
}

/// What one controller did in all rounds.
#[derive(Default)]
struct Side {
    assigned: Samples,
    ratio: Samples,
    writes: Samples,
    started: Samples,
    /// Writes of the last round until it was quiet.
    until_quiet: Option<Writes>,
}

impl Side {
    /// One round: starts the controller and waits until all have an address; in the last round, until all is quiet.
    async fn assign<'a>(
        &mut self,
        bench: &Bench<'_>,
        subject: Subject<'a>,
        raw_rate: f64,
        last: bool,
    ) -> Result<Program<'a>> {
        let services = bench.plan.services;
        let before = Writes::until_now(&bench.client).await?;
        bench.tracker.reset();
        let program = Program::start(bench.server, subject)?;
        let run = bench.tracker.wait_for(services, services).await?;
        let rate = run.per_second(services);
        eprintln!("  {}: {rate:.0} a second", subject.name());
        self.assigned.add(rate);
        self.ratio.add(rate / raw_rate);
        self.started.add(run.last.duration_since(program.started()).as_secs_f64());
        self.writes.add(share(run.writes, services));
        if last {
            self.until_quiet = Some(wait_until_quiet(&bench.client).await?.since(before));
        }
        Ok(program)
    }

    fn tell(&self, report: &mut Report, services: usize, prefix: &str) {
        spread(report, &format!("{prefix}assigned_per_s"), &self.assigned);
        spread(report, &format!("{prefix}ratio"), &self.ratio);
        spread(report, &format!("{prefix}start_to_last_s"), &self.started);
        report.value(&format!("{prefix}writes_per_service"), self.writes.max());
        if let Some(writes) = self.until_quiet {
            let services = share(services, 1);
            report
                .value(&format!("{prefix}status_patches_per_service"), writes.statuses / services)
                .value(&format!("{prefix}all_writes_per_service"), writes.all / services);
        }
    }
}

/// Median, least and most.
fn spread(report: &mut Report, key: &str, samples: &Samples) {
    report
        .value(key, samples.median())
        .value(&format!("{key}_min"), samples.min())
        .value(&format!("{key}_max"), samples.max());
}
