//! One Service at a time on an idle API server: from the return of the call that creates it until the watch sees its
//! address.

use std::time::{Duration, Instant};

use anyhow::Result;
use ferrolb_bench::{Report, Samples};

use crate::bench::Bench;
use crate::program::Program;
use crate::stage::SINGLES;
use crate::subject::Subject;

/// Between an address and the next Service: the API server is idle again. What a controller still writes of the last one is
/// over by then (FerroLB waits 250 ms with what can wait), and so is the garbage collection that may follow from it.
const PAUSE: Duration = Duration::from_millis(500);

/// Milliseconds until addresses were seen.
#[derive(Default)]
struct Block {
    /// From the return of the creating call. On a busy machine the address may be faster than the answer.
    from_return: Samples,
    /// From right before the call.
    from_call: Samples,
}

/// Echo and FerroLB by turns, block by block, only one of them running.
pub(crate) async fn compare(bench: &Bench<'_>, report: &mut Report, suffix: &str) -> Result<()> {
    let (mut echo, mut ferrolb) = (Block::default(), Block::default());
    for block in 0..bench.plan.blocks {
        let mut turns = [(Subject::Echo, &mut echo), (Subject::Ferrolb, &mut ferrolb)];
        if block % 2 == 1 {
            turns.reverse();
        }
        for (subject, samples) in turns {
            let program = Program::start(bench.server, subject)?;
            one_block(bench, &program, samples).await?;
            clear_away(bench, program).await?;
        }
        eprintln!(
            "block {} of latency{suffix}: so far p50 and p99 {:.1} and {:.1} ms, echo {:.1} and {:.1} ms",
            block + 1,
            ferrolb.from_return.median(),
            ferrolb.from_return.percentile(99),
            echo.from_return.median(),
            echo.from_return.percentile(99)
        );
    }
    tell(report, &format!("latency{suffix}"), &ferrolb);
    tell(report, &format!("echo{suffix}"), &echo);
    for share in [50, 99] {
        let ratio = |of: fn(&Block) -> &Samples| of(&ferrolb).percentile(share) / of(&echo).percentile(share);
        report
            .value(&format!("latency{suffix}_p{share}_ratio"), ratio(|block| &block.from_return))
            .value(&format!("latency{suffix}_from_call_p{share}_ratio"), ratio(|block| &block.from_call));
    }
    Ok(())
}

/// Blocks of a controller that is started for them and ended.
pub(crate) async fn alone(bench: &Bench<'_>, report: &mut Report, subject: Subject<'_>) -> Result<()> {
    let program = Program::start(bench.server, subject)?;
    let mut samples = Block::default();
    for _ in 0..bench.plan.rival_blocks {
        one_block(bench, &program, &mut samples).await?;
    }
    clear_away(bench, program).await?;
    tell(report, &format!("{}_latency", subject.name()), &samples);
    Ok(())
}

/// Blocks of a controller that runs already and goes on.
pub(crate) async fn running(bench: &Bench<'_>, report: &mut Report, program: &Program<'_>) -> Result<()> {
    let mut samples = Block::default();
    for _ in 0..bench.plan.rival_blocks {
        one_block(bench, program, &mut samples).await?;
    }
    tell(report, &format!("{}_latency_full", program.subject.name()), &samples);
    Ok(())
}

async fn one_block(bench: &Bench<'_>, program: &Program<'_>, samples: &mut Block) -> Result<()> {
    let class = program.subject.class();
    for number in 0..bench.plan.warm_up + bench.plan.block {
        let name = bench.new_name();
        let called = Instant::now();
        bench.population.create_single(&name, class).await?;
        let returned = Instant::now();
        let seen = bench.tracker.wait_for_address(SINGLES, &name).await?;
        if number >= bench.plan.warm_up {
            let milliseconds = |since| seen.saturating_duration_since(since).as_secs_f64() * 1000.0;
            samples.from_return.add(milliseconds(returned));
            samples.from_call.add(milliseconds(called));
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// Ends the program first: the deletions are work for it that nobody measures here.
async fn clear_away(bench: &Bench<'_>, program: Program<'_>) -> Result<()> {
    program.end().await?;
    bench.population.delete_singles().await
}

fn tell(report: &mut Report, name: &str, samples: &Block) {
    for share in [50, 99] {
        report
            .value(&format!("{name}_p{share}_ms"), samples.from_return.percentile(share))
            .value(&format!("{name}_from_call_p{share}_ms"), samples.from_call.percentile(share));
    }
}
