//! When a session tries again, and what people can read meanwhile.

use std::time::Duration;

use ferrolb_bgp::session::{Opening, PeerAs, Settings, StateName};
use ferrolb_bgp::wire::Notification;
use ferrolb_bgp::{Asn, wire};

use crate::rig::{Rig, settings, their_open};

fn active() -> Settings {
    Settings { opening: Opening::Active, ..settings() }
}

#[test]
fn only_a_session_that_was_well_and_lost_its_transport_is_tried_below_a_second() {
    for (up, least, most) in [(0, 7_500, 10_000), (9, 7_500, 10_000), (10, 100, 500), (3_600, 100, 500)] {
        let mut rig = Rig::brought_to(active(), StateName::Established);
        for _ in 0..up / 9 {
            rig.pass(Duration::from_secs(9));
            rig.receive(wire::keepalive);
        }
        rig.pass(Duration::from_secs(up % 9));
        rig.close(Some("connection reset"));
        let wait = rig.wait().as_millis();
        assert!((least..=most).contains(&wait), "up for {up} s, tries again after {wait} ms");
        assert_eq!(rig.session.state(), StateName::Active);
        assert_eq!(rig.last_error(), "the connection failed: connection reset");
        // The quick attempt is one: if that fails too, the connect time holds.
        rig.pass(rig.wait());
        rig.close(Some("connection refused"));
        assert!(rig.wait() >= Duration::from_millis(7_500));
    }
}

#[test]
fn refusals_rest_from_5_s_to_5_min_and_say_what_the_peer_said() {
    let mut rig = Rig::brought_to(active(), StateName::OpenSent);
    let mut rests = Vec::new();
    for _ in 0..9 {
        rig.receive(|out| Notification::administrative_shutdown("line card").encode(out));
        assert_eq!(rig.session.state(), StateName::Idle);
        rests.push(rig.wait().as_secs());
        rig.pass(rig.wait());
        rig.connect();
    }
    for (rest, expected) in rests.iter().zip([5, 10, 20, 40, 80, 160, 300, 300, 300]) {
        assert!((expected..=expected * 11 / 10).contains(rest), "{rests:?}");
    }
    assert!(rig.last_error().contains("Administrative Shutdown"), "{}", rig.last_error());
    assert!(rig.last_error().contains("line card"), "{}", rig.last_error());
}

#[test]
fn a_session_that_was_up_for_longer_than_its_rest_rests_shortly_again() {
    let mut rig = Rig::brought_to(active(), StateName::OpenSent);
    for _ in 0..3 {
        rig.receive(|out| Notification::administrative_reset("").encode(out));
        rig.pass(rig.wait());
        rig.connect();
    }
    rig.open(&their_open());
    rig.receive(wire::keepalive);
    for _ in 0..3 {
        rig.pass(Duration::from_secs(20));
        rig.receive(wire::keepalive);
    }
    rig.receive(|out| Notification::administrative_reset("").encode(out));
    assert_eq!(rig.wait().as_secs(), 5);
}

#[test]
fn an_attempt_that_nobody_answers_is_given_up_after_the_connect_time_and_begun_again() {
    let mut rig = Rig::started(active());
    rig.pass(Duration::from_secs(60));
    let attempts = rig.done.iter().filter(|done| *done == "connects").count();
    assert!((6..=9).contains(&attempts), "{:?}", rig.done);
    assert_eq!(rig.last_error(), "the peer could not be reached: it did not answer within 10 s");
    assert_eq!(rig.session.state(), StateName::Connect);
}

#[test]
fn a_passive_session_waits_and_never_dials() {
    let mut rig = Rig::started(Settings { opening: Opening::Passive, ..settings() });
    rig.pass(Duration::from_secs(3_600));
    assert_eq!((rig.session.state(), rig.done.clone()), (StateName::Active, vec![]));
    rig.accept();
    rig.open(&their_open());
    rig.receive(wire::keepalive);
    assert_eq!(rig.session.state(), StateName::Established);
}

#[test]
fn an_active_session_takes_no_connection() {
    let mut rig = Rig::started(active());
    rig.done.clear();
    rig.accept();
    assert_eq!(rig.done.len(), 1);
    assert!(rig.done[0].contains("Connection Rejected"), "{:?}", rig.done);
}

#[test]
fn peers_of_any_as_of_a_kind_are_let_in_and_others_told_why_not() {
    let same = Asn(64512);
    for (peer_as, asn, accepted) in [
        (PeerAs::Any, Asn(70_000), true),
        (PeerAs::Any, same, true),
        (PeerAs::External, Asn(70_000), true),
        (PeerAs::External, same, false),
        (PeerAs::Internal, same, true),
        (PeerAs::Internal, Asn(70_000), false),
        (PeerAs::Number(Asn(70_000)), Asn(70_000), true),
        (PeerAs::Number(Asn(70_000)), Asn(70_001), false),
    ] {
        let mut rig = Rig::brought_to(Settings { peer_as, ..active() }, StateName::OpenSent);
        let mut open = their_open();
        open.asn = asn;
        open.capabilities.pop();
        open.capabilities.push(wire::Capability::FourOctetAsn(asn));
        rig.open(&open);
        let state = if accepted { StateName::OpenConfirm } else { StateName::Idle };
        assert_eq!(rig.session.state(), state, "{peer_as:?} {asn}");
        if !accepted {
            assert!(rig.last_error().contains(&format!("the peer is in AS {asn}")), "{}", rig.last_error());
            assert!(rig.done.last().unwrap().contains("Bad Peer AS"), "{:?}", rig.done);
        }
    }
}
