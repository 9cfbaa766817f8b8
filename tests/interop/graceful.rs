//! Routes of a speaker that is gone: kept for its return only where that was agreed (RFC 4724).

use std::thread::sleep;
use std::time::Duration;

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{Instance, Peer, SETTLED, Session};

use crate::rig::{OTHER, Rig, router_v4};
use crate::trouble::{VIP, dialled, net, start, told};

#[test]
fn bird_keeps_routes_of_our_speaker_only_where_that_was_agreed() {
    graceful(RouterProgram::Bird);
}

#[test]
fn frr_keeps_routes_of_our_speaker_only_where_that_was_agreed() {
    graceful(RouterProgram::Frr);
}

/// The speaker is killed: what it told stays for a restart, or goes at once.
fn graceful(program: RouterProgram) {
    let rig = Rig::up(&format!("gr-{}", program.name()), 1, 1);
    let session = Session { graceful_restart: Some(30), ..dialled() };
    let knob = "gracefulRestart: {enabled: true, restartTime: 30s}";
    let (mut peer, mut speaker) = start(&rig, program, session, knob);
    let remote = peer.instance().sessions[0].remote.clone();
    speaker.kill();
    wait("the session ends", SETTLED, || !peer.is_established(&remote)).unwrap();
    sleep(Duration::from_secs(1));
    assert!(peer.has(&remote, net(VIP)), "{program:?} keeps the route");
    speaker.start_again();
    wait("the session is back", SETTLED, || peer.is_established(&remote)).unwrap();
    assert!(peer.has(&remote, net(VIP)), "{program:?} has kept the route");
    told(&peer);

    // FRR reads anew what it is told of restarts only when it starts.
    peer.router.stop().unwrap();
    drop(peer);
    let peer = Peer::start(&rig, "r1", program, Instance::new(OTHER, router_v4(1), &[dialled()]));
    told(&peer);
    speaker.kill();
    wait("the route goes", Duration::from_secs(5), || !peer.has(&remote, net(VIP))).unwrap();
    speaker.start_again();
    told(&peer);
}
