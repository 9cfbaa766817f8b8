//! Named stories about addresses that somebody else used before they became VIPs.

use core::time::Duration;
use std::net::IpAddr;

use ferrolb_neighbor::{Form, Mac, Message, hear, write_answer, write_gratuitous};
use ferrolb_ownership::{Event, LostCause, PORT};
use ferrolb_sansio::Instant;
use ferrolb_sim::Port;

use crate::scene::{Boot, Scene};
use crate::walks::{claims_after, lost, owners, scene};
use crate::world::World;

const FOREIGN: Mac = Mac([2, 0, 0, 0, 9, 9]);

/// A host at the prober's port that has the address of the VIP.
fn answer_as_foreign(world: &mut World, until: u64) {
    let port = Port(world.scene.ports() - 1);
    let from = u64::try_from(world.now().since(Instant::ZERO).as_millis()).unwrap();
    for millis in from..=until {
        world.run_unchecked(Instant::from_millis(millis));
        let mut frame = Vec::new();
        for asked in core::mem::take(&mut world.overheard) {
            if let Ok(heard) = hear(&asked, PORT)
                && let Message::Request(request) = heard.message
                && request.target == world.scene.vips[0]
            {
                write_answer(&mut frame, FOREIGN, request.target, request.mac, request.asker);
                world.network.send(port, &frame);
            }
        }
    }
}

/// How often a speaker asked who has the VIP as one that has no address yet, and announced it.
fn said(world: &World, vip: IpAddr) -> (usize, usize) {
    let messages =
        || world.tapped.iter().filter_map(|frame| hear(frame, PORT).ok()).map(|heard| heard.message);
    let asks = |message: &Message<'_>| matches!(message, Message::Request(request) if request.target == vip && request.asker.is_none());
    let announces =
        |message: &Message<'_>| matches!(message, Message::Answer { address, .. } if *address == vip);
    (messages().filter(asks).count(), messages().filter(announces).count())
}

fn duplicates(world: &World, node: usize) -> usize {
    let told = Event::Duplicate { vip: world.scene.vips[0], mac: FOREIGN };
    world.speakers[node].events.iter().filter(|(_, event)| *event == told).count()
}

/// The first claim and the question who has the address go out together; whoever had it before keeps it.
#[test]
fn a_first_claim_that_is_answered_is_given_up() {
    for v4 in [true, false] {
        let mut world = World::new(Scene { vips: vec![crate::fault::vip(0, v4)], ..scene(3) }, Vec::new());
        world.overhears = true;
        answer_as_foreign(&mut world, 8_000);
        assert_eq!(owners(&world), [] as [usize; 0]);
        assert!(claims_after(&world, 0).len() <= 3, "each tried once: {:?}", claims_after(&world, 0));
        let (first, cause) = (claims_after(&world, 0)[0], LostCause::Contested);
        assert_eq!((first, lost(&world, first)), (0, vec![cause]));
        assert!(duplicates(&world, 0) >= 1);
        let status = world.speakers[0].status(world.scene.vips[0]).unwrap();
        assert_eq!(status.contestant, Some(FOREIGN));
        // The host is gone. Nobody knows before the next questions stay unanswered.
        let gone = world.now();
        world.run_unchecked(gone + Duration::from_secs(16));
        assert_eq!(owners(&world).len(), 1, "v4: {v4}");
        let (claimed, ..) = *world.checks.claims.last().unwrap();
        assert!(claimed.since(gone) >= Duration::from_secs(3), "after three questions");
    }
}

/// It was heard in the last ten minutes: nothing is announced before three questions stayed unanswered (RFC 5227 §2.1.1).
#[test]
fn where_another_station_was_heard_a_first_claim_waits_for_silence() {
    let mut world = World::new(Scene { gateway: false, ..scene(1) }, Vec::new());
    world.tap = Some(0);
    world.run_unchecked(Instant::from_millis(300));
    let (vip, port) = (world.scene.vips[0], Port(world.scene.ports() - 1));
    let mut frame = Vec::new();
    write_gratuitous(&mut frame, FOREIGN, vip, Form::Request, None);
    world.network.send(port, &frame);
    world.run_unchecked(Instant::from_millis(4_400));
    assert_eq!((said(&world, vip), claims_after(&world, 0).len()), ((3, 0), 0));
    world.run_unchecked(Instant::from_millis(4_700));
    assert_eq!(owners(&world), [0]);
    world.network.send(port, &frame);
    world.run_unchecked(Instant::from_millis(5_700));
    assert_eq!(lost(&world, 0), [LostCause::Contested], "an answer that comes late counts as well");
}

/// Its ten minutes are over: the claim is made at once.
#[test]
fn a_station_not_heard_for_ten_minutes_is_forgotten() {
    let mut world = World::new(Scene { gateway: false, boot: Boot::At(&[0]), ..scene(1) }, Vec::new());
    world.run_unchecked(Instant::from_millis(300));
    let (vip, port) = (world.scene.vips[0], Port(world.scene.ports() - 1));
    world.change(0, |speaker, _| speaker.ready = false);
    let unready = |world: &mut World, ready: bool| {
        world.change(0, |speaker, now| {
            speaker.ready = ready;
            speaker.segment.as_mut().unwrap().handle_ready(now, vip, ready);
        });
    };
    unready(&mut world, false);
    let mut frame = Vec::new();
    write_gratuitous(&mut frame, FOREIGN, vip, Form::Reply, None);
    world.network.send(port, &frame);
    world.run_unchecked(Instant::from_millis(601_000));
    unready(&mut world, true);
    world.run_unchecked(Instant::from_millis(601_100));
    assert_eq!(owners(&world), [0]);
}

/// Routers answer for all they know a way to (proxy ARP). That is no claim to the address.
#[test]
fn a_gateway_that_answers_for_everything_stops_nobody() {
    let mut world = World::new(scene(3), Vec::new());
    let vip = world.scene.vips[0];
    world.gateway.as_mut().unwrap().addresses.push(vip);
    world.run_unchecked(Instant::from_millis(3_000));
    assert_eq!((claims_after(&world, 0), owners(&world)), (vec![0], vec![0]));
}

/// What has been owned for a while is kept, whoever uses it: `trust.rs` has the rest of that story.
#[test]
fn a_station_that_comes_later_takes_nothing() {
    let mut world = World::new(scene(3), Vec::new());
    world.run(Instant::from_millis(2_000));
    world.overhears = true;
    answer_as_foreign(&mut world, 4_000);
    assert_eq!((claims_after(&world, 0), owners(&world)), (vec![0], vec![0]));
}
