//! Many VIPs at once onto a session that is up, until BIRD has all of them.

use std::time::Instant;

use anyhow::Result;
use ferrolb_bench::{Report, Samples};
use ferrolb_runtime::watch::Change;
use ferrolb_tests::inside;

use crate::bird::Bird;
use crate::floor::{Floor, announcements, withdrawals};
use crate::speaker::{Speaker, slices};
use crate::stage::{SPEAKER, Stage, node};

const SIZES: [(u32, &str); 2] = [(10_000, "10k"), (100_000, "100k")];

pub(crate) fn measure(stage: &Stage, runs: u32, report: &mut Report) -> Result<()> {
    let mut bird = Bird::start(stage, 1, &[node(1), node(2)])?;
    let mut speaker = inside(stage, SPEAKER, || Speaker::start(&[1]))?;
    let mut floor = Floor::connect(stage)?;
    (0..2).try_for_each(|session| bird.establishes(session))?;
    for (size, name) in SIZES {
        let count = usize::try_from(size)?;
        let (announce, withdraw) = (announcements(size)?, withdrawals(size)?);
        let all = slices(size)?;
        let (mut ours, mut theirs, mut ratios) = (Samples::default(), Samples::default(), Samples::default());
        for _ in 0..runs {
            let start = Instant::now();
            floor.write(&announce)?;
            bird.has(1, count)?;
            let floor_ms = start.elapsed().as_secs_f64() * 1e3;
            floor.write(&withdraw)?;
            bird.has(1, 0)?;

            let slices = all.clone();
            let start = Instant::now();
            speaker.read(Change::All(slices))?;
            bird.has(0, count)?;
            let speaker_ms = start.elapsed().as_secs_f64() * 1e3;
            speaker.read(Change::All(Vec::new()))?;
            bird.has(0, 0)?;

            ours.add(speaker_ms);
            theirs.add(floor_ms);
            ratios.add(speaker_ms / floor_ms);
        }
        report.value(&format!("routes_{name}_ms"), ours.median());
        report.value(&format!("routes_{name}_max_ms"), ours.max());
        report.value(&format!("floor_{name}_ms"), theirs.median());
        report.value(&format!("routes_{name}_ratio"), ratios.median());
        report.value(&format!("routes_{name}_ratio_min"), ratios.min());
        report.value(&format!("routes_{name}_ratio_max"), ratios.max());
    }
    Ok(())
}
