//! RFC 5880 §6.8.6, in its order; then RFC 5881 §5 and RFC 5883 §3.

use std::num::NonZeroU32;

use ferrolb_bfd::{Discard, Heard, Hops, Path, Profile, State, Table};
use ferrolb_sansio::{Instant, Rng};

use crate::end::{End, LOCAL, PEER, Raw, THEIRS, ms, profile};

fn refused(raw: Raw) -> Discard {
    End::new().hear(raw).unwrap_err()
}

#[test]
fn the_version_must_be_1() {
    for version in [0, 2, 7] {
        assert_eq!(refused(Raw { version, ..Raw::new(State::Down) }), Discard::Version);
    }
}

#[test]
fn the_length_must_be_at_least_24_and_26_with_authentication() {
    assert_eq!(refused(Raw { len: 23, ..Raw::new(State::Down) }), Discard::Length);
    let mut longer = Raw { len: 25, low_bits: 0x04, ..Raw::new(State::Down) }.bytes().to_vec();
    longer.extend([0; 8]);
    assert_eq!(End::new().hear_bytes(&longer), Err(Discard::Length));
}

#[test]
fn the_length_must_not_be_beyond_the_payload() {
    assert_eq!(refused(Raw { len: 25, ..Raw::new(State::Down) }), Discard::Length);
    for len in 0..24 {
        assert_eq!(End::new().hear_bytes(&Raw::new(State::Down).bytes()[..len]), Err(Discard::Length));
    }
}

#[test]
fn the_multiplier_must_not_be_zero() {
    assert_eq!(refused(Raw { multiplier: 0, ..Raw::new(State::Down) }), Discard::ZeroMultiplier);
}

#[test]
fn the_multipoint_bit_must_not_be_set() {
    assert_eq!(refused(Raw { low_bits: 0x01, ..Raw::new(State::Down) }), Discard::Multipoint);
}

#[test]
fn my_discriminator_must_not_be_zero() {
    assert_eq!(refused(Raw { mine: 0, ..Raw::new(State::Down) }), Discard::ZeroDiscriminator);
}

#[test]
fn your_discriminator_must_be_of_a_session() {
    let mut end = End::new();
    let raw = Raw { yours: end.status().discriminator.value() ^ 1, ..Raw::new(State::Down) };
    assert_eq!(end.hear(raw), Err(Discard::UnknownDiscriminator));
    assert_eq!(end.state(), State::Down);
}

#[test]
fn without_your_discriminator_the_state_must_be_down_or_admin_down() {
    assert_eq!(refused(Raw::new(State::Init)), Discard::UnnamedSession);
    assert_eq!(refused(Raw::new(State::Up)), Discard::UnnamedSession);
    assert_eq!(End::new().hear(Raw::new(State::AdminDown)), Ok(()));
    assert_eq!(End::new().hear(Raw::new(State::Down)), Ok(()));
}

#[test]
fn without_your_discriminator_the_sender_selects_the_session() {
    let mut end = End::new();
    let stranger = Heard { source: [192, 0, 2, 3].into(), ..end.heard() };
    assert_eq!(end.hear_as(stranger, &Raw::new(State::Down).bytes()), Err(Discard::UnknownPeer));
    assert_eq!(end.state(), State::Down);
    end.hear(Raw::new(State::Down)).unwrap();
    assert_eq!(end.state(), State::Init);
}

#[test]
fn without_your_discriminator_the_interface_tells_two_peers_of_one_address_apart() {
    let peer = "fe80::1".parse().unwrap();
    let path = |index| Path::new(Hops::Single, peer, None, NonZeroU32::new(index)).unwrap();
    let mut table = Table::new(4, Rng::new(1));
    let now = Instant::from_millis(1);
    for index in [3, 4] {
        table.want(now, path(index), Profile::default()).unwrap();
    }
    let heard = Heard {
        hops: Hops::Single,
        source: peer,
        destination: "fe80::2".parse().unwrap(),
        interface: 4,
        ttl: 255,
    };
    table.handle_packet(now, now, &heard, &Raw::new(State::Down).bytes()).unwrap();
    assert_eq!(table.session(&path(3)).unwrap().state, State::Down);
    assert_eq!(table.session(&path(4)).unwrap().state, State::Init);
}

/// RFC 5883 §3: over several hops, both addresses.
#[test]
fn without_your_discriminator_the_own_address_tells_two_sessions_over_several_hops_apart() {
    let path = |local: [u8; 4]| Path::new(Hops::Multi, PEER, Some(local.into()), None).unwrap();
    let mut table = Table::new(4, Rng::new(1));
    let now = Instant::from_millis(1);
    for local in [[192, 0, 2, 1], [192, 0, 2, 9]] {
        table.want(now, path(local), Profile::default()).unwrap();
    }
    let heard = Heard { hops: Hops::Multi, source: PEER, destination: LOCAL, interface: 3, ttl: 60 };
    table.handle_packet(now, now, &heard, &Raw::new(State::Down).bytes()).unwrap();
    assert_eq!(table.session(&path([192, 0, 2, 1])).unwrap().state, State::Init);
    assert_eq!(table.session(&path([192, 0, 2, 9])).unwrap().state, State::Down);
}

#[test]
fn a_discriminator_does_not_open_the_session_to_others() {
    let mut end = End::up(Profile::default());
    let down = end.raw(State::Down).bytes();
    for heard in
        [Heard { source: [192, 0, 2, 3].into(), ..end.heard() }, Heard { hops: Hops::Multi, ..end.heard() }]
    {
        assert_eq!(end.hear_as(heard, &down), Err(Discard::ElsewhereFrom));
    }
    assert_eq!(end.state(), State::Up);
}

#[test]
fn what_is_authenticated_is_discarded_because_nothing_is() {
    let mut end = End::up(Profile::default());
    let mut bytes = Raw { len: 26, low_bits: 0x04, ..end.raw(State::Down) }.bytes().to_vec();
    bytes.extend([1, 2]);
    assert_eq!(end.hear_bytes(&bytes), Err(Discard::Authenticated));
    assert_eq!(end.state(), State::Up);
    let counted = end.table.counters().discarded().find(|(why, _)| *why == Discard::Authenticated);
    assert_eq!(counted.unwrap().1, 1);
}

#[test]
fn what_the_peer_says_of_itself_is_taken() {
    let mut end = End::new();
    let raw = Raw {
        diagnostic: 5,
        low_bits: 0x08,
        min_tx: 40_000,
        min_rx: 70_000,
        multiplier: 9,
        ..Raw::new(State::Down)
    };
    end.hear(raw).unwrap();
    let peer = end.status().peer.unwrap();
    assert_eq!(peer.discriminator.value(), THEIRS);
    assert_eq!((peer.state, peer.diagnostic.code()), (State::Down, 5));
    assert_eq!((peer.desired_min_tx.micros(), peer.required_min_rx.micros()), (40_000, 70_000));
    assert_eq!((peer.multiplier, peer.independent, peer.demand), (9, true, false));
    assert_eq!(
        end.sent().last().unwrap().word(8),
        THEIRS,
        "bfd.RemoteDiscr is Your Discriminator from now on"
    );
}

#[test]
fn a_final_ends_the_poll_sequence_and_nothing_else_does() {
    let mut end = End::up(profile(300, 300, 3));
    end.table.want(end.now, end.path, profile(300, 400, 3)).unwrap();
    assert!(end.pass_heard(ms(900), ms(290)).iter().all(|sent| sent.polls()));
    end.hear(Raw { is_final: true, ..end.raw(State::Up) }).unwrap();
    let after = end.pass_heard(ms(900), ms(290));
    assert!(!after.is_empty() && after.iter().all(|sent| !sent.polls()));
}

#[test]
fn a_poll_is_answered_at_once_with_final_and_without_poll() {
    let mut end = End::up(Profile::default());
    end.table.want(end.now, end.path, profile(200, 300, 3)).unwrap();
    end.sent();
    end.hear(Raw { poll: true, ..end.raw(State::Up) }).unwrap();
    let answer = end.sent()[0];
    assert!(answer.is_final() && !answer.polls(), "though a poll sequence of its own is under way (§6.5)");
}

#[test]
fn a_poll_is_answered_in_any_state() {
    let mut end = End::new();
    end.hear(Raw { poll: true, ..Raw::new(State::AdminDown) }).unwrap();
    assert_eq!(end.state(), State::Down);
    assert!(end.sent()[0].is_final());
}

#[test]
fn many_polls_in_one_turn_are_answered_once() {
    let mut end = End::up(Profile::default());
    for _ in 0..100 {
        end.hear(Raw { poll: true, ..end.raw(State::Up) }).unwrap();
    }
    assert_eq!(end.sent().len(), 1);
}

#[test]
fn what_is_discarded_does_not_count_as_heard() {
    let mut end = End::up(profile(300, 300, 3));
    for _ in 0..3 {
        end.pass(ms(290));
        end.hear(Raw { version: 2, ..end.raw(State::Up) }).unwrap_err();
        let far = Heard { ttl: 254, ..end.heard() };
        end.hear_as(far, &end.raw(State::Up).bytes()).unwrap_err();
    }
    end.pass(ms(31));
    assert_eq!(end.state(), State::Down);
}

/// RFC 5881 §5.
#[test]
fn over_one_hop_the_ttl_must_be_255() {
    let mut end = End::new();
    for ttl in [0, 1, 64, 254] {
        let heard = Heard { ttl, ..end.heard() };
        assert_eq!(end.hear_as(heard, &Raw::new(State::Down).bytes()), Err(Discard::Ttl));
    }
    assert_eq!(end.state(), State::Down);
    end.hear(Raw::new(State::Down)).unwrap();
}

#[test]
fn over_several_hops_the_ttl_must_be_what_the_profile_asks_for() {
    let path = Path::new(Hops::Multi, PEER, Some(LOCAL), None).unwrap();
    let mut end = End::on(path, Profile::default().minimum_ttl(250));
    let low = Heard { ttl: 249, ..end.heard() };
    assert_eq!(end.hear_as(low, &Raw::new(State::Down).bytes()), Err(Discard::Ttl));
    let enough = Heard { ttl: 250, ..end.heard() };
    assert_eq!(end.hear_as(enough, &Raw::new(State::Down).bytes()), Ok(()));
}
