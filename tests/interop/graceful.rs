//! Routes of a speaker that is gone: kept for its return only where that was agreed (RFC 4724), and what BFD makes of that.

use std::thread::sleep;
use std::time::Duration;

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{Instance, Peer, SETTLED, Session};

use crate::rig::{OTHER, Rig, node_v4, router_v4};
use crate::speaker::Speaker;
use crate::trouble::{VIP, dialled, net, speaker_counts, start, told};

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

/// What a router is told of BFD, beside graceful restart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// BIRD: `bfd yes`.
    Bird,
    /// FRR: `bfd`.
    Frr,
    /// FRR: `bfd check-control-plane-failure` beside. It then takes BFD's end for that of the speaker alone, since the speaker's BFD
    /// does not claim to outlive it (the C bit of RFC 5880 §4.1).
    FrrChecks,
}

#[test]
fn bird_with_bfd_forgets_a_speaker_that_restarts_and_a_dead_node() {
    bfd_and_restart(Told::Bird);
}

#[test]
fn frr_with_bfd_keeps_a_speaker_that_restarts_and_forgets_a_dead_node() {
    bfd_and_restart(Told::Frr);
}

#[test]
fn frr_that_checks_the_control_plane_keeps_a_dead_node_too() {
    bfd_and_restart(Told::FrrChecks);
}

/// The speaker is killed, then stopped: its connection is closed at once, and BFD ends later. Then its node falls silent, which BFD
/// alone finds out.
fn bfd_and_restart(told: Told) {
    let rig = Rig::up(&format!("gr-bfd-{told:?}").to_lowercase(), 1, 1);
    let session = Session { bfd: true, graceful_restart: Some(RESTART), ..dialled() };
    let more = format!("bfdProfile: usual, gracefulRestart: {{enabled: true, restartTime: {RESTART}s}}");
    let program = match told {
        Told::Bird => RouterProgram::Bird,
        Told::Frr | Told::FrrChecks => RouterProgram::Frr,
    };
    let (peer, mut speaker) = start(&rig, program, session, &more);
    if told == Told::FrrChecks {
        let line = format!("neighbor {} bfd check-control-plane-failure", node_v4(1));
        let router = format!("router bgp {OTHER}");
        peer.router.control(&["configure terminal", "-c", &router, "-c", &line]).unwrap();
    }
    let remote = peer.instance().sessions[0].remote.clone();
    let stands = |speaker: &Speaker| {
        let up = || {
            let bfd = peer.bfd_is_up(&remote) && speaker_counts(speaker, "bfd_session_up") == 1.0;
            bfd && peer.is_established(&remote) && peer.has(&remote, net(VIP))
        };
        // BFD that is begun anew, as by the other setting, ends the session once more.
        wait("the session and BFD are up for a while", SETTLED, || {
            (0..20).all(|_| {
                sleep(Duration::from_millis(100));
                up()
            })
        })
        .unwrap();
    };
    for (what, end) in [("killed", Speaker::kill as fn(&mut Speaker)), ("stopped", Speaker::stop)] {
        stands(&speaker);
        end(&mut speaker);
        wait("BFD ends", SETTLED, || !peer.bfd_is_up(&remote)).unwrap();
        sleep(Duration::from_secs(1));
        let kept = peer.has(&remote, net(VIP));
        let keeps = match told {
            Told::Bird => false,
            Told::Frr | Told::FrrChecks => true,
        };
        assert_eq!(kept, keeps, "{told:?}: whether the route of a speaker that was {what} is kept");
        speaker.start_again();
    }
    stands(&speaker);
    rig.silence("n1").unwrap();
    let took = wait("the node's route goes", SETTLED, || !peer.has(&remote, net(VIP))).unwrap();
    println!("{told:?}: of a node that is silent the route is gone after {took:?}");
    match told {
        Told::Bird | Told::Frr => assert!(took < BY_BFD, "{took:?}"),
        Told::FrrChecks => assert!(took > Duration::from_secs(u64::from(RESTART)) / 2, "{took:?}"),
    }
    rig.unsilence("n1").unwrap();
    stands(&speaker);
}

/// BFD takes 900 ms, and a busy machine more.
const BY_BFD: Duration = Duration::from_millis(2_500);
/// In seconds.
const RESTART: u16 = 10;
