//! RFC 5880 §6.8.7, and the jitter and limits of it.

use std::net::Ipv4Addr;
use std::time::Duration;

use ferrolb_bfd::{Hops, Path, Profile, State, Table};
use ferrolb_sansio::{Instant, Rng};

use crate::end::{End, Raw, Sent, ms, profile};

/// Gaps between packets, each against the least and the most that is permitted.
fn assert_gaps(sent: &[Sent], interval: Duration, most_per_cent: u32) {
    assert!(sent.len() > 20, "{} packets are no sample", sent.len());
    let gaps: Vec<_> = sent.windows(2).map(|pair| pair[1].at.since(pair[0].at)).collect();
    let (least, most) = (*gaps.iter().min().unwrap(), *gaps.iter().max().unwrap());
    assert!(least >= interval * 75 / 100, "{least:?} is less than 75 % of {interval:?}");
    assert!(
        most <= interval * most_per_cent / 100,
        "{most:?} is more than {most_per_cent} % of {interval:?}"
    );
    assert!(most - least > interval / 20, "no jitter");
}

#[test]
fn periodic_packets_leave_after_75_to_100_per_cent_of_the_interval() {
    let mut end = End::up(profile(300, 300, 3));
    assert_gaps(&end.pass_heard(ms(60_000), ms(250)), ms(300), 100);
}

#[test]
fn with_a_multiplier_of_1_after_at_most_90_per_cent() {
    let mut end = End::up(profile(300, 300, 1));
    assert_gaps(&end.pass_heard(ms(60_000), ms(250)), ms(300), 90);
}

#[test]
fn the_slower_of_both_ends_sets_the_pace() {
    let mut end = End::up(profile(100, 300, 3));
    assert_gaps(&end.pass_heard(ms(60_000), ms(250)), ms(300), 100);
    let mut end = End::up(profile(500, 300, 3));
    assert_gaps(&end.pass_heard(ms(60_000), ms(250)), ms(500), 100);
}

#[test]
fn nobody_is_faster_than_a_second_who_is_not_up() {
    let mut end = End::with(profile(10, 10, 3));
    let sent = end.pass(ms(60_000));
    assert_gaps(&sent, ms(1_000), 100);
    assert!(sent.iter().all(|sent| sent.word(12) == 1_000_000));
}

#[test]
fn a_passive_end_says_nothing_before_it_is_spoken_to() {
    let mut end = End::with(Profile::default().passive(true));
    assert!(end.pass(ms(10_000)).is_empty());
    end.hear(Raw::new(State::Down)).unwrap();
    assert_eq!(end.sent()[0].state(), State::Init);
    end.pass(ms(3_000));
    assert!(end.status().peer.is_none(), "the detection time has passed");
    assert!(end.pass(ms(10_000)).is_empty(), "the other end is unknown again");
}

#[test]
fn nothing_periodic_is_sent_to_a_peer_that_wants_to_receive_nothing() {
    let mut end = End::up(Profile::default());
    end.hear(Raw { min_rx: 0, ..end.raw(State::Up) }).unwrap();
    end.sent();
    for _ in 0..10 {
        assert!(end.pass(ms(290)).is_empty());
        end.hear(Raw { min_rx: 0, poll: true, ..end.raw(State::Up) }).unwrap();
        assert!(end.sent()[0].is_final(), "a poll is answered all the same");
    }
    end.hear(end.raw(State::Up)).unwrap();
    assert!(!end.pass(ms(301)).is_empty());
}

#[test]
fn nothing_periodic_is_sent_to_a_peer_in_demand_mode_but_polls() {
    let mut end = End::up(Profile::default());
    let demand = |end: &End| Raw { low_bits: 0x02, ..end.raw(State::Up) };
    for _ in 0..10 {
        end.hear(demand(&end)).unwrap();
        assert!(end.pass(ms(290)).is_empty());
    }
    // §6.6: whatever is to be told begins a poll sequence; here not even an interval is another.
    end.table.want(end.now, end.path, profile(300, 300, 5)).unwrap();
    let polls = end.pass(ms(600));
    assert!(polls.len() >= 2 && polls.iter().all(|sent| sent.polls() && sent.bytes[2] == 5), "{polls:?}");
    end.hear(Raw { is_final: true, ..demand(&end) }).unwrap();
    assert!(end.pass(ms(600)).is_empty());
    end.hear(end.raw(State::Up)).unwrap();
    assert!(!end.pass(ms(301)).is_empty(), "demand mode is over");
    assert_eq!(end.state(), State::Up);
}

#[test]
fn a_peer_in_demand_mode_is_still_watched() {
    let mut end = End::up(Profile::default());
    end.hear(Raw { low_bits: 0x02, ..end.raw(State::Up) }).unwrap();
    end.pass(ms(901));
    assert_eq!(end.state(), State::Down);
}

#[test]
fn a_change_of_state_is_told_at_once() {
    let mut end = End::new();
    end.pass(ms(101));
    end.hear(Raw::new(State::Down)).unwrap();
    assert_eq!(end.sent()[0].state(), State::Init);
    end.hear(end.raw(State::Init)).unwrap();
    assert_eq!(end.sent()[0].state(), State::Up);
    end.hear(end.raw(State::Down)).unwrap();
    let told = end.sent()[0];
    assert_eq!((told.state(), told.diagnostic()), (State::Down, 3));
}

#[test]
fn what_is_told_at_once_puts_off_the_next_periodic_packet() {
    let mut end = End::up(Profile::default());
    end.pass_heard(ms(200), ms(100));
    end.table.want(end.now, end.path, profile(300, 300, 4)).unwrap();
    assert_eq!(end.sent().len(), 1);
    assert!(end.pass(ms(224)).is_empty());
}

#[test]
fn the_demand_bit_and_echoes_are_never_offered() {
    let mut end = End::up(Profile::default());
    for sent in end.pass_heard(ms(3_000), ms(250)) {
        assert_eq!((sent.bytes[1] & 0x0f, sent.word(20)), (0, 0));
    }
}

/// A thread that woke for each packet of each session would spend its time on waking.
#[test]
fn packets_that_are_due_within_a_sixty_fourth_of_the_interval_leave_together() {
    let mut table = Table::new(200, Rng::new(5));
    for number in 0..200_u8 {
        let peer = Ipv4Addr::new(192, 0, 2, number).into();
        let path = Path::new(Hops::Single, peer, None, None).unwrap();
        table.want(Instant::ZERO, path, profile(300, 300, 3)).unwrap();
    }
    let (mut wakes, mut packets) = (0, 0);
    while let Some(at) = table.poll_timeout().filter(|at| *at < Instant::from_millis(60_000)) {
        table.handle_timeout(at);
        wakes += 1;
        while table.poll_transmit().is_some() {
            packets += 1;
        }
    }
    assert!(packets > 200 * 60, "{packets} packets are less than one a second");
    assert!(wakes < 70 * 60, "{wakes} times for {packets} packets");
}
