//! Thousands of runs with random faults.

use std::time::Duration;

use ferrolb_sim::{Asked, asked, none_failed, shrink, sweep};

use crate::check::END;
use crate::fault::{Fault, draw};
use crate::scene::Scene;
use crate::world::World;

/// What runs within a minute on two cores; `make sim` goes on from there.
const SEEDS: u64 = 10_000;
const MOST_FAULTS: u64 = 4;

/// `FAULTS=n` sets how many faults a seed has at most; `SEEDS=from..to` runs other seeds; `SEED=n` runs one and tells
/// what happens.
#[test]
fn nothing_breaks_in_any_seed() {
    let seeds = match asked(SEEDS) {
        Asked::One(seed) => return tell(seed),
        Asked::Many(seeds) => seeds,
    };
    let outcomes = sweep(&seeds, outcome);
    let longest = |of: fn(&Outcome) -> Duration| outcomes.iter().map(of).max().unwrap_or_default();
    println!(
        "seeds {seeds:?}: longest two owners {:?}, none {:?}, a client wrong {:?}",
        longest(|outcome| outcome.two_owners),
        longest(|outcome| outcome.no_owner),
        longest(|outcome| outcome.client_wrong)
    );
    let failed: Vec<u64> =
        outcomes.iter().filter(|outcome| outcome.failed).map(|outcome| outcome.seed).collect();
    none_failed(&seeds, &failed, report);
}

struct Outcome {
    seed: u64,
    failed: bool,
    two_owners: Duration,
    no_owner: Duration,
    client_wrong: Duration,
}

fn outcome(seed: u64) -> Outcome {
    let (scene, faults) = draw(seed, most_faults());
    let checks = run(&scene, &faults).checks;
    Outcome {
        seed,
        failed: !checks.violations.is_empty(),
        two_owners: checks.longest_dual,
        no_owner: checks.longest_without,
        client_wrong: checks.longest_wrong,
    }
}

fn run(scene: &Scene, faults: &[Fault]) -> World {
    let mut world = World::new(scene.clone(), faults.to_vec());
    world.run(END);
    world
}

/// Says which of a failing seed's faults are needed to make it fail.
fn report(seed: u64) {
    let (scene, faults) = draw(seed, most_faults());
    let small = shrink(&faults, |part| !run(&scene, part).checks.violations.is_empty());
    println!("seed {seed}: {:?}\n  {scene:?}\n  {small:?}", run(&scene, &small).checks.violations);
}

fn tell(seed: u64) {
    let (scene, faults) = draw(seed, most_faults());
    let faults = shrink(&faults, |part| !run(&scene, part).checks.violations.is_empty());
    println!("{scene:?}\n{faults:#?}");
    let mut world = World::new(scene, faults);
    world.verbose = true;
    world.run(END);
    println!("{:#?}", world.checks.violations);
    assert!(world.checks.violations.is_empty());
}

fn most_faults() -> u64 {
    std::env::var("FAULTS").map_or(MOST_FAULTS, |most| most.parse().expect("FAULTS is a number"))
}
