//! Thousands of random scenarios.

use ferrolb_sim::{Asked, asked, none_failed, shrink, sweep};

use super::{
    draw::{Scenario, draw},
    end::play,
};

/// How many belong to every check.
const SEEDS: u64 = 1_500;

#[test]
fn every_address_has_one_service_whatever_happens() {
    let seeds = match asked(SEEDS) {
        Asked::One(seed) => return tell(seed),
        Asked::Many(seeds) => seeds,
    };
    let outcomes = sweep(&seeds, outcome);
    let sum = |of: fn(&Outcome) -> u64| outcomes.iter().map(of).sum::<u64>();
    println!(
        "controller: seeds {seeds:?}, {} steps, {} writes, {} addresses given twice by a late write and healed",
        sum(|one| one.steps),
        sum(|one| one.writes),
        sum(|one| one.late),
    );
    assert!(
        sum(|one| one.late) > 0 || seeds != (0..SEEDS),
        "no frozen leader's write came late and gave an address twice"
    );
    let failing = || outcomes.iter().filter(|one| !one.violations.is_empty());
    for one in failing().take(40) {
        println!("seed {}: {}", one.seed, one.violations[0]);
    }
    none_failed(&seeds, &failing().map(|one| one.seed).collect::<Vec<_>>(), report);
}

struct Outcome {
    seed: u64,
    violations: Vec<String>,
    steps: u64,
    writes: u64,
    late: u64,
}

fn outcome(seed: u64) -> Outcome {
    let checks = play(&draw(seed), false).checks;
    Outcome {
        seed,
        steps: checks.steps,
        writes: checks.writes.into(),
        late: checks.late.into(),
        violations: checks.violations,
    }
}

/// The smallest part of a failing scenario that still fails.
fn smallest(scenario: &Scenario) -> Scenario {
    let fails = |ops: &[_]| {
        let part = Scenario { ops: ops.to_vec(), ..scenario.clone() };
        !play(&part, false).checks.violations.is_empty()
    };
    Scenario { ops: shrink(&scenario.ops, fails), ..scenario.clone() }
}

fn report(seed: u64) {
    let small = smallest(&draw(seed));
    println!("seed {seed}: {:#?}\n  {small:?}", play(&small, false).checks.violations);
}

fn tell(seed: u64) {
    let small = smallest(&draw(seed));
    println!("{small:#?}");
    let world = play(&small, true);
    println!("{:#?}", world.checks.violations);
    assert!(world.checks.violations.is_empty());
}
