//! TCP-MD5 and GTSM: a session needs both sides to have them, so that a session which comes up proves them; and either side can be the
//! one that waits.

use std::thread::sleep;
use std::time::Duration;

use ferrolb_lab::{RouterProgram, wait};
use ferrolb_tests::routing::{Instance, Peer, SETTLED, Session};

use crate::rig::{OTHER, OWN, Rig, router_v4, router_v6};

/// Longer than any of them waits between two tries.
const TRIES: Duration = Duration::from_secs(4);

#[test]
fn routers_bird_protects_its_sessions() {
    protection(RouterProgram::Bird);
}

#[test]
fn routers_frr_protects_its_sessions() {
    protection(RouterProgram::Frr);
}

#[test]
fn routers_gobgp_protects_its_sessions() {
    protection(RouterProgram::GoBgp);
}

#[test]
fn routers_openbgpd_protects_its_sessions() {
    protection(RouterProgram::OpenBgpd);
}

#[test]
fn routers_exabgp_protects_its_sessions() {
    protection(RouterProgram::ExaBgp);
}

/// The program waits for BIRD over IPv4, and BIRD for it over IPv6. OpenBGPD 7.7 on Linux answers no connection with
/// MD5: with it BIRD waits in both.
fn protection(program: RouterProgram) {
    let rig = Rig::up(&format!("protection-{}", program.name()), 0, 2);
    let protected = |session: Session, passive| Session {
        password: Some("correct-horse".into()),
        ttl_security: true,
        passive,
        ..session
    };
    let waiting = program != RouterProgram::OpenBgpd;
    let waits = protected(Session::new(router_v4(2), router_v4(1), OTHER), waiting);
    let asks = protected(Session::new(router_v6(2), router_v6(1), OTHER), false);
    let subject = Instance::new(OWN, router_v4(2), &[waits.clone(), asks.clone()]);
    let mut subject = Peer::start(&rig, "r2", program, subject);
    let down = |subject: &Peer, why: &str| {
        sleep(TRIES);
        for session in [&waits, &asks] {
            let state = subject.session_state(&session.remote).unwrap();
            assert!(!subject.is_established(&session.remote), "{program:?} is {state:?} though {why}");
        }
    };

    let right = [
        protected(Session::new(router_v4(1), router_v4(2), OWN), !waiting),
        protected(Session::new(router_v6(1), router_v6(2), OWN), true),
    ];
    let but = |edit: fn(&mut Session)| {
        let mut sessions = right.clone();
        sessions.iter_mut().for_each(edit);
        Instance::new(OTHER, router_v4(1), &sessions)
    };
    let wrong_password = but(|session| session.password = Some("battery-staple".into()));
    let mut bird = Peer::start(&rig, "r1", RouterProgram::Bird, wrong_password);
    down(&subject, "its peer has another password");
    // Whether ExaBGP checks the TTL of what it hears was not seen, so nothing is asked of it.
    if program != RouterProgram::ExaBgp {
        bird.reconfigure(but(|session| session.ttl_security = false));
        down(&subject, "its peer may be far away");
    }
    // It may hold half a connection whose end it cannot hear either, for minutes.
    subject.router.stop().unwrap();
    bird.reconfigure(but(|_| {}));
    subject.router.start_again().unwrap();
    for session in [&waits, &asks] {
        let what = format!("{program:?} has its session with {}", session.remote.name());
        wait(&what, SETTLED, || subject.is_established(&session.remote)).unwrap();
    }
    bird.establishes();
}
