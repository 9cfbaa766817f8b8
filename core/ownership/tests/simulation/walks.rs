//! Named stories: one cause each, and what must come of it.

use core::time::Duration;

use ferrolb_ownership::{Event, LostCause, Plan, StateName, Timing};
use ferrolb_sansio::Instant;

use crate::fault::{Fault, What, vip};
use crate::scene::{Boot, Scene};
use crate::speaker::mac;
use crate::world::World;

pub(crate) fn scene(speakers: usize) -> Scene {
    Scene {
        seed: 1,
        speakers,
        vips: vec![vip(0, true)],
        candidates: vec![(0..speakers).collect()],
        gateway: true,
        ipv6_only: false,
        boot: Boot::InOrder,
        paces: vec![Timing::REALTIME; speakers],
        prober: false,
    }
}

pub(crate) fn fault(begins: u64, lasts: u64, what: What) -> Fault {
    let begins = Instant::from_millis(begins);
    Fault { begins, ends: begins + Duration::from_millis(lasts), what }
}

/// Runs to the end of `millis` and asserts that no promise was broken.
pub(crate) fn run(scene: Scene, faults: Vec<Fault>, millis: u64) -> World {
    let mut world = World::new(scene, faults);
    world.run(Instant::from_millis(millis));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    world
}

/// Who claimed the VIP after `millis`, in order.
pub(crate) fn claims_after(world: &World, millis: u64) -> Vec<usize> {
    let since = Instant::from_millis(millis);
    world.checks.claims.iter().filter(|claim| claim.0 >= since).map(|claim| claim.2).collect()
}

pub(crate) fn owners(world: &World) -> Vec<usize> {
    let vip = world.scene.vips[0];
    (0..world.scene.speakers).filter(|&node| world.speakers[node].answers(vip)).collect()
}

#[test]
fn the_first_candidate_claims_once_and_nothing_moves_without_a_cause() {
    let world = run(scene(3), Vec::new(), 10_000);
    assert_eq!((claims_after(&world, 0), owners(&world)), (vec![0], vec![0]));
}

#[test]
fn heard_by_a_third_the_owner_stays_though_one_does_not_hear_it() {
    let world = run(scene(3), vec![fault(1_000, 1_500, What::OneWay(0, 1))], 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

#[test]
fn unheard_by_the_only_other_the_owner_yields_once_and_for_all() {
    let world = run(scene(2), vec![fault(1_000, 1_500, What::OneWay(0, 1))], 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
}

#[test]
fn a_backup_the_owner_does_not_hear_changes_nothing() {
    for speakers in [2, 3] {
        let world = run(scene(speakers), vec![fault(1_000, 1_500, What::OneWay(1, 0))], 4_950);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    }
}

#[test]
fn a_freeze_of_50_ms_moves_nothing() {
    let world = run(scene(3), vec![fault(1_000, 50, What::Freeze(0))], 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

/// What a paused machine did not hear is no silence of others.
#[test]
fn a_backup_paused_with_its_machine_takes_nothing() {
    for lasts in [40, 60, 100, 1_000] {
        let world = run(scene(2), vec![fault(1_000, lasts, What::Paused(1))], 4_950);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]), "paused for {lasts} ms");
    }
}

/// Whoever does not hear the owner cannot take over from it without a gap, so it waits.
#[test]
fn an_owner_gives_up_only_to_one_that_hears_it() {
    let scene = Scene { candidates: vec![vec![0, 1]], ..scene(3) };
    let faults = vec![fault(1_000, 1_000, What::OneWay(0, 1)), fault(1_300, 60_000, What::NotReady(0))];
    let mut world = World::new(scene, faults);
    world.run(Instant::from_millis(1_999));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    world.run(Instant::from_millis(2_100));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
}

/// Started again while the owner's frames do not reach it, a speaker can prove nothing to the owner nor the owner to
/// it; a bystander tells each that the other lives. They must not take the VIP from one another.
#[test]
fn two_that_know_each_other_by_hearsay_only_leave_the_vip_where_it_is() {
    let scene = Scene { candidates: vec![vec![0, 1]], ..scene(3) };
    let faults = vec![fault(1_000, 60_000, What::OneWay(0, 1)), fault(1_000, 50, What::Crash(1))];
    let world = run(scene, faults, 8_000);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

#[test]
fn a_survivor_that_was_alone_claims_a_connected_ballot_once_it_is_not() {
    let faults = vec![fault(1_000, 500, What::Crash(0))];
    let mut world = World::new(Scene { gateway: false, ..scene(2) }, faults);
    let address = world.scene.vips[0];
    world.run(Instant::from_millis(1_499));
    assert!(!world.speakers[1].status(address).unwrap().ballot.unwrap().connected);
    world.run(Instant::from_millis(3_000));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert!(world.speakers[1].status(address).unwrap().ballot.unwrap().connected);
    assert_eq!(owners(&world), [1]);
}

#[test]
fn a_freeze_around_d_leaves_one_owner_whoever_it_is() {
    for lasts in [60, 70, 80, 90, 100, 110] {
        let world = run(scene(3), vec![fault(1_000, lasts, What::Freeze(0))], 4_950);
        assert_eq!(owners(&world).len(), 1);
        assert!(
            claims_after(&world, 900).len() <= 2,
            "frozen for {lasts} ms: {:?}",
            claims_after(&world, 900)
        );
    }
}

#[test]
fn a_long_freeze_moves_the_vip_once_and_the_thawed_owner_keeps_quiet() {
    for lasts in [500, 10_000] {
        let world = run(scene(3), vec![fault(1_000, lasts, What::Freeze(0))], 1_000 + lasts + 2_500);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]), "frozen for {lasts} ms");
        let causes: Vec<_> = lost(&world, 0);
        assert_eq!(causes, [LostCause::Stalled]);
    }
}

pub(crate) fn lost(world: &World, node: usize) -> Vec<LostCause> {
    let cause = |event: &(Instant, Event)| match event.1 {
        Event::Lost { cause, .. } => Some(cause),
        Event::Joined
        | Event::Owned { .. }
        | Event::Duplicate { .. }
        | Event::MulticastFiltered { .. }
        | Event::SegmentIsolated => None,
    };
    world.speakers[node].events.iter().filter_map(cause).collect()
}

#[test]
fn an_owner_that_restarts_with_a_new_uid_does_not_take_back() {
    for lasts in [5, 60, 300] {
        let world = run(scene(3), vec![fault(1_000, lasts, What::Crash(0))], 4_950);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]), "away for {lasts} ms");
    }
}

#[test]
fn alone_on_its_segment_a_restarted_speaker_owns_again_after_the_join() {
    let world = run(scene(1), vec![fault(1_000, 20, What::Crash(0))], 4_950);
    assert_eq!(claims_after(&world, 900), [0]);
    let claimed = world.checks.claims[1].0.since(Instant::from_millis(1_020));
    assert!((500..520).contains(&claimed.as_millis()), "{claimed:?}");
}

#[test]
fn the_non_owner_of_a_pair_dies_and_the_owner_keeps_the_vip() {
    for gateway in [true, false] {
        let scene = Scene { gateway, ..scene(2) };
        let world = run(scene, vec![fault(1_000, 60_000, What::Crash(1))], 4_950);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    }
}

/// The survivor of a pair may hear nobody: its ballot is not connected, and it owns all the same.
#[test]
fn the_owner_of_a_pair_dies_and_the_other_takes_over_with_nobody_about() {
    for gateway in [true, false] {
        let scene = Scene { gateway, ..scene(2) };
        let world = run(scene, vec![fault(1_000, 60_000, What::Crash(0))], 3_000);
        assert_eq!(claims_after(&world, 900)[0], 1);
        assert_eq!(owners(&world), [1]);
    }
}

#[test]
fn a_carrier_that_flaps_on_both_nodes_leaves_one_owner() {
    for other in [0, 10, 20, 60] {
        let faults = vec![fault(1_000, 30, What::Carrier(0)), fault(1_000 + other, 30, What::Carrier(1))];
        let world = run(scene(2), faults, 4_950);
        assert_eq!(owners(&world).len(), 1);
        assert!(claims_after(&world, 900).len() <= 2, "{:?}", claims_after(&world, 900));
    }
}

#[test]
fn a_lost_carrier_moves_the_vip_and_its_return_does_not() {
    let world = run(scene(3), vec![fault(1_000, 1_000, What::Carrier(0))], 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![1], vec![1]));
    assert_eq!(lost(&world, 0), [LostCause::NoCarrier]);
}

/// What could not be heard without a carrier is no silence of others.
#[test]
fn a_backup_whose_carrier_returns_takes_nothing() {
    for lasts in [30, 200, 1_000] {
        let world = run(scene(2), vec![fault(1_000, lasts, What::Carrier(1))], 4_950);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]), "away for {lasts} ms");
    }
}

#[test]
fn an_isolated_node_with_inflated_terms_loses_when_the_cut_heals() {
    let mut faults = vec![fault(1_000, 2_500, What::Isolated(2))];
    // It is deaf for all it knows and waits a second. Each stall makes the cut-off owner claim again, one term higher.
    faults.extend((0..4).map(|n| fault(2_250 + n * 300, 90, What::Freeze(2))));
    let mut world = World::new(Scene { gateway: false, ..scene(3) }, faults);
    let address = world.scene.vips[0];
    world.run(Instant::from_millis(3_499));
    let inflated = world.speakers[2].status(address).unwrap();
    assert!(inflated.state == StateName::Owner && inflated.term >= 4, "{inflated:?}");
    world.run(Instant::from_millis(5_950));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!(owners(&world), [0]);
    assert!(claims_after(&world, 3_500).is_empty(), "the owner did not even need to raise its ballot");
}

/// Cut off with the old owner, a client does not hear of the new one; once the cut heals it is told at once.
#[test]
fn a_client_cut_off_with_the_loser_is_told_when_the_cut_heals() {
    let with_first_client = What::Partition(0b1001);
    let mut world = World::new(scene(3), vec![fault(1_000, 1_500, with_first_client)]);
    world.run(Instant::from_millis(2_499));
    assert_eq!(owners(&world), [0, 1], "each side has one");
    let believes = |world: &World, client: usize| world.clients[client].cache[0].mac.unwrap();
    assert_eq!((believes(&world, 0), believes(&world, 1)), (mac(0), mac(1)));
    world.run(Instant::from_millis(2_600));
    assert_eq!(owners(&world), [1]);
    assert_eq!((believes(&world, 0), believes(&world, 1)), (mac(1), mac(1)));
}

/// A bystander remembers the connected ballot of a dead owner, which is higher than that of a survivor that was cut
/// off when it took over. The survivor climbs above it and never yields to the dead.
#[test]
fn the_ballot_of_a_dead_owner_does_not_come_back() {
    let faults = vec![
        fault(1_000, 60_000, What::Crash(0)),
        fault(1_000, 1_500, What::Isolated(1)),
        fault(1_000, 1_500, What::Isolated(2)),
    ];
    let scene = Scene { candidates: vec![vec![0, 1]], gateway: false, ..scene(3) };
    let mut world = World::new(scene, faults);
    let address = world.scene.vips[0];
    world.run(Instant::from_millis(2_490));
    let ballot = |world: &World, node: usize| world.speakers[node].status(address).unwrap().ballot.unwrap();
    assert!(!ballot(&world, 1).connected, "it hears nobody");
    assert!(ballot(&world, 2) > ballot(&world, 1), "the bystander knows a higher ballot");
    world.run(Instant::from_millis(4_950));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    assert_eq!(owners(&world), [1]);
    assert_eq!(lost(&world, 1), [], "it owned all the time");
    assert!(ballot(&world, 1).connected);
    assert_eq!(ballot(&world, 1), ballot(&world, 2));
}

#[test]
fn draining_keeps_what_nobody_else_can_take() {
    let world = run(scene(1), vec![fault(1_000, 60_000, What::Drain(0))], 2_000);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

#[test]
fn a_vip_that_leaves_the_plan_is_answered_by_nobody() {
    let mut world = World::new(scene(3), Vec::new());
    world.run(Instant::from_millis(1_000));
    world.plan.vips.clear();
    for index in 0..3 {
        world.change(index, |speaker, now| {
            speaker.plan.vips.clear();
            speaker.segment.as_mut().unwrap().handle_plan(now, Plan { revision: 2, ..Plan::default() });
        });
    }
    world.run_unchecked(Instant::from_millis(2_000));
    assert!(owners(&world).is_empty());
    assert!(claims_after(&world, 900).is_empty());
}

#[test]
fn a_reordered_list_moves_nothing() {
    let faults = vec![fault(1_000, 1, What::Plan { vip: 0, order: vec![2, 1, 0] })];
    let world = run(scene(3), faults, 4_950);
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

#[test]
fn a_list_reordered_in_the_middle_of_a_take_over_leaves_one_owner() {
    for after in [20, 60, 80, 90, 100] {
        let reorder = What::Plan { vip: 0, order: vec![2, 1] };
        let faults = vec![fault(1_000, 60_000, What::Crash(0)), fault(1_000 + after, 1, reorder)];
        let world = run(scene(3), faults, 4_950);
        assert_eq!(owners(&world).len(), 1);
    }
}

#[test]
fn a_loop_that_is_late_at_random_moves_nothing() {
    for node in [0, 1] {
        let world = run(scene(3), vec![fault(1_000, 1_900, What::Late(node))], 4_950);
        assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]), "node-{node} is late");
    }
}

/// The loser's announcement was on its way for long and comes after the winner's, which is then said again.
#[test]
fn a_losers_burst_after_the_winners_does_not_stay_in_caches() {
    let mut world = World::new(scene(3), vec![fault(1_000, 500, What::Freeze(0))]);
    world.run(Instant::from_millis(3_000));
    assert_eq!(owners(&world), [1]);
    let (address, mut frame) = (world.scene.vips[0], Vec::new());
    let form = ferrolb_neighbor::Form::Request;
    ferrolb_neighbor::write_gratuitous(&mut frame, mac(0), address, form, None);
    world.network.send(ferrolb_sim::Port(0), &frame);
    world.run(Instant::from_millis(3_020));
    assert_eq!(world.clients[0].cache[0].mac, Some(mac(1)));
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
}
