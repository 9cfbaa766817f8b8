//! Named stories about speakers that hear no other, though the segment works: isolated ports, private VLANs.

use core::time::Duration;

use ferrolb_ownership::Event;
use ferrolb_sansio::Instant;

use crate::fault::{Fault, What, vip};
use crate::scene::{Boot, Scene};
use crate::walks::{fault, owners, scene};
use crate::world::World;

const LATE: u64 = 1_000_000;

fn isolated() -> Vec<Fault> {
    vec![fault(0, 2_000_000, What::IsolatedPorts(u64::MAX))]
}

fn told(world: &World, node: usize) -> usize {
    world.speakers[node].events.iter().filter(|(_, event)| *event == Event::SegmentIsolated).count()
}

#[test]
fn on_isolated_ports_each_vip_is_its_first_candidates_and_people_are_told() {
    let scene = Scene {
        vips: (0..3).map(|index| vip(index, index != 1)).collect(),
        candidates: vec![vec![0, 1, 2], vec![1, 2, 0], vec![2, 0, 1]],
        ..scene(3)
    };
    let mut world = World::new(scene, isolated());
    world.run_unchecked(Instant::from_millis(9_000));
    assert_eq!([0, 1, 2].map(|node| told(&world, node)), [0; 3], "others may still be starting");
    world.run_unchecked(Instant::from_millis(60_000));
    for node in 0..3 {
        let vip = world.scene.vips[node];
        let owning: Vec<_> = (0..3).filter(|&node| world.speakers[node].answers(vip)).collect();
        assert_eq!(owning, [node]);
        assert_eq!(told(&world, node), 1);
        assert!(world.speakers[node].segment.as_ref().unwrap().status().isolated);
    }
}

/// The first candidate dies, which nobody can hear. Clients ask in vain, and that is heard.
#[test]
fn a_dead_first_candidate_on_isolated_ports_is_replaced_once_clients_ask_in_vain() {
    let mut world = World::new(Scene { candidates: vec![vec![0, 1]], ..scene(2) }, isolated());
    world.run_unchecked(Instant::from_millis(5_000));
    assert_eq!(owners(&world), [0]);
    world.speakers[0].segment = None;
    world.run_unchecked(Instant::from_millis(10_000));
    assert_eq!(owners(&world), [] as [usize; 0], "clients have it in their caches and do not ask");
    world.clients[0].forget();
    world.run_unchecked(Instant::from_millis(12_500));
    assert_eq!(owners(&world), [1]);
}

/// After a power cut one node of three comes back. It is not first for anything, and has lost its memory.
#[test]
fn the_only_survivor_of_a_restart_owns_what_clients_ask_for() {
    let scene = Scene { boot: Boot::At(&[LATE, LATE, 0]), ..scene(3) };
    let mut world = World::new(scene, Vec::new());
    world.run_unchecked(Instant::from_millis(600));
    assert_eq!(owners(&world), [] as [usize; 0]);
    world.run_unchecked(Instant::from_millis(3_000));
    assert_eq!(owners(&world), [2]);
}

/// The same, told that others were heard in an earlier run.
#[test]
fn the_only_survivor_that_has_heard_others_before_owns_at_once() {
    let scene = Scene { boot: Boot::At(&[LATE, LATE, 0]), ..scene(3) };
    let mut world = World::new(scene, Vec::new());
    world.speakers[2].acquainted = true;
    world.run_unchecked(Instant::from_millis(550));
    assert_eq!(owners(&world), [2]);
    world.run_unchecked(Instant::from_millis(20_000));
    assert_eq!(told(&world, 2), 0);
}

/// Nobody answers at all: it cannot know that the segment works, and serves its own side as ever.
#[test]
fn who_hears_nobody_at_all_is_alone_and_not_isolated() {
    let scene = Scene { gateway: false, boot: Boot::At(&[LATE, LATE, 0]), ..scene(3) };
    let mut world = World::new(scene, Vec::new());
    world.run_unchecked(Instant::from_millis(550));
    assert_eq!(owners(&world), [2]);
}

/// The ports are joined again: whoever owned what was not its own yields, and all hear each other.
#[test]
fn when_isolation_ends_there_is_one_owner_at_once() {
    let scene = Scene { candidates: vec![vec![0, 1]], ..scene(2) };
    let mut world = World::new(scene, vec![fault(0, 9_000, What::IsolatedPorts(u64::MAX))]);
    world.run_unchecked(Instant::from_millis(3_000));
    world.freeze(0);
    world.clients[0].forget();
    world.run_unchecked(Instant::from_millis(6_000));
    world.thaw(0);
    world.run_unchecked(Instant::from_millis(8_900));
    assert_eq!(owners(&world), [0, 1], "neither hears the other");
    world.run_unchecked(Instant::from_millis(9_200));
    assert_eq!(owners(&world).len(), 1);
    let status = world.speakers[0].segment.as_ref().unwrap().status();
    assert_eq!((status.heard.len(), status.isolated), (1, false));
    assert_eq!(status.interval, Duration::from_millis(25));
}
