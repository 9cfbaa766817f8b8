//! RFC 7606 §3 to §5: what goes for UPDATEs as a whole.

use ferrolb_bgp::wire::{Action, Cause, Counts, Update};
use ferrolb_bgp::{AfiSafi, Asn, Family};

use crate::build::{
    OPTIONAL, TRANSITIVE, TWO_PREFIXES, WELL_KNOWN, action, announcing, as_path, attribute, body, external,
    fault, internal, ipv6_reach, mandatory_and, next_hop, only, origin, read,
};

fn numbers(update: &Update) -> (u8, u8) {
    update.fault.as_ref().and_then(|fault| fault.notification()).expect("a reset").code.numbers()
}

#[test]
fn an_update_without_error_is_counted() {
    let reach = attribute(OPTIONAL, 14, &ipv6_reach());
    let unreach = attribute(OPTIONAL, 15, &[0, 2, 1, 64, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0]);
    let attributes = mandatory_and(&[reach, unreach].concat());
    let update = read(&body(&[24, 10, 0, 0], &attributes, &TWO_PREFIXES), &external());
    assert_eq!(update.announced, Counts { ipv4: 2, ipv6: 1 });
    assert_eq!(update.withdrawn, Counts { ipv4: 1, ipv6: 1 });
    assert_eq!((update.first_asn, update.fault, update.end_of_rib), (Some(Asn(65001)), None, None));
}

#[test]
fn section_3_a_lengths_beyond_the_message_reset() {
    for bad in [&[0, 9, 24, 10][..], &[0xFF, 0xFF, 0, 0], &[0, 0, 0, 5, 0x40, 1, 1, 0], &[0, 2, 8, 10, 0]] {
        let update = read(&bad.iter().copied().chain([0; 0]).collect::<Vec<_>>(), &external());
        assert_eq!(update.fault.as_ref().map(|fault| fault.cause), Some(Cause::Lengths), "{bad:?}");
        assert_eq!(numbers(&update), (3, 1));
    }
}

#[test]
fn section_3_c_wrong_flags_withdraw() {
    for (kind, flags, value) in [
        (1, OPTIONAL | WELL_KNOWN, &[0][..]),
        (2, OPTIONAL, &[2, 1, 0, 0, 0xFD, 0xE9]),
        (3, 0, &[192, 0, 2, 1]),
    ] {
        let others = [origin(), as_path(), next_hop()].concat();
        let others: Vec<u8> = others_without(&others, kind);
        let attributes = [attribute(flags, kind, value), others].concat();
        let expected = Some((Action::Withdraw, Cause::Flags { kind, flags }));
        assert_eq!(fault(&announcing(&attributes), &external()), expected);
    }
    for (kind, flags, value) in [
        (4, WELL_KNOWN, &[0; 4][..]),
        (4, TRANSITIVE, &[0; 4]),
        (5, OPTIONAL, &[0; 4]),
        (8, OPTIONAL, &[0; 4]),
        (9, TRANSITIVE, &[0; 4]),
        (10, WELL_KNOWN, &[0; 4]),
        (16, OPTIONAL, &[0; 8]),
        (25, OPTIONAL, &[0; 20]),
        (32, WELL_KNOWN, &[0; 12]),
    ] {
        let attributes = mandatory_and(&attribute(flags, kind, value));
        let expected = Some((Action::Withdraw, Cause::Flags { kind, flags }));
        assert_eq!(fault(&announcing(&attributes), &internal()), expected);
    }
}

/// §5.3 counts flags to what makes these two incorrect, and by §3 j there are no routes then that could be withdrawn.
#[test]
fn section_5_3_wrong_flags_of_mp_attributes_reset() {
    for (kind, value) in [(14, ipv6_reach()), (15, vec![0, 2, 1, 64, 0x20, 1, 0x0D, 0xB8, 0, 0, 0, 0])] {
        for flags in [0, WELL_KNOWN, TRANSITIVE] {
            let bad = attribute(flags, kind, &value);
            let beside = mandatory_and(&bad);
            // A weaker error that comes first, or later, changes nothing of it.
            let origin = attribute(WELL_KNOWN, 1, &[9]);
            let (before, after) = ([&origin[..], &bad].concat(), [&bad[..], &origin].concat());
            for update in [announcing(&beside), body(&[], &before, &[]), body(&[], &after, &[])] {
                let fault = read(&update, &external()).fault.unwrap();
                assert_eq!((fault.action, fault.cause), (Action::Reset, Cause::Flags { kind, flags }));
                let notification = fault.notification().unwrap();
                assert_eq!((notification.code.numbers(), &notification.data), ((3, 4), &bad));
            }
        }
    }
}

/// Leaves out the attribute of a type; all are short ones.
fn others_without(attributes: &[u8], kind: u8) -> Vec<u8> {
    let (mut rest, mut out) = (attributes, Vec::new());
    while let [_, this, length, ..] = *rest {
        let (attribute, after) = rest.split_at(3 + usize::from(length));
        if this != kind {
            out.extend_from_slice(attribute);
        }
        rest = after;
    }
    out
}

/// Only Optional and Transitive count: Partial, Extended Length and the four unused bits do not (RFC 4271 §4.3).
#[test]
fn section_3_c_other_flags_are_not_looked_at() {
    let med = attribute(OPTIONAL | 0x2F, 4, &[0; 4]);
    let long = [&[WELL_KNOWN | 0x10, 1, 0, 1, 0][..], &as_path(), &next_hop(), &med].concat();
    assert_eq!(fault(&announcing(&long), &external()), None);
}

#[test]
fn section_3_d_missing_mandatory_attributes_withdraw() {
    let all = mandatory_and(&[]);
    for kind in 1..=3 {
        let expected = Some((Action::Withdraw, Cause::Missing { kind }));
        assert_eq!(fault(&announcing(&others_without(&all, kind)), &external()), expected);
    }
}

/// RFC 4760 §3: MP_REACH_NLRI has the next hop of its routes in it, and a NEXT_HOP beside it is ignored.
#[test]
fn section_3_d_next_hop_is_not_mandatory_beside_mp_reach() {
    let reach = attribute(OPTIONAL, 14, &ipv6_reach());
    let without = [origin(), as_path(), reach.clone()].concat();
    assert_eq!(fault(&body(&[], &without, &[]), &external()), None);
    let malformed = [without, attribute(WELL_KNOWN, 3, &[1, 2])].concat();
    assert_eq!(fault(&body(&[], &malformed, &[]), &external()), None);
    let expected = Some((Action::Withdraw, Cause::Missing { kind: 3 }));
    assert_eq!(fault(&announcing(&[origin(), as_path(), reach].concat()), &external()), expected);
}

#[test]
fn section_3_g_repeated_attributes_are_discarded_but_the_first() {
    for again in [origin(), attribute(TRANSITIVE, 8, &[0; 4]), attribute(TRANSITIVE, 99, &[1])] {
        let kind = again[1];
        let attributes = mandatory_and(&[again.clone(), again].concat());
        let expected = Some((Action::Discard, Cause::Twice { kind }));
        assert_eq!(fault(&announcing(&attributes), &external()), expected);
    }
    // What the first one says counts, and what the second one says does not.
    let attributes = mandatory_and(&attribute(WELL_KNOWN, 1, &[7, 7, 7]));
    assert_eq!(action(&announcing(&attributes), &external()), Some(Action::Discard));
}

#[test]
fn section_3_g_repeated_mp_attributes_reset() {
    for (kind, value) in [(14, ipv6_reach()), (15, vec![0, 2, 1, 0])] {
        let twice = attribute(OPTIONAL, kind, &value).repeat(2);
        let update = read(&announcing(&mandatory_and(&twice)), &external());
        assert_eq!(update.fault.as_ref().map(|fault| fault.cause), Some(Cause::Twice { kind }));
        assert_eq!(numbers(&update), (3, 1));
    }
}

#[test]
fn section_3_h_the_strongest_of_several_decides() {
    let (discard, withdraw) = (attribute(WELL_KNOWN, 6, &[1]), attribute(OPTIONAL, 4, &[1]));
    let reset = attribute(OPTIONAL, 14, &[0, 2, 1, 3]);
    for attributes in [[&discard[..], &withdraw].concat(), [&withdraw[..], &discard].concat()] {
        assert_eq!(action(&announcing(&mandatory_and(&attributes)), &external()), Some(Action::Withdraw));
    }
    for attributes in [[&reset[..], &withdraw, &discard].concat(), [&discard[..], &withdraw, &reset].concat()]
    {
        assert_eq!(action(&announcing(&mandatory_and(&attributes)), &external()), Some(Action::Reset));
    }
}

#[test]
fn section_3_i_withdrawn_routes_are_checked_like_announced_ones() {
    for bad in [&[33, 1, 2, 3, 4, 5][..], &[24, 1, 2], &[32]] {
        for update in [body(bad, &[], &[]), body(&[], &mandatory_and(&[]), bad)] {
            let update = read(&update, &external());
            assert_eq!(update.fault.as_ref().map(|fault| fault.cause), Some(Cause::Prefixes), "{bad:?}");
            assert_eq!(numbers(&update), (3, 10));
        }
    }
}

#[test]
fn section_3_j_routes_that_cannot_be_read_are_not_withdrawn_but_reset() {
    let short = attribute(OPTIONAL, 14, &[0, 2, 1, 16, 0x20]);
    let bad_prefix = [&ipv6_reach()[..], &[129]].concat();
    let bad_prefix = attribute(OPTIONAL, 14, &bad_prefix);
    let bad_withdrawal = attribute(OPTIONAL, 15, &[0, 2, 1, 128, 1]);
    for bad in [short, bad_prefix, bad_withdrawal] {
        let update = read(&announcing(&mandatory_and(&bad)), &external());
        let notification = update.fault.unwrap().notification().unwrap();
        assert_eq!((notification.code.numbers(), notification.data), ((3, 9), bad));
    }
}

/// RFC 4271 §6.3, which RFC 7606 leaves as it is.
#[test]
fn an_unknown_attribute_that_all_must_know_resets() {
    for flags in [WELL_KNOWN, 0] {
        let bad = attribute(flags, 77, &[1, 2]);
        let update = read(&announcing(&mandatory_and(&bad)), &external());
        let notification = update.fault.unwrap().notification().unwrap();
        assert_eq!((notification.code.numbers(), notification.data), ((3, 2), bad));
    }
}

#[test]
fn section_4_an_attribute_longer_than_all_withdraws_and_the_prefixes_are_still_found() {
    for last in
        [&[TRANSITIVE, 8, 9, 1, 2][..], &[TRANSITIVE | 0x10, 8, 0xFF, 0xFF, 1], &[OPTIONAL, 4, 5, 0, 0, 0, 1]]
    {
        let update = read(&announcing(&mandatory_and(last)), &external());
        assert_eq!(update.announced.ipv4, 2);
        let fault = update.fault.unwrap();
        assert_eq!((fault.action, fault.cause), (Action::Withdraw, Cause::Truncated { kind: Some(last[1]) }));
        assert_eq!(fault.notification(), None);
    }
}

#[test]
fn section_4_less_than_an_attribute_is_left() {
    for last in [&[TRANSITIVE][..], &[TRANSITIVE, 8], &[TRANSITIVE | 0x10, 8, 0]] {
        let update = read(&announcing(&mandatory_and(last)), &external());
        assert_eq!((update.announced.ipv4, update.fault.unwrap().action), (2, Action::Withdraw), "{last:?}");
    }
}

#[test]
fn section_4_where_that_attribute_holds_routes_it_resets() {
    for kind in [14, 15] {
        let last = [OPTIONAL, kind, 200, 0, 2, 1, 16];
        assert_eq!(action(&announcing(&mandatory_and(&last)), &external()), Some(Action::Reset));
    }
}

#[test]
fn section_4_zero_length_is_an_error_but_of_as_path_and_atomic_aggregate() {
    let empty = |flags, kind| attribute(flags, kind, &[]);
    let attributes = [origin(), empty(WELL_KNOWN, 2), next_hop(), empty(WELL_KNOWN, 6)].concat();
    assert_eq!(fault(&announcing(&attributes), &internal()), None);
    for (kind, flags) in [
        (1, WELL_KNOWN),
        (3, WELL_KNOWN),
        (4, OPTIONAL),
        (5, WELL_KNOWN),
        (7, TRANSITIVE),
        (8, TRANSITIVE),
        (9, OPTIONAL),
        (10, OPTIONAL),
        (16, TRANSITIVE),
        (25, TRANSITIVE),
        (32, TRANSITIVE),
    ] {
        let attributes = [empty(flags, kind), others_without(&mandatory_and(&[]), kind)].concat();
        let cause = fault(&announcing(&attributes), &internal()).map(|(_, cause)| cause);
        assert_eq!(cause, Some(Cause::Length { kind, length: 0 }));
    }
}

/// §5.1 says which comes first where it is sent; any order is taken.
#[test]
fn section_5_1_attributes_come_in_any_order() {
    let reach = attribute(OPTIONAL, 14, &ipv6_reach());
    let orders = [
        [reach.clone(), origin(), as_path(), next_hop()],
        [next_hop(), as_path(), reach.clone(), origin()],
        [as_path(), next_hop(), origin(), reach],
    ];
    for order in orders {
        let update = read(&announcing(&order.concat()), &external());
        assert_eq!((update.announced, update.fault), (Counts { ipv4: 2, ipv6: 1 }, None));
    }
}

#[test]
fn section_5_2_an_error_without_a_route_to_withdraw_resets() {
    let bad = attribute(WELL_KNOWN, 1, &[9]);
    let unreach = attribute(OPTIONAL, 15, &[0, 2, 1, 0]);
    for (update, quoted) in [
        (body(&[], &bad, &[]), true),
        (body(&[24, 10, 0, 0], &bad, &[]), true),
        (body(&[], &[unreach, bad.clone()].concat(), &[]), true),
        (body(&[], &[WELL_KNOWN, 1, 9, 0], &[]), false),
    ] {
        let fault = read(&update, &external()).fault.unwrap();
        assert_eq!(fault.action, Action::Reset);
        let notification = fault.notification().unwrap();
        assert_eq!(notification.data == bad, quoted);
    }
    // An error that would only be discarded stays one.
    let harmless = attribute(WELL_KNOWN, 6, &[1]);
    assert_eq!(action(&body(&[], &harmless, &[]), &external()), Some(Action::Discard));
}

#[test]
fn section_5_2_attributes_without_routes_and_without_errors_are_nothing() {
    let update = read(&body(&[], &mandatory_and(&[]), &[]), &external());
    let first_asn = Some(Asn(65001));
    assert_eq!(update, Update { first_asn, ..Update::default() });
}

/// RFC 4724 §2.
#[test]
fn end_of_rib_is_an_update_that_says_nothing() {
    let ipv6 = attribute(OPTIONAL, 15, &[0, 2, 1]);
    let end = |body: &[u8], negotiated| read(body, &negotiated).end_of_rib;
    assert_eq!(end(&body(&[], &[], &[]), external()), Some(Family::Ipv4Unicast));
    assert_eq!(end(&body(&[], &ipv6, &[]), external()), Some(Family::Ipv6Unicast));
    let ipv4 = attribute(OPTIONAL, 15, &[0, 1, 1]);
    assert_eq!(end(&body(&[], &ipv4, &[]), external()), Some(Family::Ipv4Unicast));
    // Not if there is anything beside it, or of a family that was not agreed on.
    assert_eq!(end(&body(&[8, 10], &[], &[]), external()), None);
    assert_eq!(end(&body(&[], &[ipv6.clone(), origin()].concat(), &[]), external()), None);
    assert_eq!(end(&announcing(&mandatory_and(&ipv6)), external()), None);
    assert_eq!(end(&body(&[], &ipv6, &[]), only(Family::Ipv4Unicast)), None);
    assert_eq!(end(&body(&[], &[], &[]), only(Family::Ipv6Unicast)), None);
    assert_eq!(end(&body(&[], &attribute(OPTIONAL, 15, &[0, 2, 2]), &[]), external()), None);
}

/// RFC 4760 §7 lets a session go on without a family; one that it never had is not looked at in the first place.
#[test]
fn a_family_that_was_not_agreed_on_never_resets() {
    let flowspec = AfiSafi { afi: 1, safi: 133 };
    let bad_origin = attribute(WELL_KNOWN, 1, &[9]);
    for value in [&[0, 1, 133][..], &[0, 1, 133, 0, 0, 0], &[0, 1, 133, 200, 1]] {
        let reach = attribute(OPTIONAL, 14, value);
        let update = read(&body(&[], &[&origin()[..], &as_path(), &reach].concat(), &[]), &external());
        assert_eq!((update.foreign, update.fault), (Some(flowspec), None));
        let unreach = attribute(OPTIONAL, 15, value);
        let update = read(&body(&[], &unreach, &[]), &external());
        assert_eq!((update.foreign, update.fault), (Some(flowspec), None));
        // Neither by their flags nor by what is wrong with an attribute of its routes.
        for reach in [&reach[..], &attribute(WELL_KNOWN, 14, value)] {
            for attributes in [[reach, &bad_origin].concat(), [&bad_origin[..], reach].concat()] {
                let update = read(&body(&[], &attributes, &[]), &external());
                let fault = update.fault.map(|fault| (fault.action, fault.cause));
                assert_eq!(
                    (update.foreign, fault),
                    (Some(flowspec), Some((Action::Withdraw, Cause::Origin(9))))
                );
            }
        }
        let update = read(&body(&[], &attribute(WELL_KNOWN, 15, value), &[]), &external());
        assert_eq!((update.foreign, update.fault), (Some(flowspec), None));
    }
    let ipv4 = only(Family::Ipv4Unicast);
    let bad = attribute(OPTIONAL, 14, &[0, 2, 1, 77, 1, 2, 3]);
    let update = read(&announcing(&mandatory_and(&bad)), &ipv4);
    assert_eq!((update.foreign, update.fault), (Some(Family::Ipv6Unicast.codes()), None));
    // The same at the end of the attributes, and longer than they are.
    let truncated = [OPTIONAL, 14, 200, 0, 2, 1, 16];
    let attributes = [origin(), as_path(), truncated.to_vec()].concat();
    assert_eq!(action(&body(&[], &attributes, &[]), &ipv4), Some(Action::Withdraw));
    // The prefixes of the message itself, where IPv4 was not agreed on.
    let update = read(&body(&[99], &mandatory_and(&[]), &[77, 1]), &only(Family::Ipv6Unicast));
    assert_eq!((update.foreign, update.fault), (Some(Family::Ipv4Unicast.codes()), None));
    assert_eq!(update.announced.total() + update.withdrawn.total(), 0);
}

/// RFC 4271 §4.3: the bits after a prefix are of no meaning; ::/0 and 0.0.0.0/0 are prefixes.
#[test]
fn prefixes_of_every_length_are_counted() {
    let announced: Vec<u8> =
        (0..=32_u8).flat_map(|bits| [bits].into_iter().chain(vec![0xFF; bits.div_ceil(8).into()])).collect();
    assert_eq!(read(&body(&[], &mandatory_and(&[]), &announced), &external()).announced.ipv4, 33);
    let mut value = ipv6_reach()[..21].to_vec();
    (0..=128_u8).for_each(|bits| value.extend([bits].into_iter().chain(vec![0xFF; bits.div_ceil(8).into()])));
    let attributes = [origin(), as_path(), attribute(OPTIONAL, 14, &value)].concat();
    assert_eq!(read(&body(&[], &attributes, &[]), &external()).announced.ipv6, 129);
}
