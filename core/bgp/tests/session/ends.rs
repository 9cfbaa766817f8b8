//! What is counted and told while a session is up, and what ends it.

use std::time::Duration;

use ferrolb_bgp::session::{Event, StateName};
use ferrolb_bgp::wire::keepalive;

use crate::rig::{Rig, last_words, settings, their_open};

#[test]
fn a_silent_peer_is_told_after_the_hold_time_and_signs_of_life_go_out_meanwhile() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    rig.pass(Duration::from_secs(89));
    assert_eq!(rig.session.state(), StateName::Established);
    let keepalives = rig.done.iter().filter(|done| *done == "sends KEEPALIVE").count();
    assert!((2..=4).contains(&keepalives), "every 22.5 to 30 s: {:?}", rig.done);
    rig.pass(Duration::from_secs(2));
    assert_eq!(rig.session.state(), StateName::Idle);
    assert!(rig.done.last().unwrap().contains("Hold Timer Expired"), "{:?}", rig.done);
    assert_eq!(rig.last_error(), "nothing was heard of the peer for 90 s");
}

#[test]
fn the_lesser_hold_time_holds_and_zero_means_that_nobody_watches() {
    for (theirs, survives) in [(3, false), (90, false), (0, true)] {
        let open = ferrolb_bgp::wire::Open { hold_time: theirs, ..their_open() };
        let mut rig = Rig::with_peer(settings(), &open, StateName::Established);
        assert_eq!(rig.session.peer().unwrap().hold_time, Duration::from_secs(theirs.into()));
        rig.pass(Duration::from_secs(u64::from(theirs) + 1));
        assert_eq!(rig.session.state() == StateName::Established, survives, "{theirs} s");
    }
}

/// A stream cut anywhere, and 200,000 prefixes that are counted and forgotten.
#[test]
fn what_a_peer_announces_is_counted_and_costs_nothing() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    let mut stream = Vec::new();
    let prefixes: Vec<ferrolb_bgp::Prefix> = (0..200_000_u32)
        .map(|n| ferrolb_bgp::Prefix::new((0x0A00_0000 + n).to_be_bytes().into(), 32).unwrap())
        .collect();
    let attributes = ferrolb_bgp::Attributes::new(
        ferrolb_bgp::AsPath::repeated(crate::rig::THEIRS, 1),
        ferrolb_bgp::NextHop::V4([192, 0, 2, 7].into()),
    );
    let negotiated = rig.session.peer().unwrap().negotiated;
    let family = ferrolb_bgp::Family::Ipv4Unicast;
    let announcement = ferrolb_bgp::wire::Announcement::new(family, &attributes, &negotiated).unwrap();
    let mut left = prefixes.into_iter();
    while announcement.write(&mut stream, &mut left) > 0 {}
    for part in stream.chunks(1_777) {
        rig.receive(|out| out.extend_from_slice(part));
    }
    assert_eq!(rig.session.counters().announced, 200_000);
    assert_eq!(rig.session.counters().announced_now, [200_000, 0]);
    assert_eq!(rig.session.state(), StateName::Established);
    assert_eq!(rig.session.worst_fault(), None);
    assert_eq!(rig.session.counters().received.update, (stream.len() as u64).div_ceil(4_096));
    rig.close(Some("reset by the peer"));
    rig.session.retry_now(rig.now);
    rig.settle();
    rig.connect();
    rig.open(&their_open());
    rig.receive(keepalive);
    assert_eq!(rig.session.state(), StateName::Established);
    let counters = rig.session.counters();
    assert_eq!((counters.announced, counters.announced_now), (200_000, [0; 2]), "another session began");
}

/// RFC 7606 §2: the routes of an UPDATE without an ORIGIN count as withdrawn, and the session stays.
#[test]
fn a_wrong_update_is_told_once_and_counted() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    for _ in 0..3 {
        rig.receive(|out| {
            out.extend_from_slice(&[0xFF; 16]);
            out.extend_from_slice(&[0, 28, 2, 0, 0, 0, 0, 32, 10, 0, 0, 1]);
        });
    }
    assert_eq!(rig.session.state(), StateName::Established);
    assert_eq!(rig.session.counters().treated_as_withdrawn, 3);
    let told = rig.events.iter().filter(|event| matches!(event, Event::Fault(_))).count();
    assert_eq!(told, 1);
    assert!(rig.session.worst_fault().is_some());
}

#[test]
fn a_refresh_is_answered_with_the_whole_family_and_nothing_else() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    let family = ferrolb_bgp::Family::Ipv4Unicast.codes();
    let kind = ferrolb_bgp::wire::RefreshKind::Request;
    rig.receive(|out| ferrolb_bgp::wire::RouteRefresh { family, kind }.encode(out));
    assert_eq!(rig.done, ["sends UPDATE"]);
    rig.receive(keepalive);
    assert_eq!(rig.done.len(), 1);
}

/// The peer is told, and so is whoever looks here; a session that is up has nothing to do with it.
#[test]
fn a_connection_that_came_to_another_address_is_refused() {
    let why = || "it came to 192.0.2.5, and sourceAddress says 192.0.2.6".to_owned();
    for state in StateName::ALL.into_iter().filter(|state| *state != StateName::Idle) {
        let mut rig = Rig::brought_to(settings(), state);
        let last = rig.session.handle_misdirected(rig.now, why());
        rig.settle();
        assert_eq!(last_words(&last), "Cease: Connection Rejected");
        assert_eq!((rig.session.state(), rig.done.len()), (state, 0));
        let up = state == StateName::Established;
        assert_eq!(rig.last_error().ends_with("sourceAddress says 192.0.2.6"), !up, "{}", rig.last_error());
        assert_eq!(rig.events.len(), usize::from(!up), "{:?}", rig.events);
    }
    let mut stopped = Rig::new(settings());
    stopped.session.handle_misdirected(stopped.now, why());
    assert_eq!(stopped.session.poll_event(), None);
}
