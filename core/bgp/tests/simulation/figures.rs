//! How long it takes to tell many routes; printed, and held to a generous bound.

use std::sync::Arc;
use std::time::{Duration, Instant as Clock};

use ferrolb_bgp::Prefix;
use ferrolb_bgp::session::{Opening, Session, TransportId};
use ferrolb_sansio::Instant;

use crate::host::route;
use crate::scene::Scene;
use crate::world::World;

const PREFIXES: u32 = 100_000;

/// 100,000 prefixes that share their attributes, onto a session that is up; then one change.
#[test]
fn a_hundred_thousand_prefixes_are_written_in_tens_of_milliseconds() {
    let mut world = established();
    let session = world.hosts[0].session.as_mut().unwrap();
    let transport = world.tcp.of(0)[0].2;
    let shared = route(1);
    let began = Clock::now();
    for n in 0..PREFIXES {
        session.routes().set(prefix(n), Some(Arc::clone(&shared)));
    }
    let set = began.elapsed();
    let began = Clock::now();
    let octets = write_all(session, world.now, transport);
    let written = began.elapsed();
    let mut changes: Vec<_> = (0..101)
        .map(|n| {
            let began = Clock::now();
            session.routes().set(prefix(n), Some(route(2)));
            let octets = write_all(session, world.now, transport);
            assert!(octets < 100, "one prefix and no other: {octets} octets");
            began.elapsed()
        })
        .collect();
    changes.sort_unstable();
    println!("{PREFIXES} prefixes: set in {set:?}, {octets} octets written in {written:?}");
    println!("one change: p50 {:?}, max {:?}", changes[50], changes[100]);
    assert!(octets < 520_000, "as few UPDATEs as fit");
    assert!(set + written < Duration::from_secs(2), "{set:?} {written:?}");
}

/// Writes what is owed to a transport that takes everything; says how many octets that were.
fn write_all(session: &mut Session, now: Instant, transport: TransportId) -> usize {
    let mut octets = 0;
    loop {
        match session.poll_transmit(now, transport).len() {
            0 => return octets,
            taken => {
                octets += taken;
                session.handle_sent(now, transport, taken);
            }
        }
    }
}

fn established() -> World {
    let scene = Scene {
        seed: 1,
        openings: [Opening::Active, Opening::Passive],
        hold_times: [90, 90],
        graceful: [false, false],
        internal: false,
        same_identifier: false,
        routes: 0,
    };
    let mut world = World::new(scene, vec![]);
    world.run(Instant::from_millis(20_000));
    assert!(world.hosts[0].established());
    world
}

fn prefix(n: u32) -> Prefix {
    Prefix::new((0x0A00_0000 + n).to_be_bytes().into(), 32).unwrap()
}
