//! Messages that something happened to: nothing panics, whatever is handed out is bounded by what came in, and where both
//! codecs find no fault they count the same.

use ferrolb_bgp::wire::{Framer, Message, Negotiated, decode};
use ferrolb_sansio::Rng;

use crate::{announce, random, seed, theirs};

const ROUNDS: usize = 300_000;

/// A random message of any kind.
fn message(rng: &mut Rng, negotiated: &Negotiated) -> Vec<u8> {
    let mut out = Vec::new();
    match rng.below(8) {
        0 => random::open(rng).encode(&mut out).unwrap(),
        1 => {
            let (code, data) = (random::bytes(rng, 2), random::bytes(rng, 60));
            let code = ferrolb_bgp::wire::ErrorCode::from_numbers(6, code.first().copied().unwrap_or(9));
            ferrolb_bgp::wire::Notification { code, data }.encode(&mut out);
        }
        2 => out = [&[0xFF; 16][..], &[0, 23, 5, 0, 1, 0, 1]].concat(),
        _ => {
            let family = random::family(rng);
            let attributes = random::attributes(rng, family, negotiated);
            let mut prefixes = random::prefixes(rng, family);
            prefixes.truncate(20);
            out = announce(&attributes, &prefixes, negotiated).0;
        }
    }
    out
}

/// Changes a few octets, takes some out, doubles or inserts some; then mostly puts the length right, so that what is behind
/// the header is reached.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..=rng.below(4) {
        let length = u64::try_from(bytes.len()).unwrap();
        let body = if rng.below(20) == 0 { 0 } else { 19.min(length) };
        let at = usize::try_from(body + rng.below(length - body)).unwrap().min(bytes.len());
        let end = (at + usize::try_from(rng.below(8)).unwrap()).min(bytes.len());
        match rng.below(6) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => drop(bytes.splice(at..at, random::bytes(rng, 9))),
            3 => bytes.extend_from_within(at..end),
            4 => bytes.iter_mut().skip(at).take(1).for_each(|octet| *octet ^= 1 << rng.below(8)),
            _ => {
                let edge = [0, 1, 4, 16, 32, 127, 128, 254, 255][usize::try_from(rng.below(9)).unwrap()];
                bytes.iter_mut().skip(at).take(1).for_each(|octet| *octet = edge);
            }
        }
    }
    if let (Ok(length), Some(said)) = (u16::try_from(bytes.len()), bytes.get_mut(16..18))
        && rng.below(20) != 0
    {
        said.copy_from_slice(&length.to_be_bytes());
    }
}

#[test]
fn mutated_messages() {
    let mut rng = Rng::new(seed());
    let (mut whole, mut faulty, mut agreed) = (0, 0, 0);
    for round in 0..ROUNDS {
        let negotiated = random::negotiated(&mut rng);
        let mut bytes = message(&mut rng, &negotiated);
        mutate(&mut rng, &mut bytes);
        let (mut framer, mut input) = (Framer::new(), bytes.as_slice());
        let Ok(Some(frame)) = framer.next(&mut input) else { continue };
        whole += 1;
        match decode(frame, &negotiated) {
            Ok(Message::Update(update)) => {
                let prefixes = update.announced.total() + update.withdrawn.total();
                assert!(usize::try_from(prefixes).unwrap() <= bytes.len(), "round {round}");
                if let Some(fault) = &update.fault {
                    faulty += 1;
                    assert!(!fault.to_string().is_empty());
                    let data = fault.notification().map_or(0, |notification| notification.data.len());
                    assert!(data <= bytes.len());
                    continue;
                }
                let Some(theirs) = theirs::update(&bytes, negotiated.four_octet_asns) else { continue };
                let ours = [
                    update.announced.ipv4,
                    update.announced.ipv6,
                    update.withdrawn.ipv4,
                    update.withdrawn.ipv6,
                ];
                assert_eq!(
                    ours.map(|count| usize::try_from(count).unwrap()),
                    theirs::counts(&theirs),
                    "round {round}"
                );
                agreed += 1;
            }
            Ok(Message::Open(open)) => assert!(open.capabilities.len() <= bytes.len() / 2),
            Ok(Message::Notification(notification)) => {
                assert!(
                    notification.data.len() <= bytes.len()
                        && notification.to_string().len() < 400 + 4 * bytes.len()
                );
            }
            Ok(Message::Keepalive | Message::RouteRefresh(_)) => {}
            Err(error) => assert!(error.notification().data.len() <= bytes.len()),
        }
    }
    assert!(whole > ROUNDS / 2 && faulty > ROUNDS / 10, "{whole} were whole, {faulty} faulty");
    assert!(agreed > ROUNDS / 20, "only {agreed} were counted by both");
}
