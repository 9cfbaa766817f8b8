//! Path attributes: their types, and how we write those that we send.

use core::fmt;

use super::Negotiated;
use crate::{Asn, Attributes, Family, NextHop, Origin};

pub(super) const ORIGIN: u8 = 1;
pub(super) const AS_PATH: u8 = 2;
pub(super) const NEXT_HOP: u8 = 3;
pub(super) const MULTI_EXIT_DISC: u8 = 4;
pub(super) const LOCAL_PREF: u8 = 5;
pub(super) const ATOMIC_AGGREGATE: u8 = 6;
pub(super) const AGGREGATOR: u8 = 7;
pub(super) const COMMUNITIES: u8 = 8;
pub(super) const ORIGINATOR_ID: u8 = 9;
pub(super) const CLUSTER_LIST: u8 = 10;
pub(super) const MP_REACH_NLRI: u8 = 14;
pub(super) const MP_UNREACH_NLRI: u8 = 15;
pub(super) const EXTENDED_COMMUNITIES: u8 = 16;
pub(super) const AS4_PATH: u8 = 17;
pub(super) const AS4_AGGREGATOR: u8 = 18;
pub(super) const IPV6_EXTENDED_COMMUNITIES: u8 = 25;
pub(super) const LARGE_COMMUNITIES: u8 = 32;

pub(super) const OPTIONAL: u8 = 0x80;
pub(super) const TRANSITIVE: u8 = 0x40;
pub(super) const EXTENDED_LENGTH: u8 = 0x10;

pub(super) const AS_SET: u8 = 1;
pub(super) const AS_SEQUENCE: u8 = 2;

/// Flags, type and a length of two octets.
pub(super) const LONG_HEADER_LEN: usize = 4;

/// What internal peers are told of a route without a preference of its own.
const DEFAULT_LOCAL_PREF: u32 = 100;

/// The type of an attribute, written as the RFCs call it.
#[derive(Clone, Copy)]
pub(super) struct Name(pub(super) u8);

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            ORIGIN => "ORIGIN",
            AS_PATH => "AS_PATH",
            NEXT_HOP => "NEXT_HOP",
            MULTI_EXIT_DISC => "MULTI_EXIT_DISC",
            LOCAL_PREF => "LOCAL_PREF",
            ATOMIC_AGGREGATE => "ATOMIC_AGGREGATE",
            AGGREGATOR => "AGGREGATOR",
            COMMUNITIES => "COMMUNITIES",
            ORIGINATOR_ID => "ORIGINATOR_ID",
            CLUSTER_LIST => "CLUSTER_LIST",
            MP_REACH_NLRI => "MP_REACH_NLRI",
            MP_UNREACH_NLRI => "MP_UNREACH_NLRI",
            EXTENDED_COMMUNITIES => "EXTENDED COMMUNITIES",
            AS4_PATH => "AS4_PATH",
            AS4_AGGREGATOR => "AS4_AGGREGATOR",
            IPV6_EXTENDED_COMMUNITIES => "IPv6 EXTENDED COMMUNITIES",
            LARGE_COMMUNITIES => "LARGE_COMMUNITY",
            unknown => return write!(f, "the attribute of type {unknown}"),
        })
    }
}

/// Appends all attributes in the order of their types, without MP_REACH_NLRI. `with_next_hop` is false where that one has
/// the next hop in it.
pub(super) fn encode(
    out: &mut Vec<u8>,
    attributes: &Attributes,
    negotiated: &Negotiated,
    with_next_hop: bool,
) {
    append(out, TRANSITIVE, ORIGIN, &[origin(attributes.origin)]);
    let asns = attributes.as_path.asns();
    let four = negotiated.four_octet_asns;
    append(out, TRANSITIVE, AS_PATH, &if four { path_of_four(asns) } else { path_of_two(asns) });
    if let (NextHop::V4(address), true) = (attributes.next_hop, with_next_hop) {
        append(out, TRANSITIVE, NEXT_HOP, &address.octets());
    }
    if let Some(med) = attributes.med {
        append(out, OPTIONAL, MULTI_EXIT_DISC, &med.to_be_bytes());
    }
    // RFC 4271 §5.1.5: always to internal peers, never to external ones.
    if negotiated.internal {
        let preference = attributes.local_pref.unwrap_or(DEFAULT_LOCAL_PREF);
        append(out, TRANSITIVE, LOCAL_PREF, &preference.to_be_bytes());
    }
    let communities: Vec<u8> = attributes.communities.iter().flat_map(|it| it.0.to_be_bytes()).collect();
    append_if_any(out, COMMUNITIES, &communities);
    let extended: Vec<u8> = attributes.extended_communities.iter().flat_map(|it| it.0).collect();
    append_if_any(out, EXTENDED_COMMUNITIES, &extended);
    // RFC 6793 §4.2.2: who reads two octets passes on the four that it does not understand.
    if !four && asns.iter().any(|asn| asn.is_wide()) {
        append(out, OPTIONAL | TRANSITIVE, AS4_PATH, &path_of_four(asns));
    }
    let large = attributes.large_communities.iter().flat_map(|it| [it.global, it.local1, it.local2]);
    append_if_any(out, LARGE_COMMUNITIES, &large.flat_map(u32::to_be_bytes).collect::<Vec<_>>());
}

/// What MP_REACH_NLRI has before its prefixes: family, next hop, and an octet that means nothing (RFC 4760 §3).
pub(super) fn reach(family: Family, next_hop: NextHop) -> Vec<u8> {
    let mut out = Vec::new();
    append_family(&mut out, family);
    match next_hop {
        NextHop::V4(address) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        NextHop::V6(address) => {
            out.push(16);
            out.extend_from_slice(&address.octets());
        }
        NextHop::V6WithLinkLocal { global, link_local } => {
            out.push(32);
            out.extend_from_slice(&global.octets());
            out.extend_from_slice(&link_local.octets());
        }
    }
    out.push(0);
    out
}

/// Appends AFI and SAFI.
pub(super) fn append_family(out: &mut Vec<u8>, family: Family) {
    let codes = family.codes();
    out.extend_from_slice(&codes.afi.to_be_bytes());
    out.push(codes.safi);
}

/// Appends an optional, non-transitive attribute whose value `write` appends, with a length of two octets.
pub(super) fn append_long(out: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    out.extend_from_slice(&[OPTIONAL | EXTENDED_LENGTH, kind, 0, 0]);
    let start = out.len();
    write(out);
    let length = u16::try_from(out.len() - start).expect("a message is shorter than 65,536 octets");
    out[start - 2..start].copy_from_slice(&length.to_be_bytes());
}

/// The same with a length of one octet.
pub(super) fn append_short(out: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let mut value = Vec::new();
    write(&mut value);
    append(out, OPTIONAL, kind, &value);
}

fn append_if_any(out: &mut Vec<u8>, kind: u8, value: &[u8]) {
    if !value.is_empty() {
        append(out, OPTIONAL | TRANSITIVE, kind, value);
    }
}

fn append(out: &mut Vec<u8>, flags: u8, kind: u8, value: &[u8]) {
    match u8::try_from(value.len()) {
        Ok(length) => out.extend_from_slice(&[flags, kind, length]),
        Err(_) => {
            // What is longer than any message is refused by whoever asked for it; its length is of no use there.
            let [high, low] = u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes();
            out.extend_from_slice(&[flags | EXTENDED_LENGTH, kind, high, low]);
        }
    }
    out.extend_from_slice(value);
}

fn origin(origin: Origin) -> u8 {
    match origin {
        Origin::Igp => 0,
        Origin::Egp => 1,
        Origin::Incomplete => 2,
    }
}

fn path_of_four(asns: &[Asn]) -> Vec<u8> {
    path(asns, |out, asn| out.extend_from_slice(&asn.0.to_be_bytes()))
}

fn path_of_two(asns: &[Asn]) -> Vec<u8> {
    path(asns, |out, asn| out.extend_from_slice(&asn.in_two_octets().to_be_bytes()))
}

/// A sequence, in as many segments as it needs: the count of one is an octet (RFC 4271 §5.1.2).
fn path(asns: &[Asn], append: impl Fn(&mut Vec<u8>, Asn)) -> Vec<u8> {
    let mut out = Vec::new();
    for segment in asns.chunks(u8::MAX.into()) {
        out.extend_from_slice(&[AS_SEQUENCE, u8::try_from(segment.len()).unwrap_or(u8::MAX)]);
        segment.iter().for_each(|&asn| append(&mut out, asn));
    }
    out
}
