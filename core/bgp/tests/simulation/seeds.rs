//! Thousands of runs with random faults.

use std::time::Duration;

use ferrolb_sansio::Instant;
use ferrolb_sim::{Asked, asked, none_failed, shrink, sweep};

use crate::fault::{CALM, Fault, draw};
use crate::scene::Scene;
use crate::world::World;

/// What runs within a few seconds on two cores; `make sim` goes on from there.
const SEEDS: u64 = 3_000;
/// The longest rest after refusals, and time to come up.
const SETTLE: Duration = Duration::from_secs(400);
/// And then stays up.
const STAY: Duration = Duration::from_secs(200);

/// `SEEDS=from..to` runs other seeds; `SEED=n` runs one and tells what happens.
#[test]
fn nothing_breaks_in_any_seed() {
    let seeds = match asked(SEEDS) {
        Asked::One(seed) => return tell(seed),
        Asked::Many(seeds) => seeds,
    };
    let violations = sweep(&seeds, |seed| {
        let (scene, faults) = draw(seed);
        (seed, !play(&scene, &faults, false).is_empty())
    });
    let failed: Vec<u64> = violations.iter().filter(|(_, failed)| *failed).map(|(seed, _)| *seed).collect();
    none_failed(&seeds, &failed, report);
}

pub(crate) fn play(scene: &Scene, faults: &[Fault], verbose: bool) -> Vec<String> {
    let mut world = World::new(scene.clone(), faults.to_vec());
    world.verbose = verbose;
    let start = if faults.is_empty() { Instant::ZERO } else { CALM };
    world.run(start + SETTLE);
    world.check_calm();
    let up = world.checks.up;
    world.run(start + SETTLE + STAY);
    world.check_calm();
    if world.checks.up != up {
        world.checks.violations.push("a session ended though nothing was wrong".into());
    }
    world.checks.violations
}

/// Says which of a failing seed's faults are needed to make it fail.
fn report(seed: u64) {
    let (scene, faults) = draw(seed);
    let small = shrink(&faults, |part| !play(&scene, part, false).is_empty());
    println!("seed {seed}: {:?}\n  {scene:?}\n  {small:?}", play(&scene, &small, false));
}

fn tell(seed: u64) {
    let (scene, faults) = draw(seed);
    let faults = shrink(&faults, |part| !play(&scene, part, false).is_empty());
    println!("{scene:?}\n{faults:#?}");
    let violations = play(&scene, &faults, true);
    assert!(violations.is_empty(), "{violations:#?}");
}
