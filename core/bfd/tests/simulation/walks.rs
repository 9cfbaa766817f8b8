//! Named walks.

use std::time::Duration;

use ferrolb_bfd::{Profile, State};
use ferrolb_sansio::Instant;

use crate::check::END;
use crate::fault::{Fault, Scene, What};
use crate::node::path;
use crate::world::World;

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn fan(nodes: usize, interval: u64) -> Scene {
    let profile = Profile::new(ms(interval), ms(interval), 3).unwrap();
    Scene { seed: 1, nodes, profiles: vec![profile; nodes] }
}

fn at(millis: u64, until: u64, what: What) -> Fault {
    Fault { begins: Instant::from_millis(millis), ends: Instant::from_millis(until), what }
}

/// How long after a fault at five seconds the first of a pair is no longer up.
fn detection(interval: u64, what: What) -> Duration {
    let mut world = World::new(fan(2, interval), vec![at(5_000, 8_000, what)]);
    let begin = Instant::from_millis(5_000);
    let mut until = begin;
    world.run(until);
    assert_eq!(world.nodes[0].table.session(&path(1)).unwrap().state, State::Up);
    while world.nodes[0].table.session(&path(1)).unwrap().state == State::Up {
        until += Duration::from_micros(100);
        world.run(until);
    }
    world.run(END);
    assert_eq!(world.checks.violations, []);
    until.since(begin)
}

#[test]
fn a_dead_peer_is_found_out_within_the_detection_time() {
    for interval in [300, 50, 10] {
        for what in [What::Crash(1), What::Cut(0, 1), What::Freeze(1), What::OneWay(1, 0)] {
            let took = detection(interval, what);
            let bounds = ms(interval * 2)..=ms(interval * 3 + 1);
            assert!(bounds.contains(&took), "{interval} ms, {what:?}: {took:?}");
        }
    }
}

/// The end that is still heard is told by the one that hears nothing.
#[test]
fn what_works_one_way_only_is_found_out_by_both_ends() {
    let took = detection(50, What::OneWay(0, 1));
    assert!(took <= ms(152), "{took:?}");
}

#[test]
fn nothing_ever_flaps_while_all_is_well() {
    let mut world = World::new(fan(9, 10), vec![]);
    world.run(Instant::from_millis(30_000));
    assert_eq!(world.checks.violations, []);
    assert_eq!(world.checks.downs, 0);
    for peer in 1..9 {
        let status = world.nodes[0].table.session(&path(peer)).unwrap();
        assert_eq!((status.state, status.ups, status.downs), (State::Up, 1, 0));
    }
}

#[test]
fn a_session_is_up_within_two_round_trips_of_the_first_packet() {
    let mut world = World::new(fan(2, 300), vec![]);
    world.run(Instant::from_millis(110));
    for (node, peer) in [(0, 1), (1, 0)] {
        assert_eq!(world.nodes[node].table.session(&path(peer)).unwrap().state, State::Up);
    }
}

/// A whole change of pace, there and back, and nobody goes down.
#[test]
fn intervals_change_under_a_session_that_stays_up() {
    let mut world = World::new(fan(2, 50), vec![]);
    for (second, interval) in [(3, 1_000), (7, 10), (9, 300), (12, 50)] {
        world.run(Instant::from_millis(second * 1_000));
        let profile = Profile::new(ms(interval), ms(interval), 3).unwrap();
        world.want(0, 1, profile);
        world.want(1, 0, profile);
        world.run(Instant::from_millis(second * 1_000 + 1_900));
        let status = world.nodes[0].table.session(&path(1)).unwrap();
        assert_eq!(status.transmit_interval, Some(ms(interval)));
        assert_eq!(status.detection_time, Some(ms(3 * interval)));
    }
    assert_eq!(world.checks.violations, []);
    assert_eq!(world.checks.downs, 0);
}

#[test]
fn of_many_peers_only_the_dead_one_is_down() {
    let mut world = World::new(fan(9, 50), vec![at(5_000, 9_000, What::Crash(4))]);
    world.run(Instant::from_millis(5_200));
    for peer in 1..9 {
        let state = world.nodes[0].table.session(&path(peer)).unwrap().state;
        assert_eq!(state == State::Up, peer != 4, "{peer} is {state}");
    }
    world.run(END);
    assert_eq!(world.checks.violations, []);
}
