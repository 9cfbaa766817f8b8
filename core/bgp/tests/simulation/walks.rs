//! Runs by name: what the seeds found, and what people ask about.

use std::time::Duration;

use ferrolb_bgp::session::Opening;
use ferrolb_sansio::Instant;

use crate::fault::{Fault, What};
use crate::scene::Scene;
use crate::seeds::play;
use crate::world::World;

fn scene(seed: u64) -> Scene {
    Scene {
        seed,
        openings: [Opening::Either, Opening::Either],
        hold_times: [90, 90],
        graceful: [false, false],
        internal: false,
        same_identifier: false,
        routes: 40,
    }
}

fn at(seconds: u64, what: What) -> Fault {
    Fault { at: Instant::ZERO + Duration::from_secs(seconds), what }
}

/// When both are up, from the beginning of the run on; looked at every 50 ms.
fn meet(world: &mut World, after: Duration) -> Duration {
    let mut now = Instant::ZERO + after;
    world.run(now);
    while !(world.hosts[0].established() && world.hosts[1].established()) {
        now += Duration::from_millis(50);
        assert!(now < Instant::ZERO + Duration::from_secs(600), "they never meet");
        world.run(now);
    }
    assert!(world.checks.violations.is_empty(), "{:?}", world.checks.violations);
    now.since(Instant::ZERO + after)
}

/// Both dial at the same moment, whoever is quicker: one session, and almost always at once. The RFC leaves a race: if one
/// side has the session up on the transport that loses just when the other closes it for the one that wins, both go, and
/// the next attempt decides.
#[test]
fn simultaneous_opens_end_in_one_session() {
    let mut took = Vec::new();
    for seed in 0..300 {
        for same_identifier in [false, true] {
            let scene = Scene { same_identifier, ..scene(seed) };
            took.push(meet(&mut World::new(scene, vec![]), Duration::ZERO));
        }
    }
    took.sort_unstable();
    let again = took.iter().filter(|took| **took > Duration::from_millis(50)).count();
    println!("{} simultaneous opens: {again} need another attempt, {:?} at most", took.len(), took.last());
    assert!(again * 6 < took.len(), "{again} of {} need another attempt", took.len());
    assert!(took.last().is_some_and(|took| *took <= Duration::from_secs(15)), "{:?}", took.last());
}

/// Each refused the other while it rested after the other's refusal, for ever (seeds 13 and 19): who rests takes the call of
/// a peer that has begun by itself.
#[test]
fn two_speakers_that_rest_in_turn_meet_again() {
    let internal = Scene { internal: true, hold_times: [9, 30], ..scene(13) };
    let off = What::PowerLoss { host: 0, time: Duration::from_millis(10_530) };
    assert_eq!(play(&internal, &[at(2, off)], false), [""; 0]);
    assert_eq!(play(&Scene { seed: 19, ..internal }, &[at(78, What::Reset1 { host: 0 })], false), [""; 0]);
}

/// A peer that lost power and is back before anybody noticed is not waited for until the hold time is over: its connection
/// makes this speaker ask, and its kernel answers that it knows of nothing.
#[test]
fn a_peer_that_reboots_is_back_long_before_the_hold_time() {
    for seed in 0..100 {
        let faults = vec![at(30, What::PowerLoss { host: 0, time: Duration::from_secs(3) })];
        let mut world = World::new(scene(seed), faults);
        let took = meet(&mut world, Duration::from_millis(33_001));
        assert!(took < Duration::from_secs(12), "seed {seed}: {took:?}");
    }
}

/// A router that restarts its process: back below a second and a half, and not sooner than it is there.
#[test]
fn a_peer_whose_process_restarts_is_back_at_once() {
    for seed in 0..100 {
        let active = Scene { openings: [Opening::Passive, Opening::Active], ..scene(seed) };
        let faults = vec![at(30, What::Kill { host: 0, time: Duration::from_millis(50) })];
        let mut world = World::new(active, faults);
        let took = meet(&mut world, Duration::from_millis(30_060));
        assert!(took <= Duration::from_millis(1_500), "seed {seed}: {took:?}");
    }
}
