//! RFC 7606 §7 and its like in younger RFCs: what goes for each attribute.

use ferrolb_bgp::wire::{Action, Cause, Negotiated, PathProblem};
use ferrolb_bgp::{Asn, Family};

use crate::build::{
    OPTIONAL, TRANSITIVE, WELL_KNOWN, action, announcing, as_path, attribute, body, external, fault,
    internal, ipv6_reach, mandatory_and, next_hop, old_external, origin, read,
};

/// What is wrong with a route that has the attribute in addition to what it must have.
fn beside(attribute: &[u8], negotiated: &Negotiated) -> Option<(Action, Cause)> {
    fault(&announcing(&mandatory_and(attribute)), negotiated)
}

/// Lengths that are right, of all up to 64, where an attribute is beside those that a route must have.
fn right_lengths(flags: u8, kind: u8, negotiated: &Negotiated, wrong: Action) -> Vec<usize> {
    let mut right = Vec::new();
    for length in 0..=64 {
        match beside(&attribute(flags, kind, &vec![1; length]), negotiated) {
            None => right.push(length),
            Some(found) => assert_eq!(found, (wrong, Cause::Length { kind, length })),
        }
    }
    right
}

#[test]
fn section_7_1_origin() {
    let with = |value: &[u8]| {
        let origin = attribute(WELL_KNOWN, 1, value);
        fault(&announcing(&[origin, as_path(), next_hop()].concat()), &external())
    };
    for value in 0..=2 {
        assert_eq!(with(&[value]), None);
    }
    assert_eq!(with(&[3]), Some((Action::Withdraw, Cause::Origin(3))));
    assert_eq!(with(&[255]), Some((Action::Withdraw, Cause::Origin(255))));
    assert_eq!(with(&[]), Some((Action::Withdraw, Cause::Length { kind: 1, length: 0 })));
    assert_eq!(with(&[0, 0]), Some((Action::Withdraw, Cause::Length { kind: 1, length: 2 })));
}

fn with_path(path: &[u8], negotiated: &Negotiated) -> Option<(Action, Cause)> {
    let path = attribute(WELL_KNOWN, 2, path);
    fault(&announcing(&[origin(), path, next_hop()].concat()), negotiated)
}

fn path_problem(problem: PathProblem) -> Option<(Action, Cause)> {
    Some((Action::Withdraw, Cause::Path { kind: 2, problem }))
}

#[test]
fn section_7_2_as_path() {
    for right in [&[][..], &[2, 1, 0, 0, 0, 1], &[1, 2, 0, 0, 0, 1, 0, 0, 0, 2, 2, 1, 0, 0, 0, 3]] {
        assert_eq!(with_path(right, &external()), None);
    }
    for (wrong, problem) in [
        (&[5, 1, 0, 0, 0, 1][..], PathProblem::SegmentType(5)),
        (&[0, 1, 0, 0, 0, 1], PathProblem::SegmentType(0)),
        (&[2, 0], PathProblem::EmptySegment),
        (&[2, 1, 0, 0, 0, 1, 2, 0], PathProblem::EmptySegment),
        (&[2, 2, 0, 0, 0, 1], PathProblem::Truncated),
        (&[2, 255, 0, 0, 0, 1], PathProblem::Truncated),
        (&[2], PathProblem::Truncated),
        (&[2, 1, 0, 0, 0, 1, 2], PathProblem::Truncated),
        (&[2, 1, 0, 1], PathProblem::Truncated),
    ] {
        assert_eq!(with_path(wrong, &external()), path_problem(problem), "{wrong:?}");
    }
}

/// RFC 6793 §4.1: how wide the numbers are depends on both sides.
#[test]
fn section_7_2_as_path_of_two_octets() {
    assert_eq!(with_path(&[2, 2, 0, 1, 0, 2], &old_external()), None);
    assert_eq!(with_path(&[2, 2, 0, 1, 0], &old_external()), path_problem(PathProblem::Truncated));
    let path = attribute(WELL_KNOWN, 2, &[2, 1, 0xFD, 0xE8]);
    let update = read(&announcing(&[origin(), path, next_hop()].concat()), &old_external());
    assert_eq!(update.first_asn, Some(Asn(65000)));
}

/// RFC 5065 §5: only members of a confederation send these to each other.
#[test]
fn confederation_segments_have_no_place_here() {
    for kind in [3, 4] {
        let expected = path_problem(PathProblem::SegmentType(kind));
        assert_eq!(with_path(&[kind, 1, 0, 0, 0, 1], &external()), expected);
    }
}

/// RFC 7607 §2.
#[test]
fn as_0_makes_a_path_or_an_aggregator_malformed() {
    assert_eq!(with_path(&[2, 2, 0, 0, 0, 1, 0, 0, 0, 0], &external()), path_problem(PathProblem::ZeroAsn));
    let aggregator = attribute(TRANSITIVE, 7, &[0, 0, 0, 0, 192, 0, 2, 1]);
    let expected = Some((Action::Discard, Cause::Path { kind: 7, problem: PathProblem::ZeroAsn }));
    assert_eq!(beside(&aggregator, &external()), expected);
}

#[test]
fn section_7_3_next_hop() {
    let with = |value: &[u8]| {
        let next_hop = attribute(WELL_KNOWN, 3, value);
        fault(&announcing(&[origin(), as_path(), next_hop].concat()), &external())
    };
    assert_eq!(with(&[192, 0, 2, 1]), None);
    for length in [0, 1, 3, 5, 16] {
        let expected = Some((Action::Withdraw, Cause::Length { kind: 3, length }));
        assert_eq!(with(&vec![192; length]), expected);
    }
    // RFC 4271 §6.3: not the address of a host.
    for address in [[0, 0, 0, 0], [0, 1, 2, 3], [224, 0, 0, 5], [255, 255, 255, 255]] {
        assert_eq!(with(&address), Some((Action::Withdraw, Cause::NextHop(address.into()))));
    }
}

#[test]
fn section_7_4_multi_exit_disc() {
    assert_eq!(right_lengths(OPTIONAL, 4, &external(), Action::Withdraw), [4]);
}

#[test]
fn section_7_5_local_pref() {
    assert_eq!(right_lengths(WELL_KNOWN, 5, &internal(), Action::Withdraw), [4]);
    for length in [0, 3, 4] {
        let from_external = beside(&attribute(WELL_KNOWN, 5, &vec![1; length]), &external());
        assert_eq!(from_external, Some((Action::Discard, Cause::Misplaced { kind: 5 })));
    }
}

#[test]
fn section_7_6_atomic_aggregate() {
    assert_eq!(right_lengths(WELL_KNOWN, 6, &external(), Action::Discard), [0]);
}

#[test]
fn section_7_7_aggregator() {
    assert_eq!(right_lengths(TRANSITIVE, 7, &external(), Action::Discard), [8]);
    let old = [origin(), attribute(WELL_KNOWN, 2, &[2, 1, 0, 1]), next_hop()].concat();
    for (length, expected) in [(6, None), (8, Some(Action::Discard)), (5, Some(Action::Discard))] {
        let aggregator = attribute(TRANSITIVE, 7, &vec![1; length]);
        assert_eq!(action(&announcing(&[old.clone(), aggregator].concat()), &old_external()), expected);
    }
}

/// §3 f: whatever is wrong with these two, flags among it.
#[test]
fn section_3_f_atomic_aggregate_and_aggregator_are_never_more_than_discarded() {
    for (kind, flags, value) in [(6, OPTIONAL, &[][..]), (6, TRANSITIVE, &[1]), (7, WELL_KNOWN, &[1; 8])] {
        let found = beside(&attribute(flags, kind, value), &external());
        assert_eq!(found, Some((Action::Discard, Cause::Flags { kind, flags })));
    }
}

#[test]
fn section_7_8_community() {
    let right = right_lengths(TRANSITIVE, 8, &external(), Action::Withdraw);
    assert_eq!(right, (1..=16).map(|count| count * 4).collect::<Vec<_>>());
}

#[test]
fn section_7_9_originator_id() {
    assert_eq!(right_lengths(OPTIONAL, 9, &internal(), Action::Withdraw), [4]);
    let from_external = beside(&attribute(OPTIONAL, 9, &[1; 5]), &external());
    assert_eq!(from_external, Some((Action::Discard, Cause::Misplaced { kind: 9 })));
}

#[test]
fn section_7_10_cluster_list() {
    let right = right_lengths(OPTIONAL, 10, &internal(), Action::Withdraw);
    assert_eq!(right, (1..=16).map(|count| count * 4).collect::<Vec<_>>());
    let from_external = beside(&attribute(OPTIONAL, 10, &[1; 5]), &external());
    assert_eq!(from_external, Some((Action::Discard, Cause::Misplaced { kind: 10 })));
}

/// A route of `afi` whose next hop has `length` octets, with one prefix of no length.
fn with_next_hop_of(afi: u8, length: u8, negotiated: &Negotiated) -> Option<(Action, Cause)> {
    let mut value = vec![0, afi, 1, length];
    value.extend(vec![1; length.into()]);
    value.extend_from_slice(&[0, 0]);
    let attributes = [attribute(OPTIONAL, 14, &value), origin(), as_path()].concat();
    fault(&body(&[], &attributes, &[]), negotiated)
}

#[test]
fn section_7_11_mp_reach_nlri_next_hop() {
    let right = |afi, negotiated: &Negotiated| {
        (0..=255).filter(|&length| with_next_hop_of(afi, length, negotiated).is_none()).collect::<Vec<_>>()
    };
    assert_eq!(right(2, &external()), [16, 32]);
    assert_eq!(right(1, &external()), [4]);
    // RFC 8950 §3.
    assert_eq!(right(1, &Negotiated { extended_next_hop: true, ..external() }), [4, 16, 32]);
    let family = Family::Ipv6Unicast;
    let expected = Some((Action::Reset, Cause::ReachNextHop { family, length: 4 }));
    assert_eq!(with_next_hop_of(2, 4, &external()), expected);
}

/// §5.3 too: every cut of the attribute, with its length put right, is an error that resets or has no prefix in it.
#[test]
fn section_7_11_mp_reach_nlri_cut_anywhere() {
    let whole = ipv6_reach();
    for length in 0..whole.len() {
        let reach = attribute(OPTIONAL, 14, &whole[..length]);
        let found = fault(&body(&[], &[reach, origin(), as_path()].concat(), &[]), &external());
        let family = Family::Ipv6Unicast;
        let expected = match length {
            0..=20 => Some((Action::Reset, Cause::Short { kind: 14 })),
            21 => None,
            _ => Some((Action::Reset, Cause::FamilyPrefixes { kind: 14, family })),
        };
        assert_eq!(found, expected, "cut to {length}");
    }
}

#[test]
fn section_7_12_mp_unreach_nlri_cut_anywhere() {
    let whole = [0, 2, 1, 24, 0x20, 1, 0x0D, 32, 0x20, 1, 0x0D, 0xB8];
    for length in 0..=whole.len() {
        let update = read(&body(&[], &attribute(OPTIONAL, 15, &whole[..length]), &[]), &external());
        let family = Family::Ipv6Unicast;
        let found = update.fault.map(|fault| (fault.action, fault.cause));
        let expected = match length {
            0..=2 => Some((Action::Reset, Cause::Short { kind: 15 })),
            3 | 7 | 12 => None,
            _ => Some((Action::Reset, Cause::FamilyPrefixes { kind: 15, family })),
        };
        assert_eq!(found, expected, "cut to {length}");
        assert_eq!(
            update.withdrawn.ipv6,
            match length {
                7 => 1,
                12 => 2,
                _ => 0,
            }
        );
    }
}

#[test]
fn section_7_14_extended_communities() {
    assert_eq!(
        right_lengths(TRANSITIVE, 16, &external(), Action::Withdraw),
        (1..=8).map(|count| count * 8).collect::<Vec<_>>()
    );
    // Types that nobody knows are no error.
    assert_eq!(beside(&attribute(TRANSITIVE, 16, &[0xFE; 8]), &external()), None);
}

#[test]
fn section_7_15_ipv6_extended_communities() {
    assert_eq!(right_lengths(TRANSITIVE, 25, &external(), Action::Withdraw), [20, 40, 60]);
}

/// Traffic Engineering (RFC 5543) and ATTR_SET (RFC 6368) are for speakers that do something with them.
#[test]
fn section_7_13_and_7_16_what_we_do_not_know_is_never_malformed() {
    for kind in [24, 128] {
        assert_eq!(right_lengths(TRANSITIVE, kind, &external(), Action::Discard).len(), 65);
    }
}

/// RFC 4271 §5: optional attributes need not be known; no length and no flag of theirs is an error.
#[test]
fn unknown_optional_attributes_are_passed_over() {
    for kind in (19..=24).chain(26..=31).chain(33..=255) {
        for flags in [OPTIONAL, TRANSITIVE, TRANSITIVE | 0x20] {
            assert_eq!(beside(&attribute(flags, kind, &[0xFF; 7]), &external()), None);
        }
    }
}

/// RFC 8092 §6.
#[test]
fn large_communities() {
    assert_eq!(right_lengths(TRANSITIVE, 32, &external(), Action::Withdraw), [12, 24, 36, 48, 60]);
}

/// RFC 6793 §6: discarded where malformed, and from peers that should know better (§4.1) in any case.
#[test]
fn as4_path_and_as4_aggregator() {
    let old = [origin(), attribute(WELL_KNOWN, 2, &[2, 1, 0, 1]), next_hop()].concat();
    let from_old = |flags, kind, value: &[u8]| {
        fault(&announcing(&[old.clone(), attribute(flags, kind, value)].concat()), &old_external())
    };
    assert_eq!(from_old(TRANSITIVE, 17, &[2, 1, 0, 1, 0, 0]), None);
    assert_eq!(from_old(TRANSITIVE, 18, &[0, 1, 0, 0, 192, 0, 2, 1]), None);
    for (kind, value) in [(17, &[][..]), (17, &[2, 1, 0, 1]), (17, &[9, 1, 0, 1, 0, 0]), (18, &[1; 6])] {
        assert_eq!(from_old(TRANSITIVE, kind, value).map(|(action, _)| action), Some(Action::Discard));
    }
    assert_eq!(from_old(OPTIONAL, 17, &[2, 1, 0, 1, 0, 0]).map(|(action, _)| action), Some(Action::Discard));
    for kind in [17, 18] {
        let found = beside(&attribute(TRANSITIVE, kind, &[1]), &external());
        assert_eq!(found, Some((Action::Discard, Cause::Misplaced { kind })));
    }
}
