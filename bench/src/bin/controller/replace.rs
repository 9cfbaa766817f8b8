//! One Service is deleted and another created, while all the others are there.

use std::time::{Duration, Instant};

use anyhow::Result;
use ferrolb_bench::{Report, Samples};

use crate::bench::Bench;
use crate::program::Program;
use crate::stage::NAMESPACE;
use crate::writes::{Writes, wait_until_quiet};

/// After the address: requests that were on their way then.
const AFTERWARDS: Duration = Duration::from_millis(100);

/// Deletes and creates so often, and tells of it under keys that begin with `prefix`.
pub(crate) async fn measure(
    bench: &Bench<'_>,
    report: &mut Report,
    program: &Program<'_>,
    (prefix, times): (&str, u32),
) -> Result<()> {
    let before = Writes::until_now(&bench.client).await?;
    let mut samples = Samples::default();
    for _ in 0..times {
        let name = bench.new_name();
        bench.population.delete_one().await?;
        bench.population.create_one(&name).await?;
        let returned = Instant::now();
        let seen = bench.tracker.wait_for_address(NAMESPACE, &name).await?;
        samples.add(seen.saturating_duration_since(returned).as_secs_f64() * 1000.0);
        tokio::time::sleep(AFTERWARDS).await;
    }
    let until_address = Writes::until_now(&bench.client).await?.since(before);
    let in_all = wait_until_quiet(&bench.client).await?.since(before);
    eprintln!(
        "delete one, create one, {}: {:.1} ms, {} writes to statuses",
        program.subject.name(),
        samples.median(),
        until_address.statuses / f64::from(times)
    );
    report
        .value(&format!("{prefix}delete_create_ms"), samples.median())
        .value(&format!("{prefix}delete_create_ms_max"), samples.max())
        .value(&format!("{prefix}delete_create_writes"), until_address.statuses / f64::from(times))
        // Without the deletion and the creation.
        .value(&format!("{prefix}delete_create_all_writes"), in_all.all / f64::from(times) - 2.0);
    Ok(())
}
