//! Messages made by hand.

use ferrolb_bgp::wire::{Action, Cause, Framer, Message, Negotiated, Update, decode};
use ferrolb_bgp::{Families, Family};

pub(crate) const WELL_KNOWN: u8 = 0x40;
pub(crate) const OPTIONAL: u8 = 0x80;
pub(crate) const TRANSITIVE: u8 = 0xC0;

/// A session with an external peer that has both families and four-octet numbers.
pub(crate) fn external() -> Negotiated {
    Negotiated {
        families: Family::ALL.into_iter().collect(),
        four_octet_asns: true,
        route_refresh: true,
        enhanced_route_refresh: true,
        ..Negotiated::default()
    }
}

pub(crate) fn internal() -> Negotiated {
    Negotiated { internal: true, ..external() }
}

/// A peer that knows numbers of two octets only.
pub(crate) fn old_external() -> Negotiated {
    Negotiated { four_octet_asns: false, ..external() }
}

pub(crate) fn only(family: Family) -> Negotiated {
    Negotiated { families: [family].into_iter().collect::<Families>(), ..external() }
}

/// A message of type `kind`.
pub(crate) fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![0xFF; 16];
    out.extend_from_slice(&u16::try_from(body.len() + 19).unwrap().to_be_bytes());
    out.push(kind);
    out.extend_from_slice(body);
    out
}

pub(crate) fn attribute(flags: u8, kind: u8, value: &[u8]) -> Vec<u8> {
    let mut out = match u8::try_from(value.len()) {
        Ok(length) => vec![flags, kind, length],
        Err(_) => {
            let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
            vec![flags | 0x10, kind, high, low]
        }
    };
    out.extend_from_slice(value);
    out
}

/// The body of an UPDATE.
pub(crate) fn body(withdrawn: &[u8], attributes: &[u8], announced: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for part in [withdrawn, attributes] {
        out.extend_from_slice(&u16::try_from(part.len()).unwrap().to_be_bytes());
        out.extend_from_slice(part);
    }
    out.extend_from_slice(announced);
    out
}

pub(crate) fn origin() -> Vec<u8> {
    attribute(WELL_KNOWN, 1, &[0])
}

pub(crate) fn as_path() -> Vec<u8> {
    attribute(WELL_KNOWN, 2, &[2, 1, 0, 0, 0xFD, 0xE9])
}

pub(crate) fn next_hop() -> Vec<u8> {
    attribute(WELL_KNOWN, 3, &[192, 0, 2, 1])
}

/// What every IPv4 route has, followed by `more`.
pub(crate) fn mandatory_and(more: &[u8]) -> Vec<u8> {
    [origin(), as_path(), next_hop(), more.to_vec()].concat()
}

/// 198.51.100.1/32 and 203.0.113.0/24.
pub(crate) const TWO_PREFIXES: [u8; 9] = [32, 198, 51, 100, 1, 24, 203, 0, 113];

/// An UPDATE that announces [`TWO_PREFIXES`] with `attributes`.
pub(crate) fn announcing(attributes: &[u8]) -> Vec<u8> {
    body(&[], attributes, &TWO_PREFIXES)
}

/// The value of an MP_REACH_NLRI with 2001:db8::1/128.
pub(crate) fn ipv6_reach() -> Vec<u8> {
    let mut value = vec![0, 2, 1, 16, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0];
    value.extend_from_slice(&[128, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    value
}

/// Sends `body` through the framer.
pub(crate) fn read(body: &[u8], negotiated: &Negotiated) -> Update {
    let message = message(2, body);
    let (mut framer, mut input) = (Framer::new(), message.as_slice());
    framer.extend();
    let frame = framer.next(&mut input).unwrap().unwrap();
    let Message::Update(update) = decode(frame, negotiated).unwrap() else { panic!("it is no UPDATE") };
    update
}

/// What is wrong with an UPDATE.
pub(crate) fn fault(body: &[u8], negotiated: &Negotiated) -> Option<(Action, Cause)> {
    read(body, negotiated).fault.map(|fault| (fault.action, fault.cause))
}

pub(crate) fn action(body: &[u8], negotiated: &Negotiated) -> Option<Action> {
    fault(body, negotiated).map(|(action, _)| action)
}
