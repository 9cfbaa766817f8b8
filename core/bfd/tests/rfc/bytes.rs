//! Packets octet by octet (RFC 5880 §4.1).

use ferrolb_bfd::{Diagnostic, Discriminator, Interval, Packet, State};

use crate::end::{End, ms};

/// Up, diagnostic 3, P and C, multiplier 3, 300 ms and 50 ms, no echo.
const GOLDEN: [u8; 24] = [
    0x23, 0xe8, 0x03, 0x18, 0x00, 0x00, 0x00, 0x2a, 0xde, 0xad, 0xbe, 0xef, 0x00, 0x04, 0x93, 0xe0, 0x00,
    0x00, 0xc3, 0x50, 0x00, 0x00, 0x00, 0x00,
];

fn golden() -> Packet {
    Packet {
        diagnostic: Diagnostic::NeighborSignaledDown,
        state: State::Up,
        poll: true,
        is_final: false,
        independent: true,
        authenticated: false,
        demand: false,
        multiplier: 3.try_into().unwrap(),
        mine: Discriminator::new(42).unwrap(),
        yours: Discriminator::new(0xdead_beef),
        desired_min_tx: Interval::from_micros(300_000),
        required_min_rx: Interval::from_micros(50_000),
        required_min_echo_rx: Interval::from_micros(0),
    }
}

#[test]
fn a_packet_is_read_and_written_octet_by_octet() {
    assert_eq!(Packet::parse(&GOLDEN), Ok(golden()));
    assert_eq!(golden().emit(), GOLDEN);
}

#[test]
fn each_bit_of_the_second_octet_is_itself() {
    let flags = |packet: Packet| packet.emit()[1];
    let none = Packet { state: State::AdminDown, poll: false, independent: false, ..golden() };
    assert_eq!(flags(none), 0);
    assert_eq!(flags(Packet { state: State::Down, ..none }), 0x40);
    assert_eq!(flags(Packet { state: State::Init, ..none }), 0x80);
    assert_eq!(flags(Packet { state: State::Up, ..none }), 0xc0);
    assert_eq!(flags(Packet { poll: true, ..none }), 0x20);
    assert_eq!(flags(Packet { is_final: true, ..none }), 0x10);
    assert_eq!(flags(Packet { independent: true, ..none }), 0x08);
    assert_eq!(flags(Packet { demand: true, ..none }), 0x02);
}

#[test]
fn bytes_behind_the_length_are_nobodys_business() {
    let mut longer = GOLDEN.to_vec();
    longer.extend([0xff; 40]);
    assert_eq!(Packet::parse(&longer), Ok(golden()));
}

/// The first packet of a session: Down, once a second, and nothing of the other end.
#[test]
fn the_first_packet_says_down_and_no_faster_than_a_second() {
    let mut end = End::new();
    let first = end.pass(ms(100))[0];
    let discriminator = end.status().discriminator.value().to_be_bytes();
    let mut expected = [0; 24];
    expected[..4].copy_from_slice(&[0x20, 0x40, 3, 24]);
    expected[4..8].copy_from_slice(&discriminator);
    expected[12..20].copy_from_slice(&[0x00, 0x0f, 0x42, 0x40, 0x00, 0x04, 0x93, 0xe0]);
    assert_eq!(first.bytes, expected);
}
