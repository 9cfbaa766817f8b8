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
use ferrolb_bench::{ApiServer, Report};

use crate::bench::Bench;
use crate::plan::{Args, Plan};
use crate::subject::Subject;

fn main() -> Result<()> {
    let plan = Plan::of(Args::parse());
    let server = stage::up(plan.rival.as_ref())?;
    // Everything from here on has the API server's network as its own.
    let measured = server.inside(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        runtime.block_on(measure(&server, &plan))
    });
    server.down()?;
    let report = measured?;
    report.finish()?;
    report.keep_as(&format!("bench-controller-{}", plan.services))?;
    bounds::check(&report, plan.least_ratio, plan.rival.is_some())
}

async fn measure(server: &ApiServer, plan: &Plan) -> Result<Report> {
    let bench = Bench::new(server, plan).await?;
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
