//! From the call that creates a Service to its route in BIRD, through API server, controller, API server and speaker.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::Result;
use ferrolb_bench::{Report, Samples};
use tokio::runtime::Runtime;

use crate::cluster::Cluster;
use crate::memory;
use crate::objects::Objects;

const ROUTERS: [u8; 4] = [1, 2, 3, 4];
/// Whatever is still written of the last Service is over by then.
const PAUSE: Duration = Duration::from_millis(40);
/// So are the Events of the first ones, 50 a second, or nearly so: what is left of them is what a cluster at work has.
const REST: Duration = Duration::from_secs(5);
/// Before those that count.
const WARM_UP: u32 = 10;

/// How much there is, and how much is measured.
pub(crate) struct Plan {
    pub(crate) vips: u32,
    pub(crate) services: u32,
    pub(crate) singles: u32,
}

pub(crate) fn measure(plan: &Plan, report: &mut Report) -> Result<()> {
    let cluster = Cluster::up()?;
    let measured = in_cluster(&cluster, plan, report);
    cluster.down()?;
    measured
}

fn in_cluster(cluster: &Cluster, plan: &Plan, report: &mut Report) -> Result<()> {
    // Its threads are made in the network that they are to be in.
    let (runtime, objects) = cluster.inside(|| {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let client = runtime.block_on(cluster.client())?;
        Ok((runtime, Objects::new(&client)))
    })?;
    let mut birds = ROUTERS.iter().map(|number| cluster.peer(*number)).collect::<Result<Vec<_>>>()?;
    let singles = plan.services..plan.services + WARM_UP + plan.singles;
    on(&runtime, cluster, objects.create_endpoints(plan.vips.max(singles.end)))?;

    on(&runtime, cluster, objects.create_slices(plan.vips))?;
    memory::measure(cluster, &mut birds, plan.vips, report)?;
    on(&runtime, cluster, objects.delete_slices())?;

    birds.truncate(1);
    ROUTERS[1..].iter().try_for_each(|number| cluster.without_peer(*number))?;
    on(&runtime, cluster, objects.create_services(plan.services))?;
    let _controller = cluster.controller()?;
    let _speaker = cluster.speaker()?;
    let bird = &mut birds[0];
    bird.establishes(0)?;
    bird.has(0, usize::try_from(plan.services)?)?;
    sleep(REST);

    let mut took = Samples::default();
    for number in singles.clone() {
        on(&runtime, cluster, objects.create_service(number))?;
        let returned = Instant::now();
        bird.has(0, usize::try_from(number + 1)?)?;
        if number >= singles.start + WARM_UP {
            took.add(returned.elapsed().as_secs_f64() * 1e3);
        }
        sleep(PAUSE);
    }
    report.count("service_to_bird_services", plan.services.into());
    report.value("service_to_bird_p50_ms", took.median());
    report.value("service_to_bird_p99_ms", took.percentile(99));
    report.value("service_to_bird_max_ms", took.max());
    Ok(())
}

/// In the API server's network, for connections that are made anew.
fn on(runtime: &Runtime, cluster: &Cluster, work: impl Future<Output = Result<()>> + Send) -> Result<()> {
    cluster.inside(|| runtime.block_on(work))
}
