//! How long nobody owns a VIP after its owner dies.

use core::time::Duration;

use ferrolb_ownership::Timing;
use ferrolb_sansio::Instant;

use crate::fault::vip;
use crate::scene::{Boot, Scene};
use crate::world::World;

const RUNS: u64 = 500;

/// With three speakers: death to claim. D is 88.75 ms, the last heartbeat lies up to T before the death.
#[test]
fn a_silent_owner_of_three_is_replaced_within_90_ms() {
    let mut took: Vec<Duration> = (0..RUNS).map(|seed| take_over(seed, 3)).collect();
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100];
    println!(
        "3 speakers, {RUNS} deaths: p50 {:?} p90 {:?} p99 {:?} max {:?}",
        at(50),
        at(90),
        at(99),
        at(100)
    );
    assert!(at(50) <= Duration::from_millis(80), "{:?}", at(50));
    assert!(at(99) <= Duration::from_millis(90), "{:?}", at(99));
}

/// The interval grows with the number of speakers: 100 of them, the supported cap.
#[test]
fn a_silent_owner_of_a_hundred_is_replaced_within_265_ms() {
    let took = take_over(1, 100);
    println!("100 speakers, a death: {took:?}");
    assert!(took <= Duration::from_millis(265), "{took:?}");
    assert!(took >= Duration::from_millis(150), "the interval did not grow: {took:?}");
}

/// Where not every node grants real-time scheduling, it is the one that falls silent whose pace counts.
#[test]
fn who_falls_silent_is_waited_for_at_its_own_pace() {
    let (fast, slow) = (Timing::REALTIME, Timing::ORDINARY);
    for (paces, least, most) in [([fast, slow, slow], 60, 100), ([slow, fast, fast], 115, 180)] {
        for seed in 0..50 {
            let took = take_over_at(seed, paces.to_vec());
            let expected = Duration::from_millis(least)..Duration::from_millis(most);
            assert!(expected.contains(&took), "{paces:?}, seed {seed}: {took:?}");
        }
    }
}

fn take_over(seed: u64, speakers: usize) -> Duration {
    take_over_at(seed, vec![Timing::REALTIME; speakers])
}

/// From the death of the first speaker, which owns, to the claim of another.
fn take_over_at(seed: u64, paces: Vec<Timing>) -> Duration {
    let speakers = paces.len();
    let scene = Scene {
        seed,
        speakers,
        vips: vec![vip(0, seed.is_multiple_of(2))],
        candidates: vec![(0..speakers.min(5)).collect()],
        gateway: false,
        ipv6_only: false,
        boot: Boot::Random,
        paces,
        prober: false,
    };
    let vip = scene.vips[0];
    let mut world = World::new(scene, Vec::new());
    let death = Instant::from_millis(1_500) + Duration::from_micros(seed * 7_919 % 100_000);
    world.run(death);
    let owner =
        (0..speakers).find(|&node| world.speakers[node].answers(vip)).expect("somebody owns it by then");
    let claims = world.checks.claims.len();
    world.speakers[owner].segment = None;
    world.run(death + Duration::from_millis(600));
    assert_eq!(world.checks.claims.len(), claims + 1, "it moves once");
    let (at, _, taker) = world.checks.claims[claims];
    assert!(world.speakers[taker].answers(vip));
    let segment = world.speakers[taker].segment.as_ref().expect("it runs");
    assert_eq!(segment.counters().late_loops, 0, "a loop that runs on time is never late");
    at.since(death)
}
