//! RFC 5880 §6.8.3 and §6.8.4: intervals that change, and how long a peer may be silent.

use ferrolb_bfd::{Change, DownCause, Profile, State};

use crate::end::{End, Raw, ms, profile};

#[test]
fn the_detection_time_is_the_peers_multiplier_times_the_slower_interval() {
    for (receive, min_tx, multiplier, expected) in
        [(300, 300, 3, 900), (50, 300, 3, 900), (300, 50, 3, 900), (10, 10, 3, 30), (100, 200, 7, 1_400)]
    {
        // The own multiplier has no part in it.
        let mut end = End::up(profile(300, receive, 200));
        let raw = Raw { min_tx: min_tx * 1_000, multiplier, ..end.raw(State::Up) };
        end.hear(raw).unwrap();
        assert_eq!(end.status().detection_time, Some(ms(expected)));
        end.pass(ms(expected) - ms(1));
        assert_eq!(end.state(), State::Up);
        end.pass(ms(1));
        assert_eq!(end.state(), State::Down);
        assert_eq!(end.events(), [Change::Down(DownCause::Silence(ms(expected)))]);
    }
}

#[test]
fn silence_is_told_with_diagnostic_1_and_the_peer_is_forgotten() {
    let mut end = End::up(Profile::default());
    let last = end.pass(ms(900)).pop().unwrap();
    assert_eq!((last.state(), last.diagnostic(), last.word(8)), (State::Down, 1, 0));
    let status = end.status();
    assert_eq!((status.peer, status.downs), (None, 1));
    assert_eq!(status.last_down.unwrap().1.to_string(), "nothing was heard from the peer for 900 ms");
}

#[test]
fn silence_of_a_session_that_was_never_up_is_no_event() {
    let mut end = End::new();
    end.hear(Raw::new(State::Down)).unwrap();
    end.pass(ms(900));
    assert_eq!(end.state(), State::Down);
    assert_eq!(end.events(), []);
}

#[test]
fn every_change_of_an_interval_begins_a_poll_sequence() {
    for changed in [profile(200, 300, 3), profile(400, 300, 3), profile(300, 200, 3), profile(300, 400, 3)] {
        let mut end = End::up(profile(300, 300, 3));
        end.table.want(end.now, end.path, changed).unwrap();
        let told = end.sent()[0];
        assert!(told.polls(), "{changed:?}");
    }
    let mut end = End::up(profile(300, 300, 3));
    end.table.want(end.now, end.path, profile(300, 300, 4)).unwrap();
    assert!(!end.sent()[0].polls(), "§6.8.12: another multiplier needs none");
}

#[test]
fn sending_slower_waits_for_the_answer() {
    let mut end = End::up(profile(300, 300, 3));
    end.table.want(end.now, end.path, profile(2_000, 300, 3)).unwrap();
    assert_eq!(end.sent()[0].word(12), 2_000_000, "it is told at once");
    assert!(end.pass_heard(ms(1_500), ms(250)).len() >= 5, "and not done yet");
    end.hear(Raw { is_final: true, ..end.raw(State::Up) }).unwrap();
    assert!(end.pass_heard(ms(1_400), ms(250)).len() <= 1, "now it is");
}

#[test]
fn sending_faster_does_not_wait() {
    let mut end = End::up(profile(2_000, 300, 3));
    end.pass_heard(ms(1_000), ms(250));
    end.table.want(end.now, end.path, profile(300, 300, 3)).unwrap();
    assert!(end.pass_heard(ms(1_500), ms(250)).len() >= 5);
}

#[test]
fn counting_on_receiving_faster_waits_for_the_answer() {
    let mut end = End::up(profile(300, 1_000, 3));
    let fast = |end: &End| Raw { min_tx: 10_000, ..end.raw(State::Up) };
    end.hear(fast(&end)).unwrap();
    end.table.want(end.now, end.path, profile(300, 100, 3)).unwrap();
    end.sent();
    end.hear(fast(&end)).unwrap();
    assert_eq!(end.status().detection_time, Some(ms(3_000)));
    end.hear(Raw { is_final: true, ..fast(&end) }).unwrap();
    assert_eq!(end.status().detection_time, Some(ms(300)));
}

#[test]
fn receiving_slower_counts_at_once() {
    let mut end = End::up(profile(300, 300, 3));
    end.table.want(end.now, end.path, profile(300, 1_000, 3)).unwrap();
    assert_eq!(end.status().detection_time, Some(ms(3_000)));
}

/// "The local system cannot wait longer than the new interval between the previous packet transmission and the next one."
#[test]
fn a_peer_that_can_receive_faster_is_obeyed_at_once() {
    let mut end = End::up(profile(100, 300, 3));
    end.hear(Raw { min_rx: 10_000_000, ..end.raw(State::Up) }).unwrap();
    assert!(end.pass(ms(800)).is_empty());
    end.hear(Raw { min_rx: 100_000, ..end.raw(State::Up) }).unwrap();
    assert_eq!(end.pass(ms(1)).len(), 1);
}

/// §6.8.3, the third choice: a second sequence waits until the first is over and a packet without the F bit was heard.
#[test]
fn a_second_change_waits_for_the_first_to_be_answered() {
    let mut end = End::up(profile(300, 300, 3));
    end.table.want(end.now, end.path, profile(400, 300, 3)).unwrap();
    end.sent();
    end.table.want(end.now, end.path, profile(500, 300, 3)).unwrap();
    let during = end.pass_heard(ms(700), ms(250));
    assert!(during.iter().all(|sent| sent.word(12) == 400_000));
    end.hear(Raw { is_final: true, ..end.raw(State::Up) }).unwrap();
    assert!(end.pass(ms(401)).iter().all(|sent| !sent.polls()), "a late answer could be taken for its own");
    end.hear(end.raw(State::Up)).unwrap();
    let second = end.sent()[0];
    assert!(second.polls() && second.word(12) == 500_000);
}

#[test]
fn changes_before_the_first_packet_of_a_sequence_go_along_with_it() {
    let mut end = End::up(profile(300, 300, 3));
    end.table.want(end.now, end.path, profile(400, 300, 3)).unwrap();
    end.table.want(end.now, end.path, profile(400, 200, 3)).unwrap();
    let told = end.sent()[0];
    assert!(told.polls());
    assert_eq!((told.word(12), told.word(16)), (400_000, 200_000));
}

/// No rule of the RFC: who looks so late has stood still, and may have missed what was sent meanwhile.
#[test]
fn an_end_that_stood_still_waits_for_one_more_packet() {
    let mut end = End::up(profile(100, 100, 3));
    end.hear(Raw { min_tx: 100_000, ..end.raw(State::Up) }).unwrap();
    end.now += ms(2_000);
    end.table.handle_timeout(end.now);
    assert_eq!(end.state(), State::Up);
    let mut heard = end.table.session(&end.path).is_some();
    heard &= end.hear(Raw { min_tx: 100_000, ..end.raw(State::Up) }).is_ok();
    assert!(heard && end.state() == State::Up);
    end.now += ms(2_000);
    end.table.handle_timeout(end.now);
    end.pass(ms(100));
    assert_eq!(end.state(), State::Down, "and for no more than one");
}

/// Packets that waited while this end was busy count from when they came.
#[test]
fn silence_is_counted_from_the_arrival_of_the_last_packet() {
    let mut end = End::up(profile(100, 100, 3));
    let bytes = Raw { min_tx: 100_000, ..end.raw(State::Up) }.bytes();
    let (arrived, heard) = (end.now, end.heard());
    end.now += ms(50);
    end.table.handle_packet(end.now, arrived, &heard, &bytes).unwrap();
    end.pass(ms(249));
    assert_eq!(end.state(), State::Up);
    end.pass(ms(1));
    assert_eq!(end.state(), State::Down);
}
