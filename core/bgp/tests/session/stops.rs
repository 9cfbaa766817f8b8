//! Restarting, and leaving for good.

use std::time::Duration;

use ferrolb_bgp::session::{Event, GracefulSettings, Restart, Session, Settings, StateName, Stop};
use ferrolb_bgp::wire::{Capability, GracefulRestart, Open, keepalive};
use ferrolb_sansio::Rng;

use crate::reader::{Change, changes, messages};
use crate::rig::{Rig, settings, their_open, vip};

fn graceful() -> Settings {
    let restart_time = Duration::from_secs(15);
    Settings { graceful_restart: Some(GracefulSettings { restart_time }), ..settings() }
}

fn their_graceful_open() -> Open {
    let mut open = their_open();
    let restart = GracefulRestart { restarting: false, notification: true, time: 60, families: vec![] };
    open.capabilities.push(Capability::GracefulRestart(restart));
    open
}

fn restart() -> Stop {
    Stop::Restart { text: "upgrade".into() }
}

fn leave(wait: u64) -> Stop {
    Stop::Leave { wait: Duration::from_secs(wait), text: "drained".into() }
}

#[test]
fn a_peer_that_keeps_routes_hears_no_word_of_a_restart() {
    let mut rig = Rig::with_peer(graceful(), &their_graceful_open(), StateName::Established);
    rig.session.stop(rig.now, restart());
    rig.settle();
    assert_eq!(rig.done, ["closes it"]);
    assert_eq!(rig.session.state(), StateName::Idle);
    assert!(rig.events.contains(&Event::Stopped));
}

#[test]
fn any_other_peer_is_told_to_forget_the_routes_first() {
    for (settings, open) in
        [(settings(), their_graceful_open()), (graceful(), their_open()), (settings(), their_open())]
    {
        let mut rig = Rig::with_peer(settings, &open, StateName::Established);
        rig.written.clear();
        rig.session.stop(rig.now, restart());
        rig.settle();
        rig.settle();
        assert_eq!(changes(&rig.written)[0], Change::Withdrawn(vip(1)));
        assert!(rig.done.last().unwrap().contains("Administrative Reset"), "{:?}", rig.done);
        assert!(rig.done.last().unwrap().contains("upgrade"), "{:?}", rig.done);
        assert!(rig.events.contains(&Event::Stopped));
    }
}

#[test]
fn who_leaves_is_the_last_choice_then_gone_then_ends_with_a_text() {
    let mut rig = Rig::with_peer(graceful(), &their_graceful_open(), StateName::Established);
    rig.written.clear();
    rig.session.stop(rig.now, leave(5));
    rig.settle();
    let told = changes(&rig.written);
    let Change::Announced(prefix, said) = &told[0] else { panic!("{told:?}") };
    assert_eq!(*prefix, vip(1));
    assert!(said.windows(4).any(|four| four == [0xFF, 0xFF, 0, 0]), "RFC 8326: {said:?}");
    assert_eq!((told.len(), rig.session.state()), (1, StateName::Established));
    rig.written.clear();
    rig.pass(Duration::from_secs(5));
    rig.settle();
    assert_eq!(changes(&rig.written)[0], Change::Withdrawn(vip(1)));
    let (kind, body) = messages(&rig.written).pop().unwrap();
    // RFC 8538 §3.1: a peer that keeps routes over NOTIFICATIONs is told not to.
    assert_eq!((kind, &body[..4]), (3, &[6, 9, 6, 2][..]), "{body:?}");
    assert!(body.ends_with(b"drained"));
    assert!(rig.events.contains(&Event::Stopped));
}

#[test]
fn who_leaves_can_be_called_back() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    rig.session.stop(rig.now, leave(5));
    rig.settle();
    rig.session.start(rig.now);
    rig.written.clear();
    rig.settle();
    let told = changes(&rig.written);
    assert!(
        matches!(&told[..], [Change::Announced(prefix, said)] if *prefix == vip(1)
        && !said.windows(4).any(|four| four == [0xFF, 0xFF, 0, 0])),
        "{told:?}"
    );
    rig.pass(Duration::from_secs(60));
    assert_eq!(rig.session.state(), StateName::Established);
}

#[test]
fn a_peer_that_does_not_read_keeps_nobody() {
    let mut rig = Rig::brought_to(settings(), StateName::Established);
    rig.reading = false;
    rig.session.stop(rig.now, leave(0));
    rig.settle();
    assert_eq!(rig.session.state(), StateName::Established);
    rig.pass(Duration::from_secs(3));
    assert!(rig.events.contains(&Event::Stopped));
}

/// RFC 4724 §3: R and F are said until the session is up, and the end of the table only when it is whole.
#[test]
fn a_restarted_speaker_says_so_until_it_is_back() {
    let mut rig = Rig::new(graceful());
    let restarted = Restart { restarted: true, forwarding: true };
    rig.session = Session::new(rig.now, graceful(), restarted, Rng::new(2));
    rig.session.start(rig.now);
    rig.settle();
    rig.connect();
    assert_eq!(gr_of_open(&rig.written), (0xC0, 0x80), "R, N and F");
    rig.open(&their_graceful_open());
    rig.receive(keepalive);
    rig.written.clear();
    rig.session.routes().set(vip(1), Some(ferrolb_bgp::policy::Route::default().into()));
    rig.settle();
    assert!(matches!(changes(&rig.written)[..], [Change::Announced(..)]), "not whole yet");
    rig.written.clear();
    rig.session.routes().set_complete(true);
    rig.settle();
    assert_eq!(changes(&rig.written), [Change::EndOfRib(1), Change::EndOfRib(2)]);
    rig.close(None);
    rig.written.clear();
    rig.pass(Duration::from_secs(11));
    rig.connect();
    assert_eq!(gr_of_open(&rig.written), (0x40, 0), "N alone");
}

/// Who comes up a day later has kept nothing over the restart.
#[test]
fn a_restart_is_forgotten_also_by_a_session_that_never_came_up() {
    let mut rig = Rig::new(graceful());
    let restarted = Restart { restarted: true, forwarding: true };
    rig.session = Session::new(rig.now, graceful(), restarted, Rng::new(2));
    rig.session.start(rig.now);
    rig.settle();
    rig.close(Some("connection refused"));
    rig.session.forget_restart();
    rig.pass(Duration::from_secs(11));
    rig.connect();
    assert_eq!(gr_of_open(&rig.written), (0x40, 0), "N alone");
}

/// The flags of the capability, and those of its first family.
fn gr_of_open(written: &[u8]) -> (u8, u8) {
    let (_, body) = messages(written).into_iter().find(|(kind, _)| *kind == 1).unwrap();
    let at = body.windows(2).position(|two| two == [64, 10]).unwrap();
    (body[at + 2] & 0xF0, body[at + 7])
}
