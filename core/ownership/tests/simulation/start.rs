//! A fresh cluster: speakers start together, and no VIP has an owner yet.

use core::time::Duration;

use ferrolb_ownership::Event;
use ferrolb_sansio::Instant;

use crate::fault::{Fault, What, vip};
use crate::scene::{Boot, Scene};
use crate::walks::{fault, scene};
use crate::world::World;

const VIPS: usize = 30;
const ORDERS: [[usize; 3]; 6] = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [1, 0, 2], [2, 1, 0]];
/// J and D of three speakers, the slots of two ranks, and one interval until that is noticed.
const BOUND: Duration = Duration::from_millis(500 + 89 + 2 * 15 + 27);

/// Three speakers that start at these times, 30 VIPs spread over them by plan; runs for two seconds.
fn start(seed: u64, starts: &'static [u64], faults: Vec<Fault>) -> World {
    let scene = Scene {
        seed,
        vips: (0..VIPS).map(|index| vip(index, index.is_multiple_of(2))).collect(),
        candidates: (0..VIPS).map(|index| ORDERS[index % ORDERS.len()].to_vec()).collect(),
        boot: Boot::At(starts),
        ..scene(3)
    };
    let mut world = World::new(scene, faults);
    world.run(Instant::from_millis(2_000));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    world
}

/// Who claimed the VIP first, and when.
fn first_claim(world: &World, index: usize) -> (usize, Instant) {
    let vip = world.scene.vips[index];
    let claim = world.checks.claims.iter().find(|claim| claim.1 == vip);
    claim.map(|&(at, _, node)| (node, at)).unwrap()
}

#[test]
fn speakers_that_start_together_share_the_vips_as_planned() {
    let starts: [&[u64]; 6] =
        [&[0, 0, 0], &[0, 1, 2], &[400, 200, 0], &[0, 200, 400], &[0, 400, 399], &[350, 0, 400]];
    for starts in starts {
        for seed in 1..=10 {
            let world = start(seed, starts, Vec::new());
            for index in 0..VIPS {
                let first = ORDERS[index % ORDERS.len()][0];
                assert_eq!(first_claim(&world, index).0, first, "seed {seed}, {starts:?}, VIP {index}");
            }
            assert_eq!(world.checks.claims.len(), VIPS, "nothing moves afterwards: seed {seed}, {starts:?}");
        }
    }
}

#[test]
fn a_first_plan_that_meets_joined_speakers_is_followed() {
    let scene = Scene {
        vips: (0..VIPS).map(|index| vip(index, index.is_multiple_of(2))).collect(),
        candidates: (0..VIPS).map(|index| ORDERS[index % ORDERS.len()].to_vec()).collect(),
        ..scene(3)
    };
    let mut world = World::new(scene, Vec::new());
    let vips = core::mem::take(&mut world.plan.vips);
    world.run_unchecked(Instant::from_millis(1_500));
    world.plan.vips = vips;
    give_plan(&mut world, &[0, 1, 2]);
    world.run_unchecked(Instant::from_millis(3_000));
    for index in 0..VIPS {
        let owners: Vec<_> =
            (0..3).filter(|&node| world.speakers[node].answers(world.scene.vips[index])).collect();
        assert_eq!(owners, [ORDERS[index % ORDERS.len()][0]], "VIP {index}");
    }
}

/// Gives these speakers the newest plan.
fn give_plan(world: &mut World, nodes: &[usize]) {
    for index in nodes {
        let plan = world.plan.clone();
        world.change(*index, |speaker, now| {
            speaker.plan = plan;
            let plan = speaker.effective_plan();
            if let Some(segment) = &mut speaker.segment {
                segment.handle_plan(now, plan);
            }
        });
    }
}

/// A plan gets to each speaker in its own time.
#[test]
fn a_candidate_that_shows_an_older_plan_is_waited_for() {
    for (late, first) in [(5, 0), (30, 0), (300, 0), (900, 1)] {
        let mut world = World::new(Scene { candidates: vec![vec![0, 1, 2]], ..scene(3) }, Vec::new());
        let vips = core::mem::take(&mut world.plan.vips);
        world.run_unchecked(Instant::from_millis(1_500));
        world.plan.vips = vips;
        world.plan.revision += 1;
        give_plan(&mut world, &[1, 2]);
        world.run_unchecked(Instant::from_millis(1_500 + late));
        give_plan(&mut world, &[0]);
        world.run_unchecked(Instant::from_millis(3_000));
        let (node, at) = first_claim(&world, 0);
        assert_eq!(node, first, "the plan is {late} ms late at node-0");
        assert!(at <= Instant::from_millis(1_500 + late.min(500) + 27 + 15), "claimed at {at:?}");
    }
}

#[test]
fn who_dies_while_joining_is_waited_for_no_longer_than_for_any_silent_speaker() {
    let (died, silence) = (490, 89 + 2 * 15 + 27);
    let world = start(1, &[400, 0, 10], vec![fault(died, 60_000, What::Crash(0))]);
    for index in (0..VIPS).filter(|index| ORDERS[index % ORDERS.len()][0] == 0) {
        let (node, at) = first_claim(&world, index);
        assert_eq!(node, ORDERS[index % ORDERS.len()][1], "the next in the plan");
        assert!(at > Instant::from_millis(died) && at <= Instant::from_millis(died + silence), "{at:?}");
    }
}

/// Stopped again and again, a speaker cannot listen for J on time, but its heartbeats go on.
#[test]
fn who_never_ends_joining_is_waited_for_no_longer_than_joining_may_take() {
    let began = 300;
    let faults = (0..16).map(|n| fault(began + 20 + n * 90, 70, What::Freeze(0))).collect();
    let world = start(1, &[300, 0, 10], faults);
    let joined = world.speakers[0].events.iter().find(|(_, event)| *event == Event::Joined).unwrap().0;
    let bound = Instant::from_millis(began) + BOUND;
    assert!(joined > bound, "it joined at {joined:?}, which tries nothing");
    let waited = |index: &usize| ORDERS[index % ORDERS.len()][0] == 0;
    for index in (0..VIPS).filter(waited) {
        let (node, at) = first_claim(&world, index);
        assert!(node != 0 && at <= bound, "VIP {index} was claimed at {at:?} by node-{node}");
        assert!(at > Instant::from_millis(700), "VIP {index} was claimed at {at:?}, without waiting");
    }
}
