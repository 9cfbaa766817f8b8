//! Peers that go: by BFD before the hold timer, with and without graceful restart.

use std::thread::sleep;
use std::time::{Duration, Instant};

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{HOLD_TIME, Instance, Peer, Route, SETTLED, Session};
use ipnet::IpNet;

use crate::rig::{OTHER, OWN, Rig, router_v4};

#[test]
fn routers_bfd_sees_a_frozen_peer_before_its_hold_timer() {
    let rig = Rig::up("bfd", 0, 2);
    let to_bird = Session { bfd: true, ..Session::new(router_v4(2), router_v4(1), OTHER) };
    let to_frr = Session { bfd: true, ..Session::new(router_v4(1), router_v4(2), OWN) };
    let frr = Instance::new(OWN, router_v4(2), std::slice::from_ref(&to_bird));
    let frr = Peer::start(&rig, "r2", RouterProgram::Frr, frr);
    let bird = Instance::new(OTHER, router_v4(1), std::slice::from_ref(&to_frr));
    let bird = Peer::start(&rig, "r1", RouterProgram::Bird, bird);
    bird.establishes();
    wait("BFD is up", SETTLED, || bird.bfd_is_up(&to_frr.remote) && frr.bfd_is_up(&to_bird.remote)).unwrap();

    let frozen = Instant::now();
    bird.router.freeze().unwrap();
    wait("FRR ends the session", SETTLED, || !frr.is_established(&to_bird.remote)).unwrap();
    let took = frozen.elapsed();
    assert!(!frr.bfd_is_up(&to_bird.remote));
    // The hold timer has at least two thirds of its time left when the last keepalive was a moment ago.
    assert!(took < Duration::from_secs(u64::from(HOLD_TIME)) / 2, "it took {took:?}");
    bird.router.thaw().unwrap();
    bird.establishes();
}

#[test]
fn routers_bird_keeps_routes_of_a_peer_that_restarts() {
    graceful_restart(RouterProgram::Bird);
}

#[test]
fn routers_frr_keeps_routes_of_a_peer_that_restarts() {
    graceful_restart(RouterProgram::Frr);
}

#[test]
fn routers_gobgp_keeps_routes_of_a_peer_that_restarts() {
    graceful_restart(RouterProgram::GoBgp);
}

/// OpenBGPD 7.7 is left out: refused when it connects anew, it sometimes takes that for the end of the restart.
///
/// BIRD announces and is killed: its routes stay while its time for a restart runs and after it is back, and go at once where nothing
/// of that was agreed.
fn graceful_restart(helper: RouterProgram) {
    let rig = Rig::up(&format!("graceful-{}", helper.name()), 0, 2);
    let prefix: IpNet = "203.0.113.1/32".parse().unwrap();
    let routes = [(prefix, Route::to(router_v4(1).into()))];
    let instances = |graceful_restart| {
        let session = Session { graceful_restart, ..Session::new(router_v4(2), router_v4(1), OTHER) };
        let other = Session { graceful_restart, ..Session::new(router_v4(1), router_v4(2), OWN) };
        (
            Instance::new(OWN, router_v4(2), &[session]),
            Instance::new(OTHER, router_v4(1), &[other]).announcing(&routes),
        )
    };
    let (own, other) = instances(Some(20));
    let remote = own.sessions[0].remote.clone();
    let subject = Peer::start(&rig, "r2", helper, own);
    let mut bird = Peer::start(&rig, "r1", RouterProgram::Bird, other);
    let has_route = |subject: &Peer| subject.has(&remote, prefix);
    wait("the route is heard", SETTLED, || has_route(&subject)).unwrap();

    bird.router.kill().unwrap();
    wait("the session ends", SETTLED, || !subject.is_established(&remote)).unwrap();
    sleep(Duration::from_secs(1));
    assert!(has_route(&subject), "{helper:?} keeps the route");
    bird.router.start_again().unwrap();
    while !subject.is_established(&remote) {
        assert!(has_route(&subject), "{helper:?} keeps the route until the peer is back");
        sleep(Duration::from_millis(50));
    }
    sleep(Duration::from_secs(1));
    assert!(has_route(&subject), "{helper:?} has the route again");

    let (own, other) = instances(None);
    drop((subject, bird));
    let subject = Peer::start(&rig, "r2", helper, own);
    let mut bird = Peer::start(&rig, "r1", RouterProgram::Bird, other);
    wait("the route is heard", SETTLED, || subject.is_established(&remote) && has_route(&subject)).unwrap();
    bird.router.kill().unwrap();
    wait("the route is gone", SETTLED, || !has_route(&subject)).unwrap();
}
