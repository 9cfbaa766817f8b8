//! How fast the controller gives addresses, against what the same API server takes from anybody, against a controller that
//! decides nothing, and against MetalLB's.
//!
//! A lab without kubelets: etcd and API server only, the same for all, in one run, one controller at a time, in the API
//! server's own network. One watch times them all. README.md beside the crate defines each figure.

mod bench;
mod bounds;
mod latency;
mod plan;
mod population;
mod program;
mod raw;
mod replace;
mod restart;
mod rounds;
mod stage;
mod subject;
mod takeover;
mod tracker;
mod writes;

use anyhow::Result;
use clap::Parser as _;
use ferrolb_bench::Report;
use ferrolb_tests::inside;

use crate::bench::Bench;
use crate::plan::{Args, Plan};
use crate::stage::Stage;
use crate::subject::Subject;

fn main() -> Result<()> {
    let plan = Plan::of(Args::parse());
    let stage = Stage::up(plan.rival.as_ref())?;
    // Everything from here on has the API server's network as its own.
    let measured = inside(&stage.lab, "cp", || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(measure(&stage, &plan))
    });
    stage.down()?;
    let report = measured?;
    report.finish()?;
    report.keep_as(&format!("bench-controller-{}", plan.services))?;
    bounds::check(&report, plan.rival.is_some())
}

async fn measure(stage: &Stage, plan: &Plan) -> Result<Report> {
    let bench = Bench::new(stage, plan).await?;
    let mut report = Report::new("bench-controller");
    report.count("services", u64::try_from(plan.services)?);

    latency::compare(&bench, &mut report, "").await?;
    if let Some(rival) = &plan.rival {
        latency::alone(&bench, &mut report, Subject::Metallb(rival)).await?;
    }
    bench.population.create_many(plan.services).await?;
    rounds::run(&bench, &mut report).await?;
    Ok(report)
}

/// `part` of `whole`.
fn share(part: usize, whole: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    let (part, whole) = (part as f64, whole as f64);
    part / whole
}
