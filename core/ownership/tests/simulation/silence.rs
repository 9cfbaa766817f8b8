//! Named stories about not hearing: who is deaf, who is dead, and who only dies too often.

use core::time::Duration;

use ferrolb_ownership::Timing;
use ferrolb_sansio::Instant;

use crate::fault::What;
use crate::scene::Scene;
use crate::walks::{claims_after, fault, owners, run, scene};
use crate::world::World;

/// It sends, hears nothing, and after a second claims what it believes ownerless; it loses when it hears again.
#[test]
fn a_receive_deaf_node_raises_and_heals() {
    for gateway in [true, false] {
        let mut world = World::new(Scene { gateway, ..scene(3) }, vec![fault(1_000, 1_500, What::Deaf(1))]);
        world.run(Instant::from_millis(1_990));
        assert_eq!(owners(&world), [0], "it waits for a first frame");
        world.run(Instant::from_millis(2_400));
        assert_eq!(owners(&world), [0, 1], "but not for ever");
        assert!(!world.speakers[1].status(world.scene.vips[0]).unwrap().ballot.unwrap().connected);
        world.run(Instant::from_millis(4_950));
        assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![0]));
    }
}

#[test]
fn nobody_waits_for_a_deaf_candidate() {
    let faults = vec![fault(1_000, 900, What::Deaf(1)), fault(1_500, 60_000, What::Crash(0))];
    let world = run(scene(3), faults, 1_900);
    assert_eq!(claims_after(&world, 900), [2]);
    let took = world.checks.claims[1].0.since(Instant::from_millis(1_500));
    assert!(took < Duration::from_millis(90), "{took:?}");
}

#[test]
fn an_owner_that_only_a_third_hears_keeps_the_vip() {
    let world = run(scene(3), vec![fault(1_000, 1_500, What::Cut(0, 1))], 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

/// Whom it never heard it knows at the pace of those who tell of it, which may be slower than its own.
#[test]
fn an_owner_that_was_never_heard_may_beat_as_slowly_as_those_who_tell_of_it() {
    let paces = vec![Timing::ORDINARY, Timing::REALTIME, Timing::ORDINARY];
    for seed in 0..20 {
        let faults = vec![fault(1_000, 1_900, What::Cut(0, 1)), fault(1_000, 100, What::Crash(1))];
        let world = run(Scene { seed, paces: paces.clone(), ..scene(3) }, faults, 2_800);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]), "seed {seed}");
    }
}

/// What two speakers that are deaf to each other know comes from the third, and that dies, too.
#[test]
fn when_the_third_dies_each_side_has_an_owner_and_one_again_afterwards() {
    let faults = vec![fault(1_000, 1_800, What::Cut(0, 1)), fault(1_500, 60_000, What::Crash(2))];
    let mut world = World::new(scene(3), faults);
    world.run(Instant::from_millis(2_700));
    assert_eq!(owners(&world), [0, 1]);
    world.run(Instant::from_millis(4_950));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!(owners(&world).len(), 1);
}

/// A switch that holds the port for 15 s after boot: the speaker has joined alone by then and owns on its own.
#[test]
fn a_port_blocked_after_boot_leaves_one_owner_once_it_opens() {
    let mut world = World::new(scene(3), vec![fault(10, 15_000, What::Isolated(2))]);
    world.run(Instant::from_millis(15_000));
    assert_eq!(owners(&world), [0, 2], "cut off from the start, it must believe to be alone");
    world.run(Instant::from_millis(17_200));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!(owners(&world), [0]);
    assert!(claims_after(&world, 15_000).is_empty());
}

/// Its claims are withdrawn while nothing can be sent, and it hears nobody ask for them: it tells them by itself.
#[test]
fn a_deaf_owner_whose_carrier_flaps_says_that_it_holds_nothing() {
    let faults = vec![fault(1_100, 1_500, What::Deaf(0)), fault(1_250, 23, What::Carrier(0))];
    let mut world = World::new(scene(3), faults);
    world.run(Instant::from_millis(1_400));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
}

/// The switch forwards nothing yet when it tells, and it hears nobody ask afterwards: it goes on telling.
#[test]
fn a_deaf_speaker_tells_its_claims_until_it_hears_again() {
    let faults = vec![fault(1_000, 900, What::Deaf(0)), fault(1_060, 60, What::ForwardDelay(0))];
    let mut world = World::new(scene(2), faults);
    world.run(Instant::from_millis(1_290));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    let took = world.checks.claims[1].0.since(Instant::from_millis(1_060));
    assert!(
        took > Duration::from_millis(90),
        "{took:?}: the deaf one was silent for too long to try anything"
    );
}

/// Its speaker dies again and again; it is the plan's first, and gets the VIP back only once it has been stable.
#[test]
fn who_dies_all_the_time_comes_last_for_a_while() {
    let mut faults: Vec<_> = (0..3).map(|n| fault(1_000 + n * 2_000, 200, What::Crash(0))).collect();
    faults.push(fault(8_000, 3_000, What::Drain(1)));
    faults.push(fault(80_000, 3_000, What::Drain(2)));
    let mut world = World::new(scene(3), faults);
    world.run(Instant::from_millis(79_000));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1, 2], vec![2]));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    // Faults that come as late as the next are not what the checks are made for.
    world.run_unchecked(Instant::from_millis(81_000));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1, 2, 0], vec![0]));
}

/// Its peers let it come last; it must know that, or it claims in the same moment as the one whose turn it is.
#[test]
fn who_dies_all_the_time_knows_it_and_leaves_the_vip_to_others() {
    // The third has seen those deaths, or has not, since it started after them: the owner tells, and then the first does.
    for third_forgets in [false, true] {
        let mut faults: Vec<_> = (0..3).map(|n| fault(1_000 + n * 2_000, 200, What::Crash(0))).collect();
        faults.extend(third_forgets.then(|| fault(6_500, 200, What::Crash(2))));
        faults.push(fault(8_000, 20_000, What::Crash(1)));
        let mut world = World::new(scene(3), faults);
        world.run(Instant::from_millis(10_000));
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1, 2], vec![2]), "{third_forgets}");
        let took = world.checks.claims[2].0.since(Instant::from_millis(8_000));
        assert!(took < Duration::from_millis(90), "{took:?}: nobody waits for it");
        assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
        // It is the only one left: coming last, it comes.
        world.speakers[2].segment = None;
        world.run_unchecked(Instant::from_millis(10_200));
        assert_eq!(owners(&world), [0]);
    }
}

/// Where all of them flap, the plan's order stands.
#[test]
fn those_that_die_all_the_time_keep_their_order() {
    let mut faults: Vec<_> = (0..3).map(|n| fault(1_000 + n * 2_000, 200, What::Crash(0))).collect();
    faults.extend((0..3).map(|n| fault(2_000 + n * 2_000, 200, What::Crash(1))));
    faults.push(fault(9_000, 20_000, What::Crash(2)));
    let world = run(scene(3), faults, 11_000);
    assert_eq!((claims_after(&world, 8_000), owners(&world)), (vec![0], vec![0]));
}

#[test]
fn keys_rotate_in_the_middle_of_a_take_over() {
    use ferrolb_ownership::{Key, Keys};
    let key = |n| Key::new(&[n; 32]).unwrap();
    let mut world = World::new(scene(3), vec![fault(1_000, 60_000, What::Crash(0))]);
    let steps = [(980, Keys::new(key(1), Some(key(2)))), (1_060, Keys::new(key(2), Some(key(1))))];
    for (at, keys) in steps {
        for index in 1..3u64 {
            world.run(Instant::from_millis(at + index * 5));
            let keys = keys.clone();
            world.change(usize::try_from(index).unwrap(), |speaker, now| {
                speaker.segment.as_mut().unwrap().handle_keys(now, keys);
            });
        }
    }
    world.run(Instant::from_millis(3_500));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    let took = world.checks.claims[1].0.since(Instant::from_millis(1_000));
    assert!(took < Duration::from_millis(90), "{took:?}");
}

#[test]
fn who_was_asked_by_a_client_counts_as_connected() {
    let scene = Scene { gateway: false, prober: true, ..scene(1) };
    let world = run(scene, vec![fault(1_000, 20, What::Crash(0))], 2_500);
    assert!(world.speakers[0].status(world.scene.vips[0]).unwrap().ballot.unwrap().connected);
    assert!(world.prober.questions > 50);
}
