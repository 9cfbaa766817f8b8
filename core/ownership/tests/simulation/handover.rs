//! Named stories about owners that live and own no longer: nobody is ever without an answer.

use core::time::Duration;

use ferrolb_ownership::{Event, LostCause, StateName};
use ferrolb_sansio::Instant;

use crate::fault::{Fault, What, vip};
use crate::scene::Scene;
use crate::walks::{claims_after, fault, lost, owners, run, scene};
use crate::world::World;

/// The moment at which the node last lost a VIP.
fn lost_at(world: &World, node: usize) -> Instant {
    let lost = |event: &&(Instant, Event)| matches!(event.1, Event::Lost { .. });
    world.speakers[node].events.iter().rfind(lost).expect("it lost one").0
}

/// Both answer for a while and neither falls silent before the other speaks.
fn assert_no_gap(world: &World, from: usize) {
    assert!(lost(world, from).iter().all(|cause| *cause == LostCause::Ceded));
    let (claimed, ..) = *world.checks.claims.last().unwrap();
    let both = lost_at(world, from).since(claimed);
    assert!(both > Duration::ZERO && both < Duration::from_millis(3), "both answered for {both:?}");
}

#[test]
fn planned_moves_leave_no_gap() {
    let causes: [fn() -> What; 7] = [
        || What::Drain(0),
        || What::Stop(0),
        || What::Leave(0),
        || What::NotReady(0),
        || What::Plan { vip: 0, order: vec![1, 2] },
        || What::Move { vip: 0, to: 1 },
        || What::Stale(0),
    ];
    for cause in causes {
        let world = run(scene(3), vec![fault(1_000, 60_000, cause())], 3_000);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]), "{:?}", cause());
        assert_no_gap(&world, 0);
    }
}

#[test]
fn five_hundred_vips_are_handed_over_at_once_without_a_gap() {
    let vips: Vec<_> = (0..250).map(|n| std::net::IpAddr::from([198, 51, 100, n])).collect();
    let vips: Vec<_> =
        vips.into_iter().chain((0..250).map(|n| std::net::IpAddr::from([203, 0, 113, n]))).collect();
    let candidates = vips.iter().map(|_| vec![0, 1, 2]).collect();
    let mut world =
        World::new(Scene { vips, candidates, ..scene(3) }, vec![fault(1_000, 60_000, What::Drain(0))]);
    world.run(Instant::from_millis(999));
    assert!(world.scene.vips.iter().all(|vip| world.speakers[0].answers(*vip)));
    let mut done = None;
    for millis in 1_000..1_200 {
        world.run(Instant::from_millis(millis));
        for vip in &world.scene.vips {
            assert!(
                (0..3).any(|node| world.speakers[node].answers(*vip)),
                "nobody answers for {vip} at {millis} ms"
            );
        }
        if world.scene.vips.iter().all(|vip| !world.speakers[0].answers(*vip)) {
            done = Some(millis);
            break;
        }
    }
    assert!(done.is_some_and(|millis| millis <= 1_005), "handed over at {done:?}");
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
}

/// The first candidate's frames do not come back: it claims, the claim is not heard, and the next is asked.
#[test]
fn an_offer_that_is_not_taken_goes_to_the_next() {
    let faults = vec![fault(999, 300, What::OneWay(0, 1)), fault(1_000, 60_000, What::Drain(0))];
    let world = run(scene(3), faults, 3_000);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![2], vec![2]));
    assert_no_gap(&world, 0);
    let asked = world.checks.claims[1].0.since(Instant::from_millis(1_000));
    assert!(asked >= Duration::from_millis(90) && asked < Duration::from_millis(130), "{asked:?}");
}

#[test]
fn an_offer_survives_the_loss_of_two_copies() {
    let faults = vec![fault(995, 30, What::OneWay(0, 1)), fault(1_000, 60_000, What::Drain(0))];
    let world = run(Scene { candidates: vec![vec![0, 1]], ..scene(3) }, faults, 3_000);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    assert_no_gap(&world, 0);
}

#[test]
fn what_nobody_takes_is_kept_and_offered_again() {
    let scene = Scene { candidates: vec![vec![0, 1]], ..scene(3) };
    let faults = vec![fault(900, 60_000, What::Drain(0)), fault(500, 1_600, What::NotReady(1))];
    let mut world = World::new(scene, faults);
    world.run(Instant::from_millis(2_090));
    assert_eq!(owners(&world), [0]);
    world.run(Instant::from_millis(2_140));
    assert_eq!(owners(&world), [1], "as soon as it is ready");
    assert_no_gap(&world, 0);
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
}

/// The cause goes while the offer is under way: the owner stays, or the other has it; never both or none.
#[test]
fn a_cause_that_goes_again_at_once_leaves_one_owner() {
    for lasts in 1..6 {
        let world = run(scene(3), vec![fault(1_000, lasts, What::Drain(0))], 4_950);
        assert_eq!(owners(&world).len(), 1);
        assert!(claims_after(&world, 900).len() <= 1);
    }
}

/// Three nodes leave and come back one after the other, as when all are upgraded.
#[test]
fn a_rolling_restart_never_leaves_a_gap() {
    let faults: Vec<Fault> =
        (0..3).map(|n| fault(1_000 + n * 1_200, 200, What::Stop(usize::try_from(n).unwrap()))).collect();
    let scene = Scene {
        vips: (0..3).map(|index| vip(index, true)).collect(),
        candidates: vec![vec![0, 1, 2], vec![1, 2, 0], vec![2, 0, 1]],
        ..scene(3)
    };
    let mut world = World::new(scene, faults);
    for millis in 1_000..6_000 {
        world.run(Instant::from_millis(millis));
        for vip in &world.scene.vips {
            assert!(
                (0..3).any(|node| world.speakers[node].answers(*vip)),
                "nobody answers for {vip} at {millis} ms"
            );
        }
    }
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert!(world.speakers.iter().all(|speaker| speaker.events.iter().all(|(_, event)| !matches!(
        event,
        Event::Lost { cause: LostCause::Outvoted | LostCause::Resigned, .. }
    ))));
}

/// Who ends and is heard by nobody that could take over says so, and whoever comes next need not wait for silence.
#[test]
fn who_ends_without_an_heir_resigns() {
    let scene = Scene { candidates: vec![vec![0, 1]], ..scene(3) };
    let faults = vec![fault(990, 510, What::NotReady(1)), fault(1_000, 400, What::Stop(0))];
    let mut world = World::new(scene, faults);
    world.run(Instant::from_millis(1_499));
    assert_eq!(owners(&world), [] as [usize; 0]);
    assert_eq!(world.speakers[1].status(world.scene.vips[0]).unwrap().state, StateName::Backup);
    world.run(Instant::from_millis(1_505));
    assert_eq!(owners(&world), [1], "a resignation is remembered");
}

#[test]
fn a_move_is_made_once_and_back_and_then_damped() {
    let moves = [1, 0, 1, 0];
    let faults =
        moves.iter().zip(0..).map(|(&to, n)| fault(1_000 + n * 500, 1, What::Move { vip: 0, to })).collect();
    let mut world = World::new(scene(3), faults);
    world.run(Instant::from_millis(170_000));
    assert_eq!(claims_after(&world, 900), [1, 0], "the third within three minutes waits");
    world.run(Instant::from_millis(190_000));
    assert_eq!(claims_after(&world, 900), [1, 0], "and by then it is where it shall be");
    assert_eq!(owners(&world), [0]);
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
}

#[test]
fn a_damped_move_is_made_when_the_first_is_forgotten() {
    let moves = [1, 0, 1];
    let faults =
        moves.iter().zip(0..).map(|(&to, n)| fault(1_000 + n * 500, 1, What::Move { vip: 0, to })).collect();
    let mut world = World::new(scene(3), faults);
    world.run(Instant::from_millis(180_000));
    assert_eq!(claims_after(&world, 900), [1, 0]);
    world.run(Instant::from_millis(182_500));
    assert_eq!(claims_after(&world, 900), [1, 0, 1]);
    assert_no_gap(&world, 0);
}

/// Alone for a while, the owner claimed again, not connected; the other remembers its older, connected ballot and takes
/// nothing that is offered under less.
#[test]
fn an_owner_that_was_alone_raises_its_ballot_before_it_hands_over() {
    let faults = vec![
        fault(900, 600, What::Freeze(1)),
        fault(1_000, 1, What::Move { vip: 0, to: 1 }),
        fault(1_010, 190, What::Carrier(0)),
    ];
    let scene = Scene { candidates: vec![vec![0, 1]], gateway: false, ..scene(2) };
    let world = run(scene, faults, 4_950);
    assert_eq!((claims_after(&world, 1_500), owners(&world)), (vec![0, 1], vec![1]));
}

#[test]
fn a_move_to_a_speaker_that_lost_the_api_waits_until_it_has_it_back() {
    let faults = vec![fault(900, 1_000, What::Stale(1)), fault(1_000, 1, What::Move { vip: 0, to: 1 })];
    let mut world = World::new(scene(3), faults);
    world.run(Instant::from_millis(1_890));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    world.run(Instant::from_millis(3_000));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    assert_no_gap(&world, 0);
}

#[test]
fn who_leaves_comes_last_and_takes_nothing_back_when_it_stays() {
    let faults = vec![fault(1_000, 1_500, What::Leave(0)), fault(1_500, 60_000, What::Crash(1))];
    let world = run(scene(3), faults, 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1, 2], vec![2]));
}

/// A node that is cordoned is better than none.
#[test]
fn what_nobody_who_stays_can_take_is_kept_and_taken_by_those_who_leave() {
    // The owner last: it would hand over to one that does not know yet that it leaves, too.
    let all = |from: u64| {
        (0..3).map(move |n| fault(from + n * 100, 60_000, What::Leave(2 - usize::try_from(n).unwrap())))
    };
    let world = run(scene(3), all(1_000).collect(), 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]), "all leave: it stays");

    let world = run(scene(3), all(1_000).chain([fault(1_500, 60_000, What::Crash(0))]).collect(), 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]), "the owner dies");

    let world = run(scene(3), all(1_000).chain([fault(1_500, 60_000, What::Stop(0))]).collect(), 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]), "its speaker is upgraded");
    assert_no_gap(&world, 0);

    let world = run(scene(3), all(60).collect(), 4_950);
    assert_eq!(owners(&world), [0], "a VIP that is new finds an owner");
}

#[test]
fn a_vip_is_not_moved_to_a_node_that_leaves() {
    let faults = vec![fault(900, 1_000, What::Leave(1)), fault(1_000, 1, What::Move { vip: 0, to: 1 })];
    let mut world = World::new(scene(3), faults);
    world.run(Instant::from_millis(1_890));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    world.run(Instant::from_millis(3_000));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    assert_no_gap(&world, 0);
}

#[test]
fn when_all_have_lost_the_api_nobody_moves() {
    let faults = (0..3).map(|node| fault(1_000, 2_000, What::Stale(node))).collect();
    let world = run(scene(3), faults, 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

/// All lose the API and have it back, up to 0.9 s apart.
#[test]
fn who_loses_the_api_first_or_has_it_back_last_keeps_what_it_owns() {
    for (begins, ends) in [(1_000, 21_000), (1_900, 21_900), (1_000, 20_100), (1_900, 20_100)] {
        let others = (1..3).map(|node| fault(begins, ends - begins, What::Stale(node)));
        let faults = std::iter::once(fault(1_000, 20_000, What::Stale(0))).chain(others).collect();
        let world = run(scene(3), faults, 24_000);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]), "{begins} {ends}");
    }
}

/// The API is lost by one node after the other: each hands over to one that has it, but not for ever.
#[test]
fn losing_the_api_in_turns_moves_a_vip_twice_at_most() {
    let faults = (0..12)
        .map(|n| fault(1_000 + n * 1_500, 1_480, What::Stale(usize::try_from(n % 2).unwrap())))
        .collect();
    let world = run(Scene { candidates: vec![vec![0, 1]], ..scene(2) }, faults, 20_000);
    assert_eq!(claims_after(&world, 900).len(), 2);
}
