//! Named stories about speakers that do not know the newest plan, or not the newest protocol.

use core::time::Duration;

use ferrolb_ownership::LostCause;
use ferrolb_sansio::Instant;

use crate::fault::What;
use crate::scene::Scene;
use crate::walks::{claims_after, fault, lost, owners, run, scene};
use crate::world::World;

/// The VIP serves another Service from now on, with other candidates; the owner's watch has not told it.
#[test]
fn an_owner_with_an_old_plan_is_asked_to_hand_over_and_does() {
    let faults =
        vec![fault(900, 60_000, What::OldPlan(0)), fault(1_000, 1, What::Plan { vip: 0, order: vec![1, 2] })];
    let world = run(scene(3), faults, 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    assert_eq!(lost(&world, 0), [LostCause::Ceded]);
    let asked = world.speakers[1].segment.as_ref().unwrap().counters().evictions;
    assert_eq!(asked, 1);
}

#[test]
fn an_owner_that_does_not_hear_the_eviction_is_outvoted() {
    let faults = vec![
        fault(800, 60_000, What::OldPlan(0)),
        fault(900, 60_000, What::OneWay(1, 0)),
        fault(1_000, 1, What::Plan { vip: 0, order: vec![1] }),
    ];
    let world = run(scene(3), faults, 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    assert_eq!(lost(&world, 0), [LostCause::Outvoted]);
    let took = world.checks.claims[1].0.since(Instant::from_millis(1_000));
    assert!((200..300).contains(&took.as_millis()), "{took:?}");
}

/// Nobody else hears the eviction either: the next candidate asks a quarter of a second later.
#[test]
fn where_the_first_candidate_is_not_there_the_second_evicts() {
    let faults = vec![
        fault(800, 60_000, What::OldPlan(0)),
        fault(900, 60_000, What::Crash(1)),
        fault(1_000, 1, What::Plan { vip: 0, order: vec![1, 2] }),
    ];
    let world = run(scene(3), faults, 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![2], vec![2]));
    assert_eq!(lost(&world, 0), [LostCause::Ceded]);
}

/// Who has the old plan itself must not evict the owner that the new one names.
#[test]
fn a_speaker_with_an_old_plan_evicts_nobody() {
    let scene = Scene { candidates: vec![vec![0, 1]], ..scene(3) };
    let faults =
        vec![fault(900, 60_000, What::OldPlan(1)), fault(1_000, 1, What::Plan { vip: 0, order: vec![2] })];
    let world = run(scene, faults, 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![2], vec![2]));
}

#[test]
fn who_does_not_know_yet_that_it_may_own_is_asked_again() {
    let scene = Scene { candidates: vec![vec![0]], ..scene(3) };
    let faults =
        vec![fault(900, 700, What::OldPlan(1)), fault(1_000, 1, What::Plan { vip: 0, order: vec![1] })];
    let mut world = World::new(scene, faults);
    world.run(Instant::from_millis(1_590));
    assert_eq!(owners(&world), [0]);
    // It knows at 1600 ms. An offer right before that is given up after 100 ms and made again 500 ms later.
    world.run(Instant::from_millis(2_250));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    assert_eq!(lost(&world, 0), [LostCause::Ceded]);
}

/// Speakers of the version before do not know offers: one that does is asked next; else whoever leaves resigns.
#[test]
fn speakers_of_an_older_version_take_over_all_the_same() {
    for (old, taker) in [(vec![1], 2), (vec![1, 2], 1)] {
        let mut world = World::new(scene(3), vec![fault(1_000, 1_000, What::Stop(0))]);
        old.iter().for_each(|&node: &usize| world.speakers[node].is_old = true);
        world.run(Instant::from_millis(4_950));
        assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
        assert_eq!(claims_after(&world, 900), [taker], "old: {old:?}");
        let took = world.checks.claims[1].0.since(Instant::from_millis(1_000));
        let (all_old, resigned) = (old.len() == 2, took >= Duration::from_secs(1));
        assert_eq!(all_old, resigned, "{took:?}");
    }
}
