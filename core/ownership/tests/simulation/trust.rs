//! Named stories about whom to believe: keys, replays, other clusters, other stations.

use core::time::Duration;

use ferrolb_neighbor::{Form, Mac, write_gratuitous};
use ferrolb_ownership::{ClusterId, Event, Key, Keys, Plan, VipPlan};
use ferrolb_sansio::Instant;
use ferrolb_sim::Port;

use crate::fault::{What, vip};
use crate::speaker::{keys, node};
use crate::walks::{claims_after, fault, owners, scene};
use crate::world::World;

#[test]
fn two_clusters_on_one_segment_do_not_hear_each_other() {
    let mut world = World::new(scene(4), Vec::new());
    for (index, speaker) in world.speakers.iter_mut().enumerate() {
        let other = index >= 2;
        speaker.cluster = ClusterId(if other { 2 } else { 1 });
        if other {
            speaker.plan = plan_of(vip(7, true), &[2, 3]);
        } else {
            speaker.plan = plan_of(vip(0, true), &[0, 1]);
        }
    }
    world.plans_are_own = true;
    world.run(Instant::from_millis(740));
    for (index, owned) in [(0, vip(0, true)), (2, vip(7, true))] {
        assert!(world.speakers[index].answers(owned));
        let counters = world.speakers[index].segment.as_ref().unwrap().counters();
        assert!(counters.foreign_cluster > 20);
        assert_eq!((counters.bad_signature, counters.unknown_key, counters.duplicates), (0, 0, 0));
        let known = world.speakers[index].segment.as_ref().unwrap().vips().count();
        assert_eq!(known, 1, "the other cluster's VIP is none of ours");
    }
}

#[test]
fn replayed_frames_do_not_keep_a_dead_owner_alive() {
    let mut world = World::new(scene(3), Vec::new());
    world.tap = Some(0);
    world.run(Instant::from_millis(1_500));
    world.speakers[0].segment = None;
    let recorded = world.tapped.clone();
    assert!(recorded.len() > 30);
    for step in 0..300u64 {
        world.run(Instant::from_millis(1_500 + step));
        for frame in recorded.iter().skip(recorded.len() - 30) {
            world.network.send(Port(4), frame);
        }
    }
    let (at, _, taker) = world.checks.claims[1];
    assert_eq!(taker, 1);
    assert!(at.since(Instant::from_millis(1_500)) < Duration::from_millis(90), "{at:?}");
    assert!(world.speakers[1].segment.as_ref().unwrap().counters().replayed > 1_000);
}

/// A speaker that starts has no memory of sequence numbers: old frames must not impress it either.
#[test]
fn replayed_frames_prove_nothing_to_a_speaker_that_has_just_started() {
    let mut world = World::new(scene(2), vec![fault(1_500, 100, What::Crash(1))]);
    world.tap = Some(0);
    world.run(Instant::from_millis(1_550));
    world.speakers[0].segment = None;
    let recorded = world.tapped.clone();
    for step in 0..900u64 {
        world.run(Instant::from_millis(1_550 + step));
        let frame = &recorded[usize::try_from(step).unwrap() % recorded.len()];
        world.network.send(Port(3), frame);
    }
    assert_eq!(owners(&world), [1]);
    let status = world.speakers[1].status(world.scene.vips[0]).unwrap();
    assert_eq!(status.term, 1, "it knows of no ballot but its own");
}

/// Its frames are not believed, but it answers probes: nothing moves, and people are told what it looks like.
#[test]
fn an_owner_with_the_wrong_key_keeps_the_vip_and_is_reported() {
    let mut world = World::new(scene(3), Vec::new());
    world.run(Instant::from_millis(900));
    world.change(0, |speaker, now| speaker.segment.as_mut().unwrap().handle_keys(now, keys(9)));
    world.run(Instant::from_millis(2_000));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    let counters = *world.speakers[1].segment.as_ref().unwrap().counters();
    assert!(counters.unknown_key > 30);
    let told = Event::MulticastFiltered { node: node(0) };
    assert_eq!(world.speakers[1].events.iter().filter(|(_, event)| *event == told).count(), 1);
}

/// A backup whose frames are not believed hears nobody it believes; it must not take what it can see answered.
#[test]
fn a_backup_with_the_wrong_key_takes_nothing() {
    let mut world = World::new(scene(3), Vec::new());
    world.run(Instant::from_millis(900));
    world.change(1, |speaker, now| speaker.segment.as_mut().unwrap().handle_keys(now, keys(9)));
    world.run(Instant::from_millis(2_000));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

#[test]
fn keys_rotate_without_a_move() {
    let mut world = World::new(scene(3), Vec::new());
    let key = |n| Key::new(&[n; 32]).unwrap();
    let steps = [
        (1_000, Keys::new(key(1), Some(key(2)))),
        (1_400, Keys::new(key(2), Some(key(1)))),
        (1_800, Keys::new(key(2), None)),
    ];
    for (at, keys) in steps {
        for index in 0..3u64 {
            world.run(Instant::from_millis(at + index * 60));
            let keys = keys.clone();
            world.change(usize::try_from(index).unwrap(), |speaker, now| {
                speaker.segment.as_mut().unwrap().handle_keys(now, keys);
            });
        }
    }
    world.run(Instant::from_millis(3_000));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    for speaker in &world.speakers {
        let counters = speaker.segment.as_ref().unwrap().counters();
        assert_eq!((counters.unknown_key, counters.bad_signature), (0, 0));
    }
}

/// A new key reaches the nodes half a second apart, as mounted Secrets do: nobody signs with it before all hold it.
#[test]
fn a_key_that_arrives_late_somewhere_costs_no_frame() {
    let mut world = World::new(scene(3), vec![fault(2_000, 300, What::Crash(2))]);
    let key = |n| Key::new(&[n; 32]).unwrap();
    let give = |world: &mut World, at: u64, index: usize, keys: Keys| {
        world.run(Instant::from_millis(at));
        world.change(index, |speaker, now| speaker.segment.as_mut().unwrap().handle_keys(now, keys));
    };
    for (at, index) in [(1_000, 1), (1_500, 0), (3_500, 2)] {
        give(&mut world, at, index, Keys::new(key(2), Some(key(1))));
    }
    // It started anew with the old key while the others held both, and heard and was heard all the same.
    assert_eq!(claims_after(&world, 900), []);
    for index in 0..3 {
        give(&mut world, 4_000 + index as u64 * 300, index, Keys::new(key(2), None));
    }
    world.run(Instant::from_millis(5_500));
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
    for speaker in &world.speakers {
        let counters = speaker.segment.as_ref().unwrap().counters();
        assert_eq!((counters.unknown_key, counters.bad_signature), (0, 0));
    }
}

#[test]
fn a_foreign_station_with_a_vip_is_told_of_and_not_fought() {
    let mut world = World::new(scene(2), Vec::new());
    world.run(Instant::from_millis(2_000));
    let (address, foreign) = (world.scene.vips[0], Mac([2, 0, 0, 0, 9, 9]));
    let mut frame = Vec::new();
    write_gratuitous(&mut frame, foreign, address, Form::Request, None);
    let before = world.speakers[0].segment.as_ref().unwrap().counters().gratuitous;
    for step in 0..50u64 {
        world.network.send(Port(3), &frame);
        world.run(Instant::from_millis(2_000 + 100 * step));
    }
    let told = Event::Duplicate { vip: address, mac: foreign };
    assert_eq!(world.speakers[0].events.iter().filter(|(_, event)| *event == told).count(), 1);
    let counters = world.speakers[0].segment.as_ref().unwrap().counters();
    assert!(counters.duplicates >= 49);
    assert!(
        counters.gratuitous - before <= 30,
        "one burst in defence, beside the schedule: {}",
        counters.gratuitous - before
    );
    assert_eq!((claims_after(&world, 900), owners(&world)), (vec![], vec![0]));
}

fn plan_of(vip: std::net::IpAddr, order: &[usize]) -> Plan {
    let candidates = order.iter().map(|&index| node(index)).collect();
    Plan {
        revision: 1,
        vips: [(vip, VipPlan { candidates, move_to: None, revision: 1, ready: true })].into(),
    }
}
