//! RFC 5880 §6.8.16 and RFC 5882 §3.2: sessions that somebody switches off.

use ferrolb_bfd::{Change, Diagnostic, Discard, DownCause, Full, Hops, Path, Profile, State, Table};
use ferrolb_sansio::{Instant, Rng};

use crate::end::{End, PEER, Raw, ms, profile};

#[test]
fn a_peer_that_switches_off_is_not_gone() {
    let mut end = End::up(Profile::default());
    end.hear(Raw { diagnostic: 7, ..end.raw(State::AdminDown) }).unwrap();
    assert_eq!(end.events(), [Change::PeerAdminDown]);
    let told = end.sent()[0];
    assert_eq!((told.state(), told.diagnostic()), (State::Down, 3));
    assert_eq!(end.status().downs, 0);
    end.hear(end.raw(State::Down)).unwrap();
    end.hear(end.raw(State::Init)).unwrap();
    assert_eq!(end.events(), [Change::Up], "it was switched on again");
}

#[test]
fn a_peer_that_signals_down_is_told_of_with_its_reason() {
    let mut end = End::up(Profile::default());
    end.hear(Raw { diagnostic: 1, ..end.raw(State::Down) }).unwrap();
    let cause = DownCause::Signaled(Diagnostic::DetectionTimeExpired);
    assert_eq!(end.events(), [Change::Down(cause)]);
    assert_eq!(cause.to_string(), "the peer says that it did not hear this node for its detection time");
}

/// A restarted peer does not know the session any more.
#[test]
fn a_peer_that_was_restarted_is_down_though_it_was_never_silent() {
    let mut end = End::up(Profile::default());
    end.hear(Raw { mine: 99, ..Raw::new(State::Down) }).unwrap();
    assert_eq!(end.events(), [Change::Down(DownCause::Signaled(Diagnostic::None))]);
    assert_eq!(end.sent()[0].word(8), 99);
}

#[test]
fn switching_off_is_told_at_once_and_for_a_detection_time() {
    let mut end = End::up(profile(300, 300, 3));
    let path = end.path;
    end.table.unwant(end.now, &path);
    let begin = end.now;
    let sent = end.pass_heard(ms(2_000), ms(290));
    assert_eq!(sent[0].at, begin);
    assert!(sent.iter().all(|sent| sent.state() == State::AdminDown && sent.diagnostic() == 7));
    assert!(sent.iter().all(|sent| sent.word(12) >= 1_000_000 && sent.polls()));
    let last = sent.last().unwrap().at.since(begin);
    assert!(
        (4..=5).contains(&sent.len()) && last >= ms(600) && last <= ms(900),
        "{} until {last:?}",
        sent.len()
    );
    assert!(end.table.is_empty());
    assert_eq!(end.events(), [], "whoever did it knows");
}

#[test]
fn switching_off_is_over_once_the_peer_shows_that_it_knows() {
    let mut end = End::up(profile(300, 300, 3));
    let path = end.path;
    end.table.unwant(end.now, &path);
    end.sent();
    assert_eq!(end.hear(Raw { diagnostic: 3, ..end.raw(State::Down) }), Err(Discard::AdminDown));
    assert!(end.table.is_empty());
    assert!(end.pass(ms(2_000)).is_empty());
}

#[test]
fn a_peer_that_does_not_count_on_the_session_is_told_once() {
    let mut end = End::new();
    end.hear(Raw::new(State::Down)).unwrap();
    end.sent();
    let path = end.path;
    end.table.unwant(end.now, &path);
    assert_eq!(end.pass(ms(5_000)).len(), 1);
    assert!(end.table.is_empty());
    let mut never_heard = End::new();
    never_heard.table.unwant(never_heard.now, &path);
    assert!(never_heard.pass(ms(5_000)).is_empty() && never_heard.table.is_empty());
}

#[test]
fn an_end_that_is_wanted_again_is_switched_on_again() {
    let mut end = End::up(Profile::default());
    let (path, known) = (end.path, end.status().discriminator);
    end.table.unwant(end.now, &path);
    end.sent();
    let again = end.table.want(end.now, path, Profile::default()).unwrap();
    assert_eq!((again, end.state()), (known, State::Down));
    assert_eq!(end.sent()[0].state(), State::Down);
}

#[test]
fn discriminators_are_unique_and_the_table_has_an_end() {
    let mut table = Table::new(200, Rng::new(1));
    let path = |host: u8| Path::new(Hops::Single, [192, 0, 2, host].into(), None, None).unwrap();
    let mut known: Vec<_> =
        (1..=200).map(|host| table.want(Instant::ZERO, path(host), Profile::default()).unwrap()).collect();
    known.sort_unstable();
    known.dedup();
    assert_eq!(known.len(), 200);
    assert_eq!(table.want(Instant::ZERO, path(201), Profile::default()), Err(Full(200)));
    table.unwant(Instant::ZERO, &Path::new(Hops::Single, PEER, None, None).unwrap());
    assert!(table.want(Instant::ZERO, path(201), Profile::default()).is_ok(), "the place is free again");
}
