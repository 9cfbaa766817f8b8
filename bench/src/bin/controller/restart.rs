//! A restart: SIGTERM, then the same program in the same place, with everything there.

use std::time::Instant;

use anyhow::Result;
use ferrolb_bench::{Report, Samples};

use crate::bench::Bench;
use crate::program::Program;
use crate::stage::SINGLES;
use crate::subject::Subject;
use crate::writes::{Writes, wait_until_quiet};

/// FerroLB: once with nothing to do, then with a new Service at once. Returns the program, quiet again.
pub(crate) async fn ferrolb<'a>(
    bench: &Bench<'_>,
    report: &mut Report,
    mut program: Program<'a>,
) -> Result<Program<'a>> {
    let before = Writes::until_now(&bench.client).await?;
    program.end().await?;
    program = Program::start(bench.server, Subject::Ferrolb)?;
    program.wait_until_ready().await?;
    tokio::time::sleep(bench.plan.restarted_for).await;
    let written = Writes::until_now(&bench.client).await?.since(before);
    report.value("restart_writes", written.all).value("restart_cpu_s", program.cpu_seconds()?);

    let (mut from_start, mut from_end) = (Samples::default(), Samples::default());
    for _ in 0..bench.plan.restarts {
        let timed = with_new_service(bench, program).await?;
        from_start.add(timed.from_start);
        from_end.add(timed.from_end);
        program = timed.program;
        bench.population.delete_singles().await?;
    }
    wait_until_quiet(&bench.client).await?;
    eprintln!(
        "restart: {} writes, a new Service has its address after {:.0} ms",
        written.all,
        from_start.median()
    );
    for (name, samples) in [("new_service", &from_start), ("sigterm_to_new_service", &from_end)] {
        let key = format!("restart_{name}_ms");
        report.value(&key, samples.median()).value(&format!("{key}_max"), samples.max());
    }
    Ok(program)
}

/// MetalLB: one restart with a new Service, until it is quiet. Returns the program.
pub(crate) async fn metallb<'a>(
    bench: &Bench<'_>,
    report: &mut Report,
    program: Program<'a>,
) -> Result<Program<'a>> {
    let before = Writes::until_now(&bench.client).await?;
    let timed = with_new_service(bench, program).await?;
    let written = wait_until_quiet(&bench.client).await?.since(before);
    eprintln!("restart of MetalLB: a new Service has its address after {:.0} ms", timed.from_start);
    report
        .value("metallb_restart_new_service_ms", timed.from_start)
        .value("metallb_restart_sigterm_to_new_service_ms", timed.from_end)
        .value("metallb_restart_cpu_s", timed.program.cpu_seconds()?)
        // Without the Service's creation, which is the benchmark's.
        .value("metallb_restart_writes", written.all - 1.0);
    Ok(timed.program)
}

struct Timed<'a> {
    program: Program<'a>,
    /// Milliseconds from the start of the new process, and from the signal to the old one.
    from_start: f64,
    from_end: f64,
}

async fn with_new_service<'a>(bench: &Bench<'_>, program: Program<'a>) -> Result<Timed<'a>> {
    let name = bench.new_name();
    let subject = program.subject;
    let signalled = Instant::now();
    program.end().await?;
    let program = Program::start(bench.server, subject)?;
    bench.population.create_single(&name, subject.class()).await?;
    let seen = bench.tracker.wait_for_address(SINGLES, &name).await?;
    let milliseconds = |since| seen.saturating_duration_since(since).as_secs_f64() * 1000.0;
    Ok(Timed { from_start: milliseconds(program.started()), from_end: milliseconds(signalled), program })
}
