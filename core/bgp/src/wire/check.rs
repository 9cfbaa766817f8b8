use std::net::Ipv4Addr;

use super::attribute::{
    AGGREGATOR, AS_PATH, AS4_AGGREGATOR, AS4_PATH, ATOMIC_AGGREGATE, CLUSTER_LIST, COMMUNITIES,
    EXTENDED_COMMUNITIES, IPV6_EXTENDED_COMMUNITIES, LARGE_COMMUNITIES, LOCAL_PREF, MP_REACH_NLRI,
    MP_UNREACH_NLRI, MULTI_EXIT_DISC, NEXT_HOP, OPTIONAL, ORIGIN, ORIGINATOR_ID, TRANSITIVE,
};
use super::cursor::Cursor;
use super::{Action, Cause, Negotiated, PathProblem, path};
use crate::Asn;

/// What is wrong with one attribute on its own (RFC 7606 §3, §7). MP_REACH_NLRI and MP_UNREACH_NLRI are looked at for
/// their flags only.
pub(super) fn check(kind: u8, flags: u8, value: &[u8], negotiated: &Negotiated) -> Option<(Action, Cause)> {
    let external = !negotiated.internal;
    let Some(expected) = flags_of(kind) else {
        // RFC 4271 §6.3, which RFC 7606 leaves as it is. What is optional may be unknown.
        return (flags & OPTIONAL == 0).then_some((Action::Reset, Cause::Unrecognized { kind }));
    };
    // What a peer of this kind should not send is discarded whatever is in it (RFC 7606 §7.5, §7.9, §7.10; RFC 6793 §4.1).
    let misplaced = match kind {
        LOCAL_PREF | ORIGINATOR_ID | CLUSTER_LIST => external,
        AS4_PATH | AS4_AGGREGATOR => negotiated.four_octet_asns,
        _ => false,
    };
    if misplaced {
        return Some((Action::Discard, Cause::Misplaced { kind }));
    }
    let cause = if flags & (OPTIONAL | TRANSITIVE) != expected {
        Some(Cause::Flags { kind, flags })
    } else {
        check_value(kind, value, negotiated)
    };
    cause.map(|cause| (action_of(kind), cause))
}

/// How optional and transitive an attribute must be; none of one that we do not know.
fn flags_of(kind: u8) -> Option<u8> {
    match kind {
        ORIGIN | AS_PATH | NEXT_HOP | LOCAL_PREF | ATOMIC_AGGREGATE => Some(TRANSITIVE),
        MULTI_EXIT_DISC | ORIGINATOR_ID | CLUSTER_LIST | MP_REACH_NLRI | MP_UNREACH_NLRI => Some(OPTIONAL),
        AGGREGATOR
        | COMMUNITIES
        | EXTENDED_COMMUNITIES
        | AS4_PATH
        | AS4_AGGREGATOR
        | IPV6_EXTENDED_COMMUNITIES
        | LARGE_COMMUNITIES => Some(OPTIONAL | TRANSITIVE),
        _ => None,
    }
}

/// What an error in an attribute asks for: it is discarded if no choice among routes depends on it
/// (RFC 7606 §3 f, RFC 6793 §6). Where wrong flags make the routes themselves doubtful, there are none to be treated as
/// withdrawn (RFC 7606 §5.3, §3 j).
fn action_of(kind: u8) -> Action {
    match kind {
        MP_REACH_NLRI | MP_UNREACH_NLRI => Action::Reset,
        ATOMIC_AGGREGATE | AGGREGATOR | AS4_PATH | AS4_AGGREGATOR => Action::Discard,
        _ => Action::Withdraw,
    }
}

fn check_value(kind: u8, value: &[u8], negotiated: &Negotiated) -> Option<Cause> {
    let length = value.len();
    let wrong_length = Cause::Length { kind, length };
    let exactly = |octets| (length != octets).then_some(wrong_length);
    let some_of = |octets| (length == 0 || !length.is_multiple_of(octets)).then_some(wrong_length);
    match kind {
        ORIGIN => match value {
            [0..=2] => None,
            [value] => Some(Cause::Origin(*value)),
            _ => Some(wrong_length),
        },
        AS_PATH => check_path(kind, value, negotiated.four_octet_asns),
        AS4_PATH if length == 0 => Some(wrong_length),
        AS4_PATH => check_path(kind, value, true),
        NEXT_HOP => match <[u8; 4]>::try_from(value) {
            Ok(octets) => check_next_hop(octets.into()),
            Err(_) => Some(wrong_length),
        },
        MULTI_EXIT_DISC | LOCAL_PREF | ORIGINATOR_ID => exactly(4),
        ATOMIC_AGGREGATE => exactly(0),
        AGGREGATOR => check_aggregator(kind, value, negotiated.four_octet_asns),
        AS4_AGGREGATOR => check_aggregator(kind, value, true),
        COMMUNITIES | CLUSTER_LIST => some_of(4),
        EXTENDED_COMMUNITIES => some_of(8),
        IPV6_EXTENDED_COMMUNITIES => some_of(20),
        LARGE_COMMUNITIES => some_of(12),
        _ => None,
    }
}

fn check_path(kind: u8, value: &[u8], four_octets: bool) -> Option<Cause> {
    path::first_asn(value, four_octets).err().map(|problem| Cause::Path { kind, problem })
}

/// RFC 4271 §6.3: it must be the address of a host.
fn check_next_hop(address: Ipv4Addr) -> Option<Cause> {
    let [first, ..] = address.octets();
    (first == 0 || first >= 224).then_some(Cause::NextHop(address))
}

/// RFC 7606 §7.7, RFC 6793 §6, RFC 7607 §2.
fn check_aggregator(kind: u8, value: &[u8], four_octets: bool) -> Option<Cause> {
    let length = value.len();
    if length != if four_octets { 8 } else { 6 } {
        return Some(Cause::Length { kind, length });
    }
    let zero = path::asn(&mut Cursor(value), four_octets) == Some(Asn(0));
    zero.then_some(Cause::Path { kind, problem: PathProblem::ZeroAsn })
}
