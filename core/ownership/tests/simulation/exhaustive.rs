//! Small scopes, whole: every sequence of a few things that go wrong, each for one step of time, with two and with three
//! speakers. Seeds look far; this leaves nothing out nearby.

use core::time::Duration;
use std::thread;

use ferrolb_sansio::Instant;

use crate::fault::{Fault, What};
use crate::scene::Scene;
use crate::walks::scene;
use crate::world::World;

/// The VIP has had an owner for a while by then.
const FROM: Instant = Instant::from_millis(720);
/// After the last step everything must have settled within this.
const SETTLES: Duration = Duration::from_millis(1_400);

fn two() -> Vec<Option<What>> {
    vec![
        None,
        Some(What::OneWay(0, 1)),
        Some(What::OneWay(1, 0)),
        Some(What::Cut(0, 1)),
        Some(What::Freeze(0)),
        Some(What::Freeze(1)),
        Some(What::Drain(0)),
    ]
}

/// A stale plan, an eviction, one-way loss, a freeze.
fn three() -> Vec<Option<What>> {
    vec![
        None,
        Some(What::OldPlan(0)),
        Some(What::Plan { vip: 0, order: vec![1, 2] }),
        Some(What::Plan { vip: 0, order: vec![2, 0] }),
        Some(What::OneWay(0, 1)),
        Some(What::OneWay(1, 0)),
        Some(What::Freeze(0)),
        Some(What::Freeze(1)),
    ]
}

#[test]
fn two_speakers_survive_all_that_can_happen_in_four_steps_of_35_ms() {
    explore(&Scene { gateway: false, ..scene(2) }, &two(), 4, Duration::from_millis(35));
}

#[test]
fn three_speakers_survive_all_that_can_happen_in_three_steps_of_70_ms() {
    explore(&scene(3), &three(), 3, Duration::from_millis(70));
}

/// Runs every sequence of `depth` steps, each of one of `choices`.
fn explore(scene: &Scene, choices: &[Option<What>], depth: u32, step: Duration) {
    let all = choices.len().pow(depth);
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let failed: Vec<String> = thread::scope(|scope| {
        let part = |core: usize| {
            let paths = (core..all).step_by(cores);
            paths.filter_map(|path| walk(scene, &faults(choices, depth, step, path))).collect::<Vec<_>>()
        };
        let parts: Vec<_> = (0..cores).map(|core| scope.spawn(move || part(core))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("a path panics; see above")).collect()
    });
    println!("{all} paths");
    assert!(
        failed.is_empty(),
        "{} of {all} paths fail, such as\n{}",
        failed.len(),
        failed[..failed.len().min(5)].join("\n")
    );
}

/// The path's digits in base `choices.len()` are its steps; the same choice in a row is one long fault.
fn faults(choices: &[Option<What>], depth: u32, step: Duration, path: usize) -> Vec<Fault> {
    let digit = |at: u32| path / choices.len().pow(at) % choices.len();
    let mut faults: Vec<Fault> = Vec::new();
    for at in 0..depth {
        let Some(what) = &choices[digit(at)] else { continue };
        let begins = FROM + step * at;
        match faults.last_mut().filter(|_| at > 0 && digit(at) == digit(at - 1)) {
            Some(last) => last.ends = begins + step,
            None => faults.push(Fault { begins, ends: begins + step, what: what.clone() }),
        }
    }
    faults
}

fn walk(scene: &Scene, faults: &[Fault]) -> Option<String> {
    let ends = faults.iter().map(|fault| fault.ends).max().unwrap_or(FROM);
    let mut world = World::new(scene.clone(), faults.to_vec());
    world.settled_at = ends + SETTLES;
    world.run(ends + SETTLES + Duration::from_millis(20));
    let broken = !world.checks.violations.is_empty();
    broken.then(|| format!("{faults:?}: {:?}", world.checks.violations))
}
