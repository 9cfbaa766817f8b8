//! What a whole speaker holds with many VIPs and four peers.

use std::fs;
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use ferrolb_bench::{Report, Resident, beside};

use crate::bird::Bird;
use crate::speaker::manifests;
use crate::stage::{SPEAKER, Stage, node};

const VIPS: u32 = 10_000;
const ROUTERS: [u8; 4] = [1, 2, 3, 4];
const PATIENCE: Duration = Duration::from_secs(60);
/// What reading took is given back by then.
const REST: Duration = Duration::from_secs(5);

pub(crate) fn measure(stage: &Stage, report: &mut Report) -> Result<()> {
    let mut birds =
        ROUTERS.iter().map(|number| Bird::start(stage, *number, &[node(1)])).collect::<Result<Vec<_>>>()?;
    let folder = stage.folder().join("manifests-n1");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("all.yaml"), manifests(&ROUTERS, VIPS)?)?;
    stage.add_program(&beside("ferrolb-speaker")?)?;
    let space = stage.space(SPEAKER)?;
    let mut command = space.command([
        "/lab/bin/ferrolb-speaker",
        "--node",
        SPEAKER,
        "--standalone",
        "/lab/manifests-n1",
    ])?;
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let running = space.spawn(&mut command)?;
    let end = Instant::now() + PATIENCE;
    for bird in &mut birds {
        bird.establishes(0)?;
        bird.has(0, usize::try_from(VIPS)?)?;
        ensure!(Instant::now() < end, "the routers do not get all routes in time");
    }
    sleep(REST);
    let pids = space.pids_of("ferrolb-speaker")?;
    ensure!(pids.len() == 1, "{} speakers run", pids.len());
    let Resident { anonymous, shared } = Resident::of(pids[0])?;
    drop(running);
    report.value("rss_mib", anonymous);
    report.value("rss_shared_mib", shared);
    Ok(())
}
