//! A BIRD stands still. The speaker and another BIRD both watch it.

use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use ferrolb_bench::{Report, Samples};
use ferrolb_bfd::Change;
use ferrolb_lab::Lab;
use ferrolb_speaker::sys;
use ferrolb_tests::inside;

use crate::bird::Bird;
use crate::watcher::{Watcher, single};

const WATCHED: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 201);
const PATIENCE: Duration = Duration::from_secs(20);
/// Between two looks at BIRD's sessions.
const INTERVAL: Duration = Duration::from_micros(200);

pub(crate) fn measure(lab: &Lab, interval: u64, runs: u32, report: &mut Report) -> Result<()> {
    let watched = Bird::start(lab, 1, interval, &["192.0.2.11", "192.0.2.202"])?;
    let mut rival = Bird::start(lab, 2, interval, &["192.0.2.201"])?;
    let mut speaker = inside(lab, "n1", || Watcher::start("n1"))?;
    speaker.watch(single(IpAddr::V4(WATCHED), None)?, interval)?;
    speaker.comes_up(PATIENCE)?;
    let (mut ours, mut theirs) = (Samples::default(), Samples::default());
    let mut lost = 0_u64;
    while ours.len() < usize::try_from(runs)? {
        is_up(&mut rival)?;
        // Both ends agree on the fast pace by a poll sequence first; the silence begins anywhere in an interval.
        sleep(Duration::from_millis(interval * 4 + 100 + (u64::try_from(ours.len())? * 7) % interval));
        if speaker.event(Duration::ZERO)?.is_some() {
            // The machine stood still for longer than a detection time.
            lost += 1;
            ensure!(lost < 100, "sessions do not stay up on this machine");
            watched.router.thaw()?;
            speaker.comes_up(PATIENCE)?;
            continue;
        }
        watched.router.freeze()?;
        let silent = sys::now();
        let mut bird = None;
        while bird.is_none() && sys::now().since(silent) < PATIENCE {
            sleep(INTERVAL);
            bird = (!rival.is_up("192.0.2.201")?).then(|| sys::now().since(silent));
        }
        let down = speaker.event(PATIENCE)?.context("the silence was not found out")?;
        watched.router.thaw()?;
        ensure!(matches!(down.change, Change::Down(_)), "{:?}", down.change);
        ours.add(down.at.since(silent).as_secs_f64() * 1e3);
        theirs.add(bird.context("BIRD did not find out")?.as_secs_f64() * 1e3);
        speaker.comes_up(PATIENCE)?;
    }
    speaker.stop();
    let name = format!("{interval}x3");
    for (who, samples) in [("detect", &ours), ("bird", &theirs)] {
        report.value(&format!("{who}_{name}_p50_ms"), samples.median());
        report.value(&format!("{who}_{name}_p99_ms"), samples.percentile(99));
        report.value(&format!("{who}_{name}_max_ms"), samples.max());
    }
    report.value(&format!("ratio_{name}"), ours.median() / theirs.median());
    report.count(&format!("lost_{name}"), lost);
    Ok(())
}

fn is_up(bird: &mut Bird) -> Result<()> {
    for _ in 0..200 {
        if bird.is_up("192.0.2.201")? {
            return Ok(());
        }
        sleep(Duration::from_millis(50));
    }
    anyhow::bail!("BIRD's session does not come up:\n{}", bird.router.log())
}
