//! Somebody else's codec (netgauze-bgp-pkt) reads what we write, and we read what it writes, on thousands of random
//! messages. `SEED=n` starts elsewhere.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod mutated;
mod random;
mod theirs;

use ferrolb_bgp::wire::{
    Announcement, Counts, Framer, Message, Negotiated, Open, Update, Withdrawal, decode,
};
use ferrolb_bgp::{Attributes, Family, Prefix};
use ferrolb_sansio::Rng;

pub(crate) fn seed() -> u64 {
    std::env::var("SEED").map_or(0, |text| text.parse().expect("SEED is a number"))
}

pub(crate) fn read(bytes: &[u8], negotiated: &Negotiated) -> Message {
    let (mut framer, mut input) = (Framer::new(), bytes);
    framer.extend();
    let message = decode(framer.next(&mut input).unwrap().expect("a whole message"), negotiated).unwrap();
    assert_eq!(input, b"");
    message
}

fn read_update(bytes: &[u8], negotiated: &Negotiated) -> Update {
    let Message::Update(update) = read(bytes, negotiated) else { panic!("it is no UPDATE") };
    update
}

/// One UPDATE, and how many of the prefixes are in it.
pub(crate) fn announce(
    attributes: &Attributes,
    prefixes: &[Prefix],
    negotiated: &Negotiated,
) -> (Vec<u8>, usize) {
    let announcement = Announcement::new(Family::of(&prefixes[0]), attributes, negotiated).unwrap();
    let mut out = Vec::new();
    let count = announcement.write(&mut out, &mut prefixes.iter().copied());
    (out, count)
}

/// What we announce says the same to them; what they make of it says the same to us.
#[test]
fn announcements() {
    let mut rng = Rng::new(seed());
    for round in 0..5_000 {
        let negotiated = random::negotiated(&mut rng);
        let family = random::family(&mut rng);
        let mut attributes = random::attributes(&mut rng, family, &negotiated);
        let prefixes = random::prefixes(&mut rng, family);
        let (bytes, count) = announce(&attributes, &prefixes, &negotiated);

        let (read, heard) = theirs::route(&bytes, negotiated.four_octet_asns);
        // What external peers do not hear, and what internal ones hear instead of nothing.
        attributes.local_pref = negotiated.internal.then(|| attributes.local_pref.unwrap_or(100));
        assert_eq!(read, attributes, "round {round}");
        assert_eq!(heard, prefixes[..count].iter().map(Prefix::trunc).collect::<Vec<_>>());

        let again = read_update(&theirs::rewritten(&bytes, negotiated.four_octet_asns), &negotiated);
        let count = u32::try_from(count).unwrap();
        let expected = match family {
            Family::Ipv4Unicast => Counts { ipv4: count, ipv6: 0 },
            Family::Ipv6Unicast => Counts { ipv4: 0, ipv6: count },
        };
        assert_eq!((again.fault, again.announced), (None, expected), "round {round}");
        assert_eq!(read_update(&bytes, &negotiated).announced, expected);
    }
}

#[test]
fn withdrawals_and_end_of_rib() {
    let mut rng = Rng::new(seed());
    for _ in 0..2_000 {
        let negotiated = random::negotiated(&mut rng);
        let family = random::family(&mut rng);
        let prefixes = random::prefixes(&mut rng, family);
        let mut bytes = Vec::new();
        let withdrawal = Withdrawal::new(family, &negotiated).unwrap();
        let count = withdrawal.write(&mut bytes, &mut prefixes.iter().copied());
        let withdrawn = theirs::withdrawn(&bytes);
        assert_eq!(withdrawn, prefixes[..count].iter().map(Prefix::trunc).collect::<Vec<_>>());
        let again = read_update(&theirs::rewritten(&bytes, true), &negotiated);
        assert_eq!((again.fault, again.withdrawn.total()), (None, u32::try_from(count).unwrap()));
    }
    for family in Family::ALL {
        let mut bytes = Vec::new();
        ferrolb_bgp::wire::end_of_rib(&mut bytes, family);
        assert_eq!(theirs::end_of_rib(&bytes), Some(family));
        let negotiated = random::negotiated(&mut rng);
        let again = read_update(&theirs::rewritten(&bytes, true), &negotiated);
        assert_eq!(again.end_of_rib, Some(family));
    }
}

#[test]
fn opens() {
    let mut rng = Rng::new(seed());
    for _ in 0..5_000 {
        let open: Open = random::open(&mut rng);
        let mut bytes = Vec::new();
        open.encode(&mut bytes).unwrap();
        theirs::assert_open(&bytes, &open);
        let Message::Open(again) = read(&theirs::rewritten(&bytes, true), &Negotiated::default()) else {
            panic!("it is no OPEN");
        };
        assert_eq!(again, open);
    }
}

/// They know no codes beyond those of the RFCs, so that these are tried.
#[test]
fn notifications_refreshes_and_keepalives() {
    let mut rng = Rng::new(seed());
    let mut codes = 0;
    for code in 1..=7 {
        for subcode in 0..=11 {
            let data = random::bytes(&mut rng, 40);
            let code = ferrolb_bgp::wire::ErrorCode::from_numbers(code, subcode);
            let notification = ferrolb_bgp::wire::Notification { code, data };
            let mut bytes = Vec::new();
            notification.encode(&mut bytes);
            let Some(again) = theirs::rewritten_if_known(&bytes, true) else { continue };
            codes += 1;
            assert_eq!(read(&again, &Negotiated::default()), Message::Notification(notification));
        }
    }
    assert!(codes > 35, "only {codes} codes were known to both");
    let mut bytes = Vec::new();
    ferrolb_bgp::wire::keepalive(&mut bytes);
    assert_eq!(theirs::rewritten(&bytes, true), bytes);
    for family in Family::ALL {
        for kind in [
            ferrolb_bgp::wire::RefreshKind::Request,
            ferrolb_bgp::wire::RefreshKind::Begin,
            ferrolb_bgp::wire::RefreshKind::End,
        ] {
            let mut bytes = Vec::new();
            ferrolb_bgp::wire::RouteRefresh { family: family.codes(), kind }.encode(&mut bytes);
            assert_eq!(theirs::rewritten(&bytes, true), bytes);
        }
    }
}
