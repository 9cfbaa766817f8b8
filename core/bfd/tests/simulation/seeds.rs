//! Thousands of runs with random faults.

use ferrolb_sim::{Asked, asked, none_failed, shrink, sweep};

use crate::check::END;
use crate::fault::{Fault, Scene, draw};
use crate::world::World;

/// What runs within half a minute on two cores; `make sim` goes on from there.
const SEEDS: u64 = 1_000;
const MOST_FAULTS: u64 = 4;

/// `SEEDS=from..to` runs other seeds; `SEED=n` runs one and tells what happens.
#[test]
fn nothing_breaks_in_any_seed() {
    let seeds = match asked(SEEDS) {
        Asked::One(seed) => return tell(seed),
        Asked::Many(seeds) => seeds,
    };
    let outcomes = sweep(&seeds, |seed| {
        let (scene, faults) = draw(seed, MOST_FAULTS);
        let checks = run(&scene, &faults).checks;
        (seed, !checks.violations.is_empty(), checks.downs, checks.longest_late)
    });
    let downs: u64 = outcomes.iter().map(|outcome| outcome.2).sum();
    let late = outcomes.iter().map(|outcome| outcome.3).max().unwrap_or_default();
    println!("seeds {seeds:?}: {downs} times down, latest {late:?} after the detection time");
    assert!(downs > seeds.end - seeds.start, "faults that take nothing down test nothing");
    let failed: Vec<u64> = outcomes.iter().filter(|outcome| outcome.1).map(|outcome| outcome.0).collect();
    none_failed(&seeds, &failed, report);
}

fn run(scene: &Scene, faults: &[Fault]) -> World {
    let mut world = World::new(scene.clone(), faults.to_vec());
    world.run(END);
    world
}

/// Says which of a failing seed's faults are needed to make it fail.
fn report(seed: u64) {
    let (scene, faults) = draw(seed, MOST_FAULTS);
    let small = shrink(&faults, |part| !run(&scene, part).checks.violations.is_empty());
    println!("seed {seed}: {:#?}\n  {scene:?}\n  {small:?}", run(&scene, &small).checks.violations);
}

fn tell(seed: u64) {
    let (scene, faults) = draw(seed, MOST_FAULTS);
    println!("{scene:?}\n{faults:#?}");
    let mut world = World::new(scene, faults);
    world.verbose = true;
    world.run(END);
    println!("{:#?}", world.checks.violations);
    assert!(world.checks.violations.is_empty());
}
